import {
  noteRow,
  type RowNote,
  type RowSite,
  subjectOf,
  type UnknownSeverity,
} from '../body/failure-notes.js'
import { FAILURE_SIGNS, STREAM_SIGNS } from '../body/failure-signs.js'
import type { FailureEntry, FailureSeverity } from '../body/failures.js'
import { createFailureFinder, type Failure } from '../body/find-failures.js'
import { maskMessage } from '../body/mask.js'
import { readValue } from '../body/parse.js'
import type { LogFilter, RowId } from '../model/log.js'
import { rowMs } from '../model/row-time.js'
import { type LogBatch, matchingBatches, type Resize, readNewestIds } from '../query/logs/batches.js'
import { printIds } from '../query/logs/printed-ids.js'
import { readLoggedProcesses } from '../query/logs/processes.js'
import { keyOf, mapLogRows } from '../query/logs/rows.js'
import type { LogSource, LogStore } from '../query/logs/store.js'
import { readSecondsOfThreads } from '../query/logs/threads.js'
import { createTimeOrder } from '../query/logs/time-order.js'
import { findLiveness } from './liveness.js'

/** A warning or an error that the catalogue does not have is of its own severity. */
export const FINDING_SEVERITIES = ['failure', 'error', 'recovered', 'warning', 'notice'] as const

export type FindingSeverity = FailureSeverity | UnknownSeverity

/** What a finding says as the failure does that it may be. */
type SharedField =
  | 'firstMs'
  | 'lastMs'
  | 'threadId'
  | 'processUuid'
  | 'turnId'
  | 'tool'
  | 'callId'
  | 'mcpServer'
  | 'endsTurn'
  | 'isGuess'

/** Something in a log that went wrong. Times are Unix milliseconds. */
export interface Finding extends Pick<Failure, SharedField> {
  /** `undefined`: the catalogue does not have it. */
  entry: FailureEntry | undefined
  severity: FindingSeverity
  /** Whole, as it was said. */
  text: string
  /** Without ids, numbers and the like: the same for all of a kind. */
  mask: string
  level: string
  target: string
  file: string | null
  line: RowId | null
  /** In the order of time. */
  rowIds: readonly RowId[]
}

export interface ReadFindingsOptions {
  /** The finding's own rows must match it; the rows around them are read for the cause. */
  filter: LogFilter
  nowMs: number
  /** How long after an event its row is written (`chooseLogFlushMs`). */
  flushMs: number
  /** Whether it is known from elsewhere that a turn ended whose last rows are not in the log. */
  hasEnded?: ((threadId: string, turnId: string | undefined) => boolean) | undefined
  /** As it is configured. */
  idleTimeoutMs?: number | undefined
}

/** What stands so long before the first row that is asked for can be a part of what it tells. */
const CONTEXT_SECONDS = 120
/** Notes of one batch, about. */
const MANY_NOTES = 1000

/** Makes findings of notes, which come batch by batch, about in the order of time. */
export interface FindingsReader {
  /** The rows that are to be noted. */
  context: LogFilter
  add(notes: readonly RowNote[]): Finding[]
  /** No more rows: gives what is left. */
  end(): Finding[]
}

