import type { RecordKind } from '../../format/fields.js'
import type { ExplainedFailure } from '../../format/finding-text.js'
import type { StyleName } from '../../format/palette.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import {
  createFindingsReader,
  type Finding,
  type FindingSeverity,
  readNotes,
  resizeByNotes,
} from '../../inspect/log-failures.js'
import { findHoles, readReach } from '../../inspect/log-reach.js'
import type { LogFilter } from '../../model/log.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { type LogStore, readHighestId, readLowestId } from '../../query/logs/store.js'
import { choiceFlag, offFlag, onFlag } from '../flags.js'
import { loadPalette, resolveColor } from '../options.js'
import { defineListCommand } from '../records.js'
import type { Session } from '../state/session.js'
import { failureOptions } from './failure-options.js'
import { isUnfiltered, LOG_FILTER_FLAGS } from './filter-flags.js'
import {
  createGroups,
  FINDING_GROUP_KIND,
  FINDING_KIND,
  type FindingGroup,
  type ListedFinding,
  THREAD_GROUP_KIND,
  type ThreadGroup,
  TURN_GROUP_KIND,
  tellThreads,
} from './finding-kinds.js'
import { createThreadWords, openFilteredLogs } from './open-logs.js'
import { createScanProgress } from './progress.js'
import { readBatches } from './read-batches.js'
import { inWorkers } from './select.js'

type ErrorsRow = ListedFinding | FindingGroup | ThreadGroup

const FLAGS = {
  ...LOG_FILTER_FLAGS,
  by: choiceFlag(
    '<what>',
    ['thread', 'turn'],
    'a line for each thread, or turn, instead of each kind of failure',
  ),
  group: offFlag('a line for each failure'),
  explain: onFlag('under each kind its cause and what can be done'),
  notices: onFlag(
    'also what is harmless or was wanted: interrupts, exit statuses of commands, compactions, noise',
  ),
}

export const command = defineListCommand<ErrorsRow, typeof FLAGS>({
  examples: ['errors --since 1d --explain', 'errors --by thread'],
  kind: ({ by, group }) => {
    const kind =
      by === 'turn'
        ? TURN_GROUP_KIND
        : by === 'thread'
          ? THREAD_GROUP_KIND
          : group === false
            ? FINDING_KIND
            : FINDING_GROUP_KIND
    return kind as RecordKind<unknown> as RecordKind<ErrorsRow>
  },
  variesBy: ['by', 'group'],
  flags: FLAGS,
  tables: ['logs', 'threads'],
  notes: `What went wrong, whatever its level: failed turns (INFO in every release), retries, tool calls that failed or were
refused, patches, MCP servers, databases, and every other warning and error. A kind is a place in Codex's code and a
message without its ids, numbers, paths and quoted texts. Filters choose by the rows that tell of a failure; its cause
is taken from the rows around it. 'codex-logs explain NAME' tells more of a kind.`,
  isFaint: (row) => 'severity' in row && row.severity === 'notice',
  async read(session, flags) {
    const { io } = session
    const { store, filter } = await openFilteredLogs(flags, session)
    const words = createThreadWords(session)
    const groups = createGroups(flags.by ?? (flags.group ? 'kind' : 'none'), words)
    const noticeNames = new Set<string>()
    const troubleMs: number[] = []
    let noticeCount = 0
    const progress = createScanProgress(io)
    const reader = createFindingsReader(store, failureOptions(session, words, filter))
    const take = (findings: readonly Finding[]) => {
      for (const finding of findings) {
        if (finding.entry?.name === 'database-locked') troubleMs.push(finding.firstMs, finding.lastMs)
        if (finding.severity === 'notice' && !flags.notices) {
          noticeCount++
          noticeNames.add(finding.entry?.name ?? '')
        } else {
          groups.add(finding)
        }
      }
    }
    const { context } = reader
    const results = readBatches({
      batches: progress.watch(matchingBatches(store, context), () => countIds(store)),
      read: (batch) => readNotes(store, batch, context),
      resize: resizeByNotes,
      workers: inWorkers(io, store, { filter: context, job: { kind: 'notes' } }),
    })
    for await (const notes of results) take(reader.add(notes))
    take(reader.end())
    progress.clear()
    tellReach(store, filter, flags, troubleMs, session)
    const notices =
      noticeCount > 0
        ? `and ${formatPlural(noticeCount, 'notice')} of ${formatPlural(noticeNames.size, 'kind')} (--notices)`
        : undefined
    const nothing = isUnfiltered(filter) ? 'this log reports no failure' : 'no failure matches'
    return {
      pages: [groups.finish() as ErrorsRow[]],
      emptyText: notices ? `${nothing}, ${notices}` : nothing,
      footer: () => notices,
    }
  },
  write(rows, flags, { io, nowMs }) {
    if (!flags.explain) return undefined
    return (async () => {
      const { formatFindingGroup } = await import('../../format/finding-text.js')
      const palette = await loadPalette(resolveColor(flags.color, io))
      const width = io.stdout.isTerminal ? io.stdout.columns || 100 : undefined
      const blocks = rows.map((row) => formatFindingGroup(explain(row), { palette, width, nowMs }))
      io.stdout.write(blocks.join('\n'))
    })()
  },
})

function explain(row: ErrorsRow): ExplainedFailure {
  const finding = 'example' in row ? row.example : 'last' in row ? row.last : row
  const { entry, severity, text, isGuess } = finding
  return {
    name: entry?.name ?? `(${severity})`,
    style: STYLES[severity],
    what: entry?.title ?? finding.target,
    count: 'count' in row ? row.count : 1,
    lastMs: row.lastMs,
    message: text,
    where: 'threads' in row ? tellThreads(row.threads) : row.title,
    // What a process that is gone may have ended of the cause itself says.
    cause: isGuess && entry?.name !== 'killed' ? `Most likely: ${entry?.cause}` : entry?.cause,
    step: entry?.step,
  }
}

const STYLES: Readonly<Record<FindingSeverity, StyleName>> = {
  failure: 'bad',
  error: 'bad',
  recovered: 'warning',
  warning: 'warning',
  notice: 'faint',
}

/** What a log without an end and with holes cannot tell. */
function tellReach(
  store: LogStore,
  filter: LogFilter,
  { since }: { since?: string | undefined },
  troubleMs: readonly number[],
  session: Session,
): void {
  const reach = readReach(store)
  if (reach.first === undefined) return
  if (since === undefined) {
    const gone =
      reach.goneCount > 0n ? `; ${formatCount(Number(reach.goneCount))} rows that were written are gone` : ''
    session.notice(`the log reaches back to ${tellSecond(reach.first)}${gone}`)
    session.notice('what codex exec does is in no log')
  }
  if (store.columns.body === 'message') {
    session.notice('releases to 0.116, which write this layout, do not say why a tool call failed')
  }
  for (const { from, to, processUuid } of findHoles(store, filter, troubleMs)) {
    session.notice(
      `rows may be missing from ${tellSecond(from)} to ${tellSecond(to)}: ${processUuid.split(':', 2).join(' ')} wrote before and after`,
    )
  }
}

function tellSecond(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

function countIds(store: LogStore): number {
  const highest = readHighestId(store)
  return Number(highest - (readLowestId(store) ?? highest)) + 1
}
