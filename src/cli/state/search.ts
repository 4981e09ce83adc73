import { StateError } from '../../errors.js'
import { formatBadLine } from '../../format/bad-line.js'
import type { RecordKind } from '../../format/fields.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import { type FoundLine, type SearchLimits, searchThreads } from '../../inspect/search-threads.js'
import {
  SEARCH_PLACES,
  type SearchedRollout,
  type SearchHit,
  type SearchPlace,
  type SearchQuery,
} from '../../model/search.js'
import { readThreadBriefs, type ThreadBrief } from '../../query/threads/brief.js'
import { findRolloutPath } from '../../query/threads/find.js'
import { listRollouts } from '../../rollout/list.js'
import { createMatcher } from '../../rollout/search-text.js'
import { listFlag, onFlag, parseCount, parsedFlag, requiredArgument, textFlag } from '../flags.js'
import { parseTime, TIME_LOOK } from '../options.js'
import { defineListCommand } from '../records.js'
import { searchRollouts } from './search-rollouts.js'
import type { Session } from './session.js'
import { requireThread } from './thread-argument.js'
import { toAbsolute } from './threads-list.js'

/** A line that matches; on a terminal also a line beside one. */
interface LineRow extends FoundLine {
  isContext: boolean
}

interface CountRow {
  threadId: string
  title: string | null
  count: number
}

type SearchRow = LineRow | CountRow

const LINE_KIND: RecordKind<LineRow> = {
  noun: 'match',
  fields: [
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ threadId }) => threadId },
    { name: 'title', kind: 'text', value: ({ title }) => title },
    { name: 'turn', kind: 'number', value: ({ hit }) => hit.turn },
    { name: 'turn_id', kind: 'id', value: ({ hit }) => hit.turnId },
    { name: 'at', kind: 'time', value: ({ hit }) => hit.atMs },
    {
      name: 'who',
      kind: 'text',
      value: ({ hit }) => hit.place,
      cell: ({ hit, isContext }) => (isContext ? '' : WHO[hit.place]),
      reserved: 'assistant'.length,
    },
    { name: 'text', kind: 'text', value: ({ hit }) => hit.text, cell: ({ hit }) => excerpt(hit) },
    { name: 'match_start', kind: 'number', value: ({ hit }) => hit.matchStart },
    { name: 'match_length', kind: 'number', value: ({ hit }) => hit.matchLength },
    { name: 'before', kind: 'json', value: ({ hit }) => JSON.stringify(hit.before) },
    { name: 'after', kind: 'json', value: ({ hit }) => JSON.stringify(hit.after) },
    { name: 'rolled_back', kind: 'flag', value: ({ hit }) => hit.isRolledBack },
    { name: 'inherited', kind: 'flag', value: ({ hit }) => hit.isInherited },
    { name: 'path', kind: 'path', value: ({ path }) => path },
    { name: 'line', kind: 'number', value: ({ hit }) => hit.lineNumber },
  ],
  shown: ['thread_id', 'turn', 'at', 'who', 'text'],
  nameOf: ({ threadId }) => `in thread ${threadId}`,
}

const WHO: Record<SearchPlace, string> = {
  user: 'user',
  assistant: 'assistant',
  calls: 'call',
  output: 'output',
  reasoning: 'thought',
  notes: 'note',
  titles: 'title',
}

const COUNT_KIND: RecordKind<CountRow> = {
  noun: 'thread',
  fields: [
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ threadId }) => threadId },
    { name: 'matches', kind: 'number', value: ({ count }) => count },
    { name: 'title', kind: 'text', value: ({ title }) => title },
  ],
  shown: ['thread_id', 'matches', 'title'],
  nameOf: ({ threadId }) => threadId,
}

const EXCERPT_BEFORE = 24

/** The match within sight of the beginning of a cell. */
function excerpt({ text, matchStart, matchLength }: SearchHit): string {
  const trimmed = text.trimStart()
  const start = matchStart - (text.length - trimmed.length)
  if (start + matchLength <= 50) return trimmed
  return `…${trimmed.slice(Math.max(0, start - EXCERPT_BEFORE))}`
}