export function createFindingsReader(store: LogStore, options: ReadFindingsOptions): FindingsReader {
  const { filter, hasEnded, idleTimeoutMs } = options
  const rest = withoutTimes(filter)
  const finder = createFailureFinder({
    isAlive: createAliveCheck(store, options),
    ...(hasEnded && { hasEnded }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    findStreamMs: (threadId, span) => findStreamMs(store, threadId, span),
  })
  const order = createTimeOrder<RowNote>()

  function take(notes: readonly RowNote[]): Finding[] {
    const found: Finding[] = []
    for (const note of notes) {
      for (const failure of finder.add(note)) found.push(describeFailure(failure))
      if (note.step?.kind === 'unknown') found.push(describeUnknown(note, note.step))
    }
    return found
  }

  return {
    context: contextOf(store, filter),
    add: (notes) => matching(store, take(order.add(notes)), filter, rest),
    end() {
      const last = take(order.end())
      for (const failure of finder.end()) last.push(describeFailure(failure))
      return matching(store, last, filter, rest)
    },
  }
}

function findStreamMs(
  store: LogStore,
  threadId: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
): number | undefined {
  const [from, to] = [fromMs, toMs].map((ms) => ({ seconds: Math.floor(ms / 1000), nanos: 0 }))
  const filter: LogFilter = {
    signs: STREAM_SIGNS,
    threadIds: [threadId],
    from,
    to: { ...to!, nanos: 999_999_999 },
  }
  let lastMs: number | undefined
  for (const batch of matchingBatches(store, filter)) {
    for (const ms of mapLogRows(store, batch, filter, rowMs)) {
      if (ms < toMs && ms > (lastMs ?? fromMs)) lastMs = ms
    }
  }
  return lastMs
}

/** What is noted of the rows of a batch: in this thread, or in another. */
export function readNotes(store: LogSource, batch: LogBatch, context: LogFilter): RowNote[] {
  const isMessageOnly = store.columns.body === 'message'
  return mapLogRows(store, batch, context, (row) => {
    const note = noteRow(row, { isMessageOnly })
    if (note && !store.hasIdAsKey) note.id = keyOf(row)
    return note
  })
}

export function resizeByNotes({ length }: readonly RowNote[]): Resize {
  return length < MANY_NOTES ? 'grow' : length > 4 * MANY_NOTES ? 'shrink' : 'keep'
}

/** What went wrong, all in this thread. */
export function* readFindings(store: LogStore, options: ReadFindingsOptions): Generator<Finding[]> {
  const reader = createFindingsReader(store, options)
  const batches = matchingBatches(store, reader.context)
  let resize: Resize | undefined
  for (let next = batches.next(); !next.done; next = batches.next(resize)) {
    const notes = readNotes(store, next.value, reader.context)
    yield reader.add(notes)
    resize = resizeByNotes(notes)
  }
  yield reader.end()
}

/** Which rows are read. Of threads that are asked for also those without a thread, from the time that they span. */
function contextOf(store: LogStore, filter: LogFilter): LogFilter {
  const { from, to, threadIds = [], processes } = filter
  const context: LogFilter = { signs: FAILURE_SIGNS }
  if (processes) context.processes = processes
  if (from) context.from = { seconds: from.seconds - CONTEXT_SECONDS, nanos: 0 }
  if (to) context.to = to
  if (threadIds.length > 0) {
    context.threadIds = threadIds
    context.includesThreadless = true
    const span = readSecondsOfThreads(store, threadIds)
    const first = Math.max(span.first - CONTEXT_SECONDS, context.from?.seconds ?? Number.NEGATIVE_INFINITY)
    context.from = { seconds: first, nanos: 0 }
    if (!to || to.seconds > span.last) context.to = { seconds: span.last, nanos: 999_999_999 }
  }
  return context
}

/** What is asked of the findings' own rows; `undefined` where that is nothing. */
function withoutTimes(filter: LogFilter): LogFilter | undefined {
  const { from: _, to: __, processes: ___, ...rest } = filter
  const isAsked = Object.values(rest).some((part) =>
    Array.isArray(part) ? part.length > 0 : part !== undefined,
  )
  return isAsked ? rest : undefined
}

function matching(
  store: LogStore,
  found: readonly Finding[],
  { from, to }: LogFilter,
  rest: LogFilter | undefined,
): Finding[] {
  const fromMs = from ? from.seconds * 1000 + from.nanos / 1e6 : Number.NEGATIVE_INFINITY
  const toMs = to ? to.seconds * 1000 + to.nanos / 1e6 : Number.POSITIVE_INFINITY
  const inTime = found.filter(({ firstMs, lastMs }) => lastMs >= fromMs && firstMs <= toMs)
  const printed = (findings: readonly Finding[]) =>
    store.hasIdAsKey
      ? [...findings]
      : findings.map((finding) => ({ ...finding, rowIds: printIds(store, finding.rowIds) }))
  if (!rest || inTime.length === 0) return printed(inTime)
  const ids = inTime.flatMap(({ rowIds }) => rowIds)
  const matches = new Set(readNewestIds(store, { kind: 'ids', ids }, rest, -1))
  return printed(inTime.filter(({ rowIds }) => rowIds.some((id) => matches.has(id))))
}

function describeFailure(failure: Failure): Finding {
  const { site, entry, text: said, summary, isRecovered, ...about } = failure
  // Why a server did not start is said without its name.
  const isTold = said !== '' && !entry.name.startsWith('mcp-start')
  const text = site ? unquote(isTold ? said : summary) : entry.title
  return {
    ...about,
    entry,
    severity: isRecovered && entry.severity === 'failure' ? 'recovered' : entry.severity,
    text,
    mask: maskMessage(text.slice(0, LONGEST_MASK)),
    ...(site ?? NOWHERE),
  }
}

/** Of what no row tells. */
const NOWHERE: RowSite = { level: '', target: '', file: null, line: null }

/** An error that is told in Rust's debug form at the end of a message, as it was said. */
function unquote(text: string): string {
  const [, head, quoted] = /^([^"]{0,200}: )("(?:[^"\\]|\\[\s\S])*")$/.exec(text) ?? []
  return quoted === undefined ? text : `${head}${readValue(quoted)}`
}

/** Of what is said at length its beginning tells the kind. */
const LONGEST_MASK = 1000

function describeUnknown(
  note: RowNote,
  { severity, text }: { severity: UnknownSeverity; text: string },
): Finding {
  const { id, site = NOWHERE } = note
  const ms = rowMs(note)
  return {
    entry: undefined,
    severity,
    text,
    mask: maskMessage(text.slice(0, LONGEST_MASK)),
    ...site,
    firstMs: ms,
    lastMs: ms,
    ...subjectOf(note),
    endsTurn: false,
    isGuess: false,
    rowIds: [id],
  }
}

/** Whether a process may run still: only of one that is gone for certain it can be said that it ended in a turn. */
function createAliveCheck(
  store: LogStore,
  { nowMs, flushMs }: ReadFindingsOptions,
): (processUuid: string) => boolean {
  const answers = new Map<string, boolean>()
  let lastMs: Map<string, number> | undefined
  return (processUuid) => {
    lastMs ??= readLastMs(store)
    let isAlive = answers.get(processUuid)
    if (isAlive === undefined) {
      const process = { processUuid, lastMs: lastMs.get(processUuid) ?? 0 }
      isAlive = findLiveness(process, { nowMs, flushMs }).state !== 'gone'
      answers.set(processUuid, isAlive)
    }
    return isAlive
  }
}

function readLastMs({ connection, file, columns }: LogStore): Map<string, number> {
  const stored = new Set(Object.values(columns).filter((name) => name !== undefined))
  const processes = readLoggedProcesses({ connection, file, columns: stored })
  return new Map(processes.map(({ processUuid, lastSeconds }) => [processUuid, lastSeconds * 1000]))
}
