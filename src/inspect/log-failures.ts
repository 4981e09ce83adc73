import { classifyFailure } from '../body/classify-failure.js'
import { FAILURE_SIGNS } from '../body/failure-signs.js'
import type { FailureEntry, FailureSeverity } from '../body/failures.js'
import { createFailureFinder, type Failure } from '../body/find-failures.js'
import { maskMessage } from '../body/mask.js'
import { readMeaning } from '../body/meanings.js'
import { type ParsedBody, parseBody, readValue } from '../body/parse.js'
import { summarizeRow } from '../body/summary.js'
import type { LogFilter, RowId, StoredLogRow } from '../model/log.js'
import { type BatchSource, matchingBatches, type Resize, readNewestIds } from '../query/logs/batches.js'
import { readLoggedProcesses } from '../query/logs/processes.js'
import { inParts, keyOf, readLogRows } from '../query/logs/rows.js'
import type { LogStore } from '../query/logs/store.js'
import { readSecondsOfThreads } from '../query/logs/threads.js'
import { createTimeOrder, timeOf } from '../query/logs/time-order.js'
import { findLiveness } from './liveness.js'

/** A warning or an error that the catalogue does not have is of its own severity. */
export const FINDING_SEVERITIES = ['failure', 'error', 'recovered', 'warning', 'notice'] as const

export type FindingSeverity = FailureSeverity | 'error' | 'warning'

/** Something in a log that went wrong. Times are Unix milliseconds. */
export interface Finding {
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
  firstMs: number
  lastMs: number
  threadId: string | null
  processUuid: string | null
  turnId: string | undefined
  tool: string | undefined
  callId: string | undefined
  mcpServer: string | undefined
  endsTurn: boolean
  /** The cause was put together from neighbouring rows, or is the likeliest one. */
  isGuess: boolean
  /** In the order of time. */
  rowIds: readonly RowId[]
}

export interface ReadFindingsOptions {
  /** The finding's own rows must match it; the rows around them are read for the cause. */
  filter: LogFilter
  nowMs: number
  /** How long after an event its row is written (`chooseLogFlushMs`). */
  flushMs: number
  /** Sees each batch before it is read. */
  watch?: (batches: BatchSource) => BatchSource
}

/** What stands so long before the first row that is asked for can be a part of what it tells. */
const CONTEXT_SECONDS = 120
/** Rows of one batch, about. */
const MANY_ROWS = 4000

/** What went wrong, batch by batch, about in the order of time. */
export function* readFindings(store: LogStore, options: ReadFindingsOptions): Generator<Finding[]> {
  const { filter, watch = (batches: BatchSource) => batches } = options
  const rest = withoutTimes(filter)
  const finder = createFailureFinder({ isAlive: createAliveCheck(store, options) })
  const isMessageOnly = store.columns.body === 'message'
  const parse = (row: StoredLogRow) => parseBody(row.body, { target: row.target, isMessageOnly })
  const context = contextOf(store, filter)
  const batches = watch(inParts(store, matchingBatches(store, context)))
  const order = createTimeOrder()

  function take(rows: readonly StoredLogRow[]): Finding[] {
    const found: Finding[] = []
    for (const row of rows) {
      const parsed = parse(row)
      for (const failure of finder.add(row, parsed)) found.push(describeFailure(failure, parse))
      const unknown = describeUnknown(row, parsed)
      if (unknown) found.push(unknown)
    }
    return found
  }

  let resize: Resize | undefined
  for (let next = batches.next(); !next.done; next = batches.next(resize)) {
    const rows = readLogRows(store, next.value, context)
    const keyed = store.hasIdAsKey ? rows : rows.map((row) => ({ ...row, id: keyOf(row) }))
    yield matching(store, take(order.add(keyed)), filter, rest)
    resize = rows.length < MANY_ROWS ? 'grow' : rows.length > 4 * MANY_ROWS ? 'shrink' : 'keep'
  }
  const last = take(order.end())
  for (const failure of finder.end()) last.push(describeFailure(failure, parse))
  yield matching(store, last, filter, rest)
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
  if (!rest || inTime.length === 0) return inTime
  const ids = inTime.flatMap(({ rowIds }) => rowIds)
  const matches = new Set(readNewestIds(store, { kind: 'ids', ids }, rest, -1))
  return inTime.filter(({ rowIds }) => rowIds.some((id) => matches.has(id)))
}

function describeFailure(failure: Failure, parse: (row: StoredLogRow) => ParsedBody): Finding {
  const { row, entry, text: said, ...about } = failure
  const { level, target, file, line } = row
  // Why a server did not start is said without its name.
  const isTold = said !== '' && !entry.name.startsWith('mcp-start')
  const text = unquote(isTold ? said : summarizeRow(row, parse(row)).text)
  return {
    ...about,
    entry,
    severity: entry.severity,
    text: entry.name === 'killed' ? entry.title : text,
    mask: entry.name === 'killed' ? entry.title : maskMessage(text.slice(0, LONGEST_MASK)),
    level: level ?? '',
    target: target ?? '',
    file,
    line,
  }
}

/** An error that is told in Rust's debug form at the end of a message, as it was said. */
function unquote(text: string): string {
  const [, head, quoted] = /^([^"]{0,200}: )("(?:[^"\\]|\\[\s\S])*")$/.exec(text) ?? []
  return quoted === undefined ? text : `${head}${readValue(quoted)}`
}

/** Of what is said at length its beginning tells the kind. */
const LONGEST_MASK = 1000

const SEVERITIES: Readonly<Record<string, FindingSeverity>> = { WARN: 'warning', ERROR: 'error' }

/** A warning or an error that is none of the catalogue. */
function describeUnknown(row: StoredLogRow, parsed: ParsedBody): Finding | undefined {
  const severity = SEVERITIES[row.level ?? '']
  if (severity === undefined || classifyFailure(row, parsed)) return undefined
  const summary = summarizeRow(row, parsed)
  const text = [summary.text, ...summary.fields.map(({ key, value }) => `${key}=${value}`)].join(' ').trim()
  const ms = timeOf(row)
  return {
    entry: undefined,
    severity,
    text,
    mask: maskMessage(text.slice(0, LONGEST_MASK)),
    level: row.level,
    target: row.target ?? '',
    file: row.file,
    line: row.line,
    firstMs: ms,
    lastMs: ms,
    threadId: row.threadId,
    processUuid: row.processUuid,
    turnId: readMeaning(parsed, 'turn_id'),
    tool: readMeaning(parsed, 'tool'),
    callId: readMeaning(parsed, 'call_id'),
    mcpServer: readMeaning(parsed, 'mcp_server'),
    endsTurn: false,
    isGuess: false,
    rowIds: [row.id],
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
