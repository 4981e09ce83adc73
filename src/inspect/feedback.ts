import type { SqlValue } from '../db/connection.js'
import { qualified, rowBytesSql } from '../query/logs/rows.js'
import type { LogStore } from '../query/logs/store.js'
import { readSpawnEdges } from '../query/spawn-tree.js'
import type { ThreadTable } from '../query/threads/table.js'
import { columnSql } from '../schema/columns.js'

/** The rows that Codex's own `/feedback` would upload with its logs for one thread, oldest first. */
export interface Feedback {
  /** The thread, and those that it spawned, as far as Codex takes them along. */
  readonly threadIds: readonly string[]
  /** Spawned threads that are left out: more than eight are not taken. */
  readonly leftOutThreads: number
  /** Its lines, each with its line end. */
  readonly lines: readonly string[]
  readonly sizeBytes: number
  /** Of `lines`: rows of no thread, from the newest process of each thread. */
  readonly threadlessRows: number
  /** Older rows that do not fit any more. */
  readonly leftOutRows: number
  /** Other threads of the same processes, whose own rows are not in it while their processes' rows are. */
  readonly otherThreads: readonly string[]
  /** The text is only the bodies (to 0.116). */
  readonly isBodiesOnly: boolean
}

/** Codex's bound, twice: of what the rows are said to take in the database, and of the text. */
const MAX_BYTES = 10 * 1024 * 1024

/** More threads are not taken along. */
const MAX_THREADS = 8

interface FeedbackRow {
  readonly seconds: number
  readonly nanos: number
  readonly level: string
  readonly body: string
  readonly threadId: string | null
  readonly estimated: number
}

/**
 * @param threads where the tree of spawned threads is known from; without it the thread stands alone
 */
export function readFeedback(store: LogStore, threadId: string, threads: ThreadTable | undefined): Feedback {
  const isBodiesOnly = store.columns.body === 'message'
  const tree = threads && !isBodiesOnly ? readTree(threads, threadId) : [threadId]
  const threadIds =
    tree.length <= MAX_THREADS
      ? tree
      : [
          threadId,
          ...tree
            .filter((id) => id !== threadId)
            .toSorted()
            .slice(1 - MAX_THREADS),
        ]
  const processes = isBodiesOnly ? [] : threadIds.flatMap((id) => findNewestProcess(store, id) ?? [])
  const lines: string[] = []
  let sizeBytes = 0
  let estimatedSum = 0
  let threadlessRows = 0
  let rowCount = 0
  for (const row of readNewestFirst(store, threadIds, processes)) {
    rowCount += 1
    estimatedSum += row.estimated
    const line = isBodiesOnly ? endLine(row.body) : formatLine(row)
    const lineBytes = Buffer.byteLength(line)
    if (estimatedSum > MAX_BYTES || sizeBytes + lineBytes > MAX_BYTES) {
      rowCount -= 1
      break
    }
    sizeBytes += lineBytes
    if (row.threadId === null) threadlessRows += 1
    lines.push(line)
  }
  return {
    threadIds,
    leftOutThreads: tree.length - threadIds.length,
    lines: lines.reverse(),
    sizeBytes,
    threadlessRows,
    leftOutRows: countCandidates(store, threadIds, processes) - rowCount,
    otherThreads: findOtherThreads(store, threadIds, processes),
    isBodiesOnly,
  }
}

/** The thread and all below it. */
function readTree(threads: ThreadTable, root: string): string[] {
  const children = Map.groupBy(readSpawnEdges(threads), ({ parentId }) => parentId)
  const found = new Set([root])
  for (const id of found) for (const { childId } of children.get(id) ?? []) found.add(childId)
  return [...found]
}

/** The process of the thread's newest row, by time and then by id. */
function findNewestProcess(store: LogStore, threadId: string): string | undefined {
  if (store.columns.processUuid === undefined) return undefined
  return (
    store.connection.get<{ process: string | null }>(
      `SELECT ${qualified(store, 'processUuid')} AS process FROM logs
       WHERE ${qualified(store, 'threadId')} = ? ORDER BY ${newestFirst(store)} LIMIT 1`,
      threadId,
    )?.process ?? undefined
  )
}

function newestFirst(store: LogStore): string {
  return `${qualified(store, 'tsSeconds')} DESC, ${qualified(store, 'tsNanos')} DESC, ${columnSql(store.columns.id)} DESC`
}

function conditionsOf(
  store: LogStore,
  threadIds: readonly string[],
  processes: readonly string[],
): { sql: string; params: SqlValue[] } {
  const ofThreads = `${qualified(store, 'threadId')} IN (SELECT value FROM json_each(?))`
  const ofProcesses = `(${qualified(store, 'threadId')} IS NULL AND ${qualified(store, 'processUuid')} IN (SELECT value FROM json_each(?)))`
  const either = processes.length > 0 ? `(${ofThreads} OR ${ofProcesses})` : ofThreads
  return {
    sql: `${qualified(store, 'body')} IS NOT NULL AND ${either}`,
    params: [JSON.stringify(threadIds), ...(processes.length > 0 ? [JSON.stringify(processes)] : [])],
  }
}

const PAGE_ROWS = 2000

/** Page by page: the rows of a busy process may be many, and their texts long. */
function* readNewestFirst(
  store: LogStore,
  threadIds: readonly string[],
  processes: readonly string[],
): Generator<FeedbackRow> {
  const { sql, params } = conditionsOf(store, threadIds, processes)
  const body = qualified(store, 'body')
  for (let offset = 0; ; offset += PAGE_ROWS) {
    const rows = store.connection.all<FeedbackRow>(
      `SELECT ${qualified(store, 'tsSeconds')} AS seconds, ${qualified(store, 'tsNanos')} AS nanos,
              ${qualified(store, 'level')} AS level, CAST(${body} AS TEXT) AS body,
              ${qualified(store, 'threadId')} AS threadId, ${rowBytesSql(store)} AS estimated
       FROM logs WHERE ${sql} ORDER BY ${newestFirst(store)} LIMIT ? OFFSET ?`,
      ...params,
      PAGE_ROWS,
      offset,
    )
    yield* rows
    if (rows.length < PAGE_ROWS) return
  }
}

function countCandidates(
  store: LogStore,
  threadIds: readonly string[],
  processes: readonly string[],
): number {
  const { sql, params } = conditionsOf(store, threadIds, processes)
  return store.connection.get<{ n: number }>(`SELECT count(*) AS n FROM logs WHERE ${sql}`, ...params)?.n ?? 0
}

function findOtherThreads(
  store: LogStore,
  threadIds: readonly string[],
  processes: readonly string[],
): string[] {
  if (processes.length === 0) return []
  return store.connection
    .all<{ id: string }>(
      `SELECT DISTINCT ${qualified(store, 'threadId')} AS id FROM logs
       WHERE ${qualified(store, 'processUuid')} IN (SELECT value FROM json_each(?))
         AND ${qualified(store, 'threadId')} IS NOT NULL
         AND ${qualified(store, 'threadId')} NOT IN (SELECT value FROM json_each(?)) ORDER BY 1`,
      JSON.stringify(processes),
      JSON.stringify(threadIds),
    )
    .map(({ id }) => id)
}

/** `2026-11-21T00:11:25.083123Z  INFO body`: target, file, line and thread are not in it. */
function formatLine({ seconds, nanos, level, body }: FeedbackRow): string {
  const date = new Date(seconds * 1000)
  const time = Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().slice(0, 19)
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0')
  return endLine(`${time}.${micros}Z ${(level ?? '').padStart(5)} ${body}`)
}

function endLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}
