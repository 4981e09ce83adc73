import type { LogReach } from '../../model/log-status.js'
import { columnSql, quoteIdentifier } from '../../schema/columns.js'
import { isTimeSql, type LogSource, readHighestId, readLowestId } from './store.js'

/** To count more rows takes longer than all else. */
const MOST_COUNTED = 100_000n

/** Rows are counted, the rest is looked up in the indexes that Codex makes. */
export function readLogReach(source: LogSource, recentSinceMs: number): LogReach {
  const { connection, columns, indexes } = source
  const time = columnSql(columns.tsSeconds)
  const thread = columns.threadId === undefined ? undefined : columnSql(columns.threadId)
  return connection.snapshot(() => {
    const highestId = readHighestId(source)
    const rowCount = countAll(source, highestId)
    const edge = (which: 'min' | 'max', condition: string): number | undefined => {
      const row = connection.get<{ ts: number | null }>(
        `SELECT ${which}(${time}) AS ts FROM logs WHERE ${condition} AND ${isTimeSql(time)}`,
      )
      return row?.ts == null ? undefined : Number(row.ts) * 1000
    }
    const missing = rowCount === undefined ? -1n : highestId - BigInt(rowCount)
    return {
      rowCount,
      missingCount: source.hasSequence && missing >= 0n ? Number(missing) : undefined,
      newestMs: edge('max', '1'),
      threadsSinceMs: thread === undefined ? undefined : edge('min', `${thread} IS NOT NULL`),
      threadlessSinceMs: thread === undefined ? edge('min', '1') : edge('min', `${thread} IS NULL`),
      recentCounts: readRecentCounts(source, Math.floor(recentSinceMs / 1000)),
    }
  })

  function countAll(counted: LogSource, highestId: bigint): number | undefined {
    if (highestId - (readLowestId(counted) ?? highestId) > MOST_COUNTED) return undefined
    return connection.get<{ n: number }>('SELECT count(*) AS n FROM logs')!.n
  }

  function readRecentCounts({ columns: own }: LogSource, since: number): Map<string, number> {
    if (own.processUuid === undefined) return new Map()
    const process = columnSql(own.processUuid)
    const by = indexes.time === undefined ? 'NOT INDEXED' : `INDEXED BY ${quoteIdentifier(indexes.time)}`
    const rows = connection.all<{ process: string; n: number }>(
      `SELECT ${process} AS process, count(*) AS n FROM logs ${by}
       WHERE ${time} >= ? AND ${process} IS NOT NULL GROUP BY ${process}`,
      since,
    )
    return new Map(rows.map((row) => [row.process, row.n]))
  }
}

/** The time of the oldest row of each of some threads that have any. Unix milliseconds, of whole seconds. */
export function readThreadReaches(
  { connection, columns }: LogSource,
  threadIds: readonly string[],
): Map<string, number> {
  if (columns.threadId === undefined) return new Map()
  const [thread, time] = [columnSql(columns.threadId), columnSql(columns.tsSeconds)]
  const rows = connection.all<{ thread: string; ts: number }>(
    `SELECT ${thread} AS thread, min(${time}) AS ts FROM logs
     WHERE ${thread} IN (SELECT value FROM json_each(?)) AND ${isTimeSql(time)} GROUP BY ${thread}`,
    JSON.stringify(threadIds),
  )
  return new Map(rows.map(({ thread: id, ts }) => [id, Number(ts) * 1000]))
}

/** Of all rows, and of the oldest of some threads. Unix milliseconds, of whole seconds. */
export interface LogSpan extends Pick<LogReach, 'rowCount' | 'missingCount' | 'newestMs'> {
  oldestMs: number | undefined
  ofThreadsMs: number | undefined
}

export function readSpan(source: LogSource, threadIds: readonly string[]): LogSpan {
  const { connection, columns } = source
  const time = columnSql(columns.tsSeconds)
  const oldest = (condition: string, ...params: string[]) => {
    const row = connection.get<{ ts: number | null }>(
      `SELECT min(${time}) AS ts FROM logs WHERE ${condition} AND ${isTimeSql(time)}`,
      ...params,
    )
    return row?.ts == null ? undefined : Number(row.ts) * 1000
  }
  const { rowCount, missingCount, newestMs } = readLogReach(source, Number.MAX_SAFE_INTEGER)
  const isKnown = threadIds.length > 0 && columns.threadId !== undefined
  const inThreads = `${columnSql(columns.threadId)} IN (SELECT value FROM json_each(?))`
  return {
    rowCount,
    missingCount,
    newestMs,
    oldestMs: oldest('1'),
    ofThreadsMs: isKnown ? oldest(inThreads, JSON.stringify(threadIds)) : undefined,
  }
}
