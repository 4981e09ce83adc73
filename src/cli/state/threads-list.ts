import { resolve } from 'node:path'
import { StateError } from '../../errors.js'
import { formatPlural } from '../../format/quantity.js'
import { THREAD_KIND, type ThreadEntry } from '../../format/thread-fields.js'
import type { createListedTokens } from '../../inspect/token-ledger.js'
import { MOST_THREADS_READ, THREAD_SORTS, type ThreadSort } from '../../model/inspection.js'
import type { Instant } from '../../model/log.js'
import type { ThreadFieldName } from '../../model/thread-output.js'
import { findCwdSpellings } from '../../query/cwd-spellings.js'
import { formatCursor, type ListedThread, parseCursor } from '../../query/threads/cursor.js'
import type { ThreadSelection } from '../../query/threads/filter.js'
import { hasMoreThreads } from '../../query/threads/find.js'
import { propertiesOf, readThreadJson } from '../../query/threads/json.js'
import { chooseSort, readThreads } from '../../query/threads/list.js'
import type { ThreadTable } from '../../query/threads/table.js'
import { choiceFlag, eitherFlag, type FlagValues, listFlag, onFlag, textFlag } from '../flags.js'
import { parseTime, TIME_LOOK } from '../options.js'
import { defineListCommand } from '../records.js'
import type { JsonPage } from './output.js'
import { selectFields } from './output-fields.js'
import type { Session } from './session.js'

const FLAGS = {
  sort: choiceFlag('<time>', THREAD_SORTS, 'newest first by this time (default: updated)'),
  archived: onFlag('only archived threads'),
  active: onFlag('only active threads'),
  source: listFlag('<source>', 'cli, vscode, exec, subagent, review …', {
    completes: { kind: 'stored', values: 'source' },
  }),
  provider: listFlag('<id>', 'threads of this model provider', {
    completes: { kind: 'stored', values: 'provider' },
  }),
  cwd: listFlag('<dir>', 'threads of this folder, however it is spelled', { completes: { kind: 'folders' } }),
  branch: listFlag('<name>', 'threads of this git branch', {
    completes: { kind: 'stored', values: 'branch' },
  }),
  since: textFlag('<time>', 'not older than 2026-02-06, 3d, 2h30m, yesterday …', TIME_LOOK),
  until: textFlag('<time>', 'not newer than that', TIME_LOOK),
  search: textFlag('<text>', 'part of the title, first message, name or id'),
  children: eitherFlag('only threads that another thread spawned', 'all but those'),
  reviewers: onFlag('also threads of automatic reviewers, which repeat what others said'),
  quiet: onFlag('print only ids', { short: 'q' }),
  print0: onFlag('with --quiet: a NUL behind each id instead of a line feed, for xargs -0'),
  cursor: textFlag('<token>', 'continue after the row that had this cursor'),
  codexView: onFlag('the rows and order in which this Codex lists them'),
  codexPicker: onFlag('what its picker lists by default'),
}

const PAGE_ROWS = 500

const ID_KIND = { ...THREAD_KIND, shown: ['id'], shownInTable: ['id'] }

export const command = defineListCommand({
  examples: ['threads list --cwd . --since 7d', "threads list --search 'rounding bug' --json=id,title"],
  kind: ({ quiet }) => (quiet ? ID_KIND : THREAD_KIND),
  flags: FLAGS,
  tables: ['threads'],
  emptyText: 'no threads match',
  isFaint: ({ thread }) => thread.isArchived,
  async read(session, flags) {
    if (flags.print0 && !flags.quiet) throw new StateError('USAGE', '--print0 requires --quiet')
    const threads = session.openThreads()
    const filter = await resolveFilter(flags, threads, session)
    const isCodexList = flags.codexView === true || flags.codexPicker === true
    // Codex searches texts as they are typed.
    if (isCodexList && flags.search !== undefined) filter.search = { match: 'literal', text: flags.search }
    // Codex lists by creation when it is not told otherwise.
    const sort = flags.sort ?? chooseSort(threads, isCodexList ? 'created' : 'updated')
    const cursor = flags.cursor === undefined ? undefined : parseCursor(flags.cursor, threads, sort)
    const { limit = Number.POSITIVE_INFINITY } = flags
    const onDamage = (id: string) => {
      session.notice(`thread ${id}: its row cannot be read, the file is damaged there`)
      session.fail()
    }
    const fields = selectFields(flags.quiet ? ID_KIND : THREAD_KIND, flags, session.io.stdout.isTerminal).map(
      ({ name }) => name as ThreadFieldName,
    )
    // Beside what is shown: how a row is painted, where it leads, and what a list looks at.
    const selected = new Set([
      ...propertiesOf(fields),
      'id',
      'name',
      'isArchived',
      'rolloutPath',
      'source',
    ] as const)
    // Many rows of JSON are written by SQLite, with the numbers of the rows.
    const isRead =
      fields.some((name) => TOKEN_FIELDS.has(name)) &&
      (flags.json === undefined || limit <= MOST_THREADS_READ || !hasMoreThreads(threads, MOST_THREADS_READ))
    const options = { cursor, onDamage, selected, pageRows: Math.max(1, Math.min(limit, PAGE_ROWS)) }
    const pages = isCodexList
      ? // Loaded where it is needed: it brings the reading of rollouts along.
        (await import('../../inspect/codex-view.js')).listCodexView(threads, filter, sort, {
          cursor,
          codexHome: session.codexHome,
          // The head of each rollout is read, so few at a time where few are asked for.
          pageRows: Math.max(50, Math.min(limit, PAGE_ROWS)),
          isPicker: flags.codexPicker === true,
          selected: flags.codexPicker
            ? undefined
            : new Set([...selected, ...(selected.has('preview') ? (['firstUserMessage'] as const) : [])]),
          onDamage,
          onNotice: session.notice,
        })
      : flags.json === undefined || isRead
        ? readThreads(threads, filter, sort, options)
        : readThreadJson(threads, {
            filter,
            sort,
            fields,
            names: session.names(),
            cursor,
            limit,
            onDamage,
          })
    const counts = { threads: 0, archived: 0 }
    return {
      pages: countThreads(
        toEntries(pages, threads, sort, {
          session,
          limit,
          readTokens: isRead ? await loadTokens(session) : undefined,
        }),
        limit,
        counts,
      ),
      // For a shell, also where one looks on.
      recordEnd: flags.print0 ? '\0' : flags.quiet && flags.fields === undefined ? '\n' : undefined,
      footer: () =>
        flags.quiet ? undefined : describeCounts(counts, limit, () => countReviewers(threads, filter, sort)),
    }
  },
})