const FLAGS = {
  regex: onFlag('TEXT is a regular expression', { short: 'E' }),
  ignoreCase: onFlag('ignore upper and lower case', { short: 'i' }),
  context: parsedFlag('<n>', 'as many lines before and after', parseCount, { short: 'C' }),
  in: listFlag('<places>', `only in these: ${SEARCH_PLACES.join(', ')}`, {
    completes: { kind: 'words', words: SEARCH_PLACES },
  }),
  threadIds: onFlag('print only the ids of threads that match', { short: 'l' }),
  count: onFlag('print how many lines of each thread match', { short: 'c' }),
  thread: textFlag('<thread>', 'only in this thread: an id, its beginning, a name or title, or last', {
    completes: { kind: 'stored', values: 'thread' },
  }),
  cwd: textFlag('<dir>', 'only in threads of this folder, however it is spelled', {
    completes: { kind: 'folders' },
  }),
  archived: onFlag('only in archived threads'),
  active: onFlag('only in active threads'),
  since: textFlag('<time>', 'not said before 2026-02-06, 3d, 2h30m, yesterday …', TIME_LOOK),
  until: textFlag('<time>', 'not said after that', TIME_LOOK),
  reviewers: onFlag('also in threads of automatic reviewers, which repeat what others said'),
}

export const command = defineListCommand<
  SearchRow,
  typeof FLAGS,
  { text: ReturnType<typeof requiredArgument> }
>({
  examples: ["search 'rounding bug' -i", "search -E 'npm (ci|test)' --in calls --since 7d"],
  kind: ({ count, threadIds }) =>
    (threadIds
      ? { ...COUNT_KIND, shown: ['thread_id'] }
      : count
        ? COUNT_KIND
        : LINE_KIND) as RecordKind<SearchRow>,
  variesBy: 'count',
  json: 'lines',
  args: { text: requiredArgument('what to look for', { example: 'the' }) },
  flags: FLAGS,
  tables: ['threads'],
  exitsWith1: 'nothing matches',
  notes: `All rollouts are searched as they are, archived and compressed ones too: what users, models and tools said, each
once. What a fork has of another thread is found there. Instructions, pictures and ids are left out. The newest thread
comes first.`,
  isFaint: (row) => 'hit' in row && row.isContext,
  async read(session, flags, { text }) {
    if (text === '') throw new StateError('USAGE', 'there is nothing to look for')
    if (flags.archived && flags.active)
      throw new StateError('USAGE', '--archived and --active exclude each other')
    const times = { nowMs: session.nowMs, zone: undefined }
    const since = flags.since === undefined ? undefined : await parseTime(flags.since, 'start', times)
    const until = flags.until === undefined ? undefined : await parseTime(flags.until, 'end', times)
    const query: SearchQuery = {
      text,
      isRegex: flags.regex === true,
      ignoresCase: flags.ignoreCase === true,
      places: parsePlaces(flags.in),
      contextLines: flags.context ?? 0,
      sinceMs: since && since.seconds * 1000 + Math.floor(since.nanos / 1e6),
      untilMs: until && until.seconds * 1000 + Math.ceil(until.nanos / 1e6),
      onlyFirst: flags.threadIds === true,
      withReviewers: flags.reviewers === true,
    }
    createMatcher(query)
    const threadId = flags.thread === undefined ? undefined : (await requireThread(flags.thread, session)).id
    const cwd = flags.cwd === undefined ? undefined : toAbsolute(flags.cwd, session.io.workingFolder)
    const folder = flags.archived ? 'archived_sessions' : flags.active ? 'sessions' : undefined
    const isTable = session.io.stdout.isTerminal && flags.json === undefined && flags.fields === undefined
    const found = findMatches(session, query, { threadId, cwd, folder })
    const isCounted = flags.count === true || flags.threadIds === true
    return {
      pages: isCounted ? countThreads(found) : isTable ? withContext(found) : found,
      emptyText: isCaseCounted(query)
        ? 'nothing matches; upper and lower case count without -i'
        : 'nothing matches',
    }
  },
})

