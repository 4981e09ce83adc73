import { StateError } from '../../errors.js'
import { isUuid } from '../../model/uuid.js'
import { columnSql } from '../../schema/columns.js'
import { isTimeSql, keySql, type LogStore } from './store.js'

/**
 * The full id of a thread that has rows in the logs. A full id stands for itself: its rows may be yet to come.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`
 */
export function findLoggedThread(store: LogStore | undefined, typed: string): string {
  const start = typed.trim().toLowerCase()
  if (isUuid(start)) return start
  const column = store?.columns.threadId
  const found: string[] = []
  if (store && column !== undefined && start !== '') {
    // From one distinct id to the next through the index, instead of over all rows.
    const name = columnSql(column)
    const findNext = (from: string, operator: '>' | '>=') =>
      store.connection.get<{ id: string | null }>(
        `SELECT min(${name}) AS id FROM logs WHERE ${name} ${operator} ?`,
        from,
      )?.id ?? ''
    for (
      let id = findNext(start, '>=');
      id.startsWith(start) && found.length < MOST_CANDIDATES;
      id = findNext(id, '>')
    ) {
      found.push(id)
    }
  }
  const [only, ...others] = found
  if (only === undefined) {
    throw new StateError('NOT_FOUND', `no thread in the logs has an id that begins with '${typed}'`, {
      hint: 'Give the full id, or see codex-state threads list.',
    })
  }
  if (others.length > 0) {
    const lines = found.length === MOST_CANDIDATES ? [...found, '…'] : found
    throw new StateError('AMBIGUOUS', `'${typed}' fits more than one thread:\n  ${lines.join('\n  ')}`)
  }
  return only
}

const MOST_CANDIDATES = 6

/** The newest row of a thread. */
export interface LastRow {
  threadId: string
  processUuid: string | null
  /** Unix milliseconds. */
  tsMs: number
}

/** The newest row of each thread, through the index from one thread to the next where there is one. */
export function readLastRows({ connection, columns, key, indexes }: LogStore): LastRow[] {
  const thread = columnSql(columns.threadId)
  const process = columnSql(columns.processUuid)
  const seconds = columnSql(columns.tsSeconds)
  const ms = `iif(${isTimeSql(seconds)}, ${seconds}, 0) * 1000.0 + CAST(${columnSql(columns.tsNanos)} AS INTEGER) / 1e6`
  const newest = indexes.thread
    ? `WITH RECURSIVE ids(id) AS (
         SELECT min(${thread}) FROM logs
         UNION ALL SELECT (SELECT min(${thread}) FROM logs WHERE ${thread} > ids.id) FROM ids WHERE ids.id IS NOT NULL
       )
       SELECT ids.id AS threadId, (SELECT max(${key}) FROM logs WHERE ${thread} = ids.id) AS newest
       FROM ids WHERE ids.id IS NOT NULL`
    : `SELECT ${thread} AS threadId, max(${key}) AS newest FROM logs WHERE ${thread} IS NOT NULL GROUP BY ${thread}`
  return connection.all<LastRow>(
    `SELECT found.threadId AS threadId, CAST(${process} AS TEXT) AS processUuid, ${ms} AS tsMs
     FROM (${newest}) AS found CROSS JOIN logs WHERE logs.${key} = found.newest`,
  )
}

/** The thread that wrote the newest row within a thread; `undefined` when none did. */
export function findNewestThread(store: LogStore | undefined): string | undefined {
  const column = store?.columns.threadId
  if (!store || column === undefined) return undefined
  const name = columnSql(column)
  return store.connection.get<{ id: string }>(
    `SELECT ${name} AS id FROM logs NOT INDEXED WHERE ${name} IS NOT NULL ORDER BY ${keySql(store)} DESC LIMIT 1`,
  )?.id
}

/** The processes that wrote rows of these threads. */
export function readProcessesOf({ connection, columns }: LogStore, threadIds: readonly string[]): string[] {
  if (columns.threadId === undefined || columns.processUuid === undefined) return []
  const process = columnSql(columns.processUuid)
  return connection
    .all<{ process: string }>(
      `SELECT DISTINCT ${process} AS process FROM logs
       WHERE ${columnSql(columns.threadId)} IN (SELECT value FROM json_each(?)) AND ${process} IS NOT NULL`,
      JSON.stringify(threadIds),
    )
    .map((row) => row.process)
}

/** From the first to the last row of any of the threads, in whole Unix seconds; an empty span without rows. */
export function readSecondsOfThreads(
  { connection, columns }: LogStore,
  threadIds: readonly string[],
): { first: number; last: number } {
  const seconds = columnSql(columns.tsSeconds)
  const row = connection.get<{ first: number | null; last: number | null }>(
    `SELECT min(${seconds}) AS first, max(${seconds}) AS last FROM logs
     WHERE ${isTimeSql(seconds)} AND ${columnSql(columns.threadId)} IN (SELECT value FROM json_each(?))`,
    JSON.stringify(threadIds),
  )
  return { first: row?.first ?? 0, last: row?.last ?? -1 }
}