const TOKEN_FIELDS: ReadonlySet<ThreadFieldName> = new Set(['total_tokens', 'tokens_from'])

type ReadTokens = ReturnType<typeof createListedTokens>

/** Loaded where it is needed: it brings the reading of rollouts along. */
async function loadTokens({ codexHome }: Session): Promise<ReadTokens> {
  return (await import('../../inspect/token-ledger.js')).createListedTokens(codexHome)
}

interface EntryOptions {
  session: Session
  /** Rows behind it are not shown. */
  limit: number
  readTokens: ReadTokens | undefined
}

async function* toEntries(
  pages: Iterable<ListedThread[] | JsonPage> | AsyncIterable<ListedThread[] | JsonPage>,
  threads: ThreadTable,
  sort: ThreadSort,
  { session, limit, readTokens }: EntryOptions,
): AsyncGenerator<ThreadEntry[] | JsonPage> {
  let left = limit
  for await (const page of pages) {
    if ('bytes' in page) {
      yield page
      continue
    }
    const totals = await readTokens?.(page.slice(0, left).map(({ thread }) => thread))
    left -= page.length
    yield page.map((listed) => ({
      thread: listed.thread,
      name: listed.thread.name ?? session.names().get(listed.thread.id) ?? null,
      cursor: formatCursor(listed, threads, sort),
      totalTokens: totals?.get(listed.thread.id),
    }))
  }
}

interface Counts {
  threads: number
  archived: number
}

async function* countThreads(
  pages: AsyncIterable<ThreadEntry[] | JsonPage>,
  limit: number,
  counts: Counts,
): AsyncGenerator<ThreadEntry[] | JsonPage> {
  for await (const page of pages) {
    if (!('bytes' in page)) {
      const shown = page.slice(0, limit - counts.threads)
      counts.threads += shown.length
      counts.archived += shown.filter(({ thread }) => thread.isArchived).length
    }
    yield page
  }
}

function describeCounts({ threads, archived }: Counts, limit: number, countOthers: () => number): string {
  const shown = `${formatPlural(threads, 'thread')}${archived > 0 ? `, ${archived} archived` : ''}`
  if (threads === limit)
    return `${shown} shown. More: -n ${limit * 2}, all of one: codex-state threads show ID`
  const others = countOthers()
  const reviewers = others > 0 ? `; ${others} of automatic reviewers: --reviewers` : ''
  return `${shown}${reviewers}. All of one: codex-state threads show ID`
}

/** How many threads of automatic reviewers are left out. */
function countReviewers(threads: ThreadTable, filter: ThreadSelection, sort: ThreadSort): number {
  if (filter.reviewers !== 'without') return 0
  let count = 0
  const selected = new Set(['id'] as const)
  for (const page of readThreads(threads, { ...filter, reviewers: 'only' }, sort, { selected }))
    count += page.length
  return count
}

async function resolveFilter(
  flags: FlagValues<typeof FLAGS>,
  threads: ThreadTable,
  { io, names, nowMs }: Session,
): Promise<ThreadSelection> {
  if (flags.archived && flags.active) {
    throw new StateError('USAGE', '--archived and --active exclude each other', {
      hint: 'Without either, both are listed.',
    })
  }
  const filter: ThreadSelection = {}
  if (flags.archived || flags.active) filter.isArchived = flags.archived === true
  if (flags.source) filter.sources = { match: 'word', values: flags.source }
  if (flags.provider) filter.providers = flags.provider
  if (flags.cwd) {
    filter.cwds = flags.cwd.flatMap((cwd) => findCwdSpellings(threads, toAbsolute(cwd, io.workingFolder)))
  }
  if (flags.branch) filter.branches = flags.branch
  const context = { nowMs, zone: undefined }
  if (flags.since !== undefined) filter.sinceMs = toMillis(await parseTime(flags.since, 'start', context))
  if (flags.until !== undefined) filter.untilMs = toMillis(await parseTime(flags.until, 'end', context))
  if (flags.search !== undefined) {
    const wanted = flags.search.toLowerCase()
    const named = [...names()].filter(([, name]) => name.toLowerCase().includes(wanted))
    filter.search = { match: 'anyCase', text: flags.search, namedIds: named.map(([id]) => id) }
  }
  if (flags.children !== undefined) filter.isChild = flags.children
  const isAskedFor = flags.reviewers || flags.source || flags.codexView || flags.codexPicker
  if (!isAskedFor) filter.reviewers = 'without'
  return filter
}

/** A Windows path stays what it is, also where this runs on another system. */
export function toAbsolute(path: string, workingFolder: string): string {
  return /^([a-z]:[\\/]|\\\\)/i.test(path) ? path : resolve(workingFolder, path)
}

function toMillis({ seconds, nanos }: Instant): number {
  return seconds * 1000 + Math.floor(nanos / 1e6)
}
