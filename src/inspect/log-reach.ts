import type { SqlValue } from '../db/connection.js'
import type { LogFilter } from '../model/log.js'
import { FIRST_SECONDS, LAST_SECONDS } from '../model/row-time.js'
import { compileTimes } from '../query/logs/filter.js'
import { isTimeSql, type LogStore, readHighestId } from '../query/logs/store.js'
import { columnSql } from '../schema/columns.js'

/** A time in which a process ran and of which no row is there. Unix seconds. */
export interface LogHole {
  from: number
  to: number
  processUuid: string
}

/** How far a log reaches. */
export interface LogEdges {
  /** Unix seconds of the oldest and the newest row; `undefined` in an empty log. */
  first: number | undefined
  last: number | undefined
  rowCount: number
  /** Rows that were written once, as far as their ids tell. */
  goneCount: bigint
}

export function readReach(store: LogStore): LogEdges {
  const seconds = columnSql(store.columns.tsSeconds)
  const { first, last, n } = store.connection.get<{ first: number | null; last: number | null; n: number }>(
    `SELECT (SELECT min(${seconds}) FROM logs WHERE ${isTimeSql(seconds)}) AS first,
     (SELECT max(${seconds}) FROM logs WHERE ${isTimeSql(seconds)}) AS last,
     (SELECT count(*) FROM logs) AS n`,
  )!
  const goneCount = store.hasIdAsKey ? readHighestId(store) - BigInt(n) : 0n
  return {
    first: first ?? undefined,
    last: last ?? undefined,
    rowCount: n,
    goneCount: goneCount > 0n ? goneCount : 0n,
  }
}

/**
 * A batch of rows that waits for a lock for more than 5 seconds is dropped whole, and nothing tells of it: rows of
 * two flushes of the quicker releases, and less would be a pause.
 */
const HOLE_SECONDS = 4
/** A process that wrote in every second or two around a hole was alive and not idle. */
const AROUND_SECONDS = 12
const LONGEST_BEAT_SECONDS = 2
const FEWEST_BEATS = 5
/** The newest of them are looked at. */
const MOST_GAPS = 300
/** Each of them up to a hole's length: two days and more of a log that is written all the time. */
const MOST_STEPS = 50_000

/**
 * Times in which rows may be missing: nothing was written although a process wrote all the time before and after.
 * `troubleMs`: when a lock was told of, which explains a hole that ends there.
 */
export function findHoles(
  store: LogStore,
  { from, to }: Pick<LogFilter, 'from' | 'to'>,
  troubleMs: readonly number[],
): LogHole[] {
  if (store.columns.processUuid === undefined) return []
  const gaps =
    store.indexes.time === undefined ? sortGaps(store, { from, to }) : seekGaps(store, { from, to })
  const holes = gaps.flatMap((gap) => {
    const isTroubled = troubleMs.some((ms) => Math.abs(ms / 1000 - gap.to) <= AROUND_SECONDS)
    const before = readBeats(store, gap.from - AROUND_SECONDS, gap.from)
    const after = readBeats(store, gap.to, gap.to + AROUND_SECONDS)
    const processUuid = [...before.keys()].find((process) => {
      const late = after.get(process)
      return late !== undefined && (isTroubled || (isBeat(before.get(process)!) && isBeat(late)))
    })
    return processUuid === undefined ? [] : [{ ...gap, processUuid }]
  })
  return holes.reverse()
}

interface Gap {
  from: number
  to: number
}

/** From the newest second back, by the index: each step goes as far as a hole is long, or over a gap. */
function seekGaps({ connection, columns }: LogStore, { from, to }: Pick<LogFilter, 'from' | 'to'>): Gap[] {
  const seconds = columnSql(columns.tsSeconds)
  const low = from?.seconds ?? FIRST_SECONDS
  return connection.all<Gap>(
    `WITH RECURSIVE seen(at, next, step) AS (
       SELECT max(${seconds}), NULL, 1 FROM logs WHERE ${seconds} >= ? AND ${seconds} <= ?
       UNION ALL
       SELECT coalesce(
         (SELECT min(${seconds}) FROM logs WHERE ${seconds} >= max(seen.at - ${HOLE_SECONDS}, ?) AND ${seconds} < seen.at),
         (SELECT max(${seconds}) FROM logs WHERE ${seconds} >= ? AND ${seconds} < seen.at - ${HOLE_SECONDS})
       ), seen.at, step + 1 FROM seen WHERE seen.at IS NOT NULL AND step < ${MOST_STEPS}
     ) SELECT at AS "from", next AS "to" FROM seen WHERE next - at > ${HOLE_SECONDS} LIMIT ${MOST_GAPS}`,
    low,
    to?.seconds ?? LAST_SECONDS,
    low,
    low,
  )
}

/** Without the index all rows are read and sorted. */
function sortGaps({ connection, columns }: LogStore, { from, to }: Pick<LogFilter, 'from' | 'to'>): Gap[] {
  const seconds = columnSql(columns.tsSeconds)
  const times = { ...(from && { from }), ...(to && { to }) }
  const { sql, params } = compileTimes(times, seconds, columnSql(columns.tsNanos))
  const where = `WHERE ${[isTimeSql(seconds), ...sql].join(' AND ')}`
  return connection.all<Gap>(
    `SELECT at AS "from", next AS "to" FROM (
       SELECT at, lead(at) OVER (ORDER BY at) AS next FROM (SELECT DISTINCT ${seconds} AS at FROM logs ${where})
     ) WHERE next - at > ${HOLE_SECONDS} ORDER BY at DESC LIMIT ${MOST_GAPS}`,
    ...params,
  )
}

/** The seconds in which each process wrote. */
function readBeats({ connection, columns }: LogStore, from: number, to: number): Map<string, number[]> {
  const [seconds, process] = [columnSql(columns.tsSeconds), columnSql(columns.processUuid)]
  const params: SqlValue[] = [from, to]
  const rows = connection.all<{ process: string; at: number }>(
    `SELECT DISTINCT ${process} AS process, ${seconds} AS at FROM logs
     WHERE ${seconds} BETWEEN ? AND ? AND ${process} IS NOT NULL ORDER BY at`,
    ...params,
  )
  return new Map(
    [...Map.groupBy(rows, (row) => row.process)].map(([key, own]) => [key, own.map(({ at }) => at)]),
  )
}

function isBeat(seconds: readonly number[]): boolean {
  return (
    seconds.length >= FEWEST_BEATS &&
    seconds.every((at, index) => index === 0 || at - seconds[index - 1]! <= LONGEST_BEAT_SECONDS)
  )
}