function parsePlaces(typed: readonly string[] | undefined): readonly SearchPlace[] {
  if (typed === undefined) return SEARCH_PLACES
  return typed
    .flatMap((text) => text.split(','))
    .map((text) => {
      const place = SEARCH_PLACES.find((known) => known === text.trim())
      if (place) return place
      throw new StateError('USAGE', `'${text}' is not a place to search in`, {
        hint: `There are: ${SEARCH_PLACES.join(', ')}.`,
      })
    })
}

async function* findMatches(
  session: Session,
  query: SearchQuery,
  limits: SearchLimits,
): AsyncGenerator<LineRow[]> {
  const { codexHome, io } = session
  const briefs = readBriefs(session)
  const { files, unreadable } = await listRollouts(codexHome)
  for (const { path, reason } of unreadable) {
    session.notice(`${path} cannot be read: ${reason}`)
    session.fail()
  }
  // An empty home is more likely not the one that was meant.
  if (files.length === 0 && briefs.size === 0) session.open('threads')
  let hasFound = false
  let elidedBytes = 0
  let unknownCount = 0
  let untimedCount = 0
  const found = searchThreads({
    query,
    limits,
    files,
    briefs,
    names: session.names,
    findCurrent(threadId) {
      const threads = session.tryOpenThreads()
      return threads && findRolloutPath(threads, threadId, undefined)
    },
    search: (paths) => searchRollouts({ query, codexHome, paths, io }),
    onSearched(result) {
      tellUnread(result, session)
      elidedBytes += result.elidedBytes
      unknownCount += result.unknownCount
      untimedCount += result.untimedCount
    },
  })
  for await (const lines of found) {
    hasFound ||= lines.length > 0
    yield lines.map((line) => ({ ...line, isContext: false }))
  }
  if (elidedBytes > 0) session.notice(`${formatPlural(elidedBytes, 'byte')} of long texts were not searched`)
  if (unknownCount > 0)
    session.notice(
      `${formatPlural(unknownCount, 'line')} of types that are not known here ${unknownCount === 1 ? 'was' : 'were'} not searched`,
    )
  if (untimedCount > 0)
    session.notice(`${formatCount(untimedCount)} that match are left out: when they were said is not known`)
  if (!hasFound) session.fail()
}

/** What of a rollout was not searched. */
function tellUnread({ path, failure, badLines, badLineCount }: SearchedRollout, session: Session): void {
  if (failure !== null) {
    session.notice(failure)
    session.fail()
  }
  for (const line of badLines) session.notice(formatBadLine({ path, ...line }))
  const unnamed = badLineCount - badLines.length
  if (unnamed > 0) session.notice(`${path}: ${formatPlural(unnamed, 'more line')} cannot be read`)
}

function readBriefs(session: Session): Map<string, ThreadBrief> {
  try {
    const threads = session.tryOpenThreads()
    return new Map(threads ? readThreadBriefs(threads).map((brief) => [brief.id, brief]) : [])
  } catch (error) {
    // The rollouts are there all the same.
    if (!(error instanceof StateError)) throw error
    session.notice(`titles are not known: ${error.message}`)
    return new Map()
  }
}

/** One row for each thread, when its last rollout has been searched. */
async function* countThreads(found: AsyncIterable<LineRow[]>): AsyncGenerator<CountRow[]> {
  let row: CountRow | undefined
  for await (const rows of found)
    for (const { threadId, title } of rows) {
      if (row?.threadId === threadId) {
        row.count += 1
        continue
      }
      if (row) yield [row]
      row = { threadId, title, count: 1 }
    }
  if (row) yield [row]
}

/** On a terminal the lines around a match are rows of their own. */
async function* withContext(found: AsyncIterable<LineRow[]>): AsyncGenerator<LineRow[]> {
  for await (const rows of found)
    yield rows.flatMap((row) => {
      const beside = (text: string): LineRow => ({
        ...row,
        hit: { ...row.hit, text, matchStart: 0, matchLength: 0 },
        isContext: true,
      })
      return [...row.hit.before.map(beside), row, ...row.hit.after.map(beside)]
    })
}

function isCaseCounted({ text, ignoresCase }: SearchQuery): boolean {
  return !ignoresCase && text.toLowerCase() !== text.toUpperCase()
}
