import type { LogFilter } from '../../model/log.js'
import type { StatsGroup, StatsPlan, StatsSum } from '../../model/log-stats.js'
import { isRowTime } from '../../model/row-time.js'
import { columnSql } from '../../schema/columns.js'
import { compileBatch, type LogBatch } from './batches.js'
import { qualified, rowBytesSql } from './rows.js'
import { isTimeSql, keySql, type LogSource, readHighestId } from './store.js'

/** Ids of a window: what SQLite groups of it stays in the processor's cache, where one sort of all rows does not. */
export const STATS_WINDOW = 50_000

/** How each group is told from the others, as SQL. */
const GROUP_SQL: Record<StatsGroup, (column: (name: Parameters<typeof qualified>[1]) => string) => string> = {
  level: (column) => column('level'),
  target: (column) => column('target'),
  'call-site': (column) =>
    `iif(${column('file')} IS NULL, ${column('target')}, concat(${column('file')}, ':', ${column('line')}))`,
  module: (column) => column('modulePath'),
  file: (column) => column('file'),
  thread: (column) => column('threadId'),
  process: (column) => column('processUuid'),
  hour: (column) => wholeSql(column('tsSeconds'), 3600),
  day: (column) => wholeSql(column('tsSeconds'), 86_400),
}

/** The beginning of the span that a time lies in; SQLite's remainder of a time before 1970 is below 0. */
function wholeSql(seconds: string, span: number): string {
  return `(${seconds} - ((${seconds} % ${span}) + ${span}) % ${span})`
}

/** The sums of one batch, group by group. */
export function readStats(
  source: LogSource,
  batch: LogBatch,
  filter: LogFilter,
  plan: StatsPlan,
): StatsSum[] {
  const column = (name: Parameters<typeof qualified>[1]) => qualified(source, name)
  const seconds = column('tsSeconds')
  const keys = plan.by.map((group, at) => `${GROUP_SQL[group](column)} AS key${at}`)
  const names = plan.by.map((_, at) => `key${at}`)
  if (plan.buckets) {
    const { fromSeconds, stepSeconds } = plan.buckets
    keys.push(`(${seconds} - ${fromSeconds}) / ${stepSeconds} AS bucket`)
    names.push('bucket')
  }
  const { sql, params } = compileBatch(source, batch, filter)
  const sums = `count(*) AS rowCount, sum(${rowBytesSql(source)}) AS sizeBytes, min(${seconds}) AS firstSeconds, max(${seconds}) AS lastSeconds`
  const group = names.length > 0 ? `GROUP BY ${names.join(', ')}` : ''
  const rows = source.connection.all<Record<string, unknown>>(
    `SELECT ${[...keys, sums].join(', ')} ${sql} ${group}`,
    ...params,
  )
  return rows
    .filter(({ rowCount }) => Number(rowCount) > 0)
    .map((row) => ({
      keys: plan.by.map((_, at) => keyText(row[`key${at}`])),
      bucket: row.bucket === undefined || row.bucket === null ? 0 : Number(row.bucket),
      rowCount: Number(row.rowCount),
      sizeBytes: Number(row.sizeBytes ?? 0),
      firstSeconds: timeOrNaN(row.firstSeconds),
      lastSeconds: timeOrNaN(row.lastSeconds),
    }))
}

/** Of a group with a damaged time it is not known when it began, or ended. */
function timeOrNaN(seconds: unknown): number {
  return typeof seconds === 'number' && isRowTime(seconds) ? seconds : Number.NaN
}

function keyText(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

/** Adds sums of the same group and bucket together. */
export function createStatsSummer(): { add(sums: readonly StatsSum[]): void; sums(): StatsSum[] } {
  const found = new Map<string, StatsSum>()
  return {
    add(sums) {
      for (const sum of sums) {
        const key = JSON.stringify([sum.bucket, ...sum.keys])
        const known = found.get(key)
        if (!known) {
          found.set(key, { ...sum })
          continue
        }
        known.rowCount += sum.rowCount
        known.sizeBytes += sum.sizeBytes
        known.firstSeconds = Math.min(known.firstSeconds, sum.firstSeconds)
        known.lastSeconds = Math.max(known.lastSeconds, sum.lastSeconds)
      }
    },
    sums: () => [...found.values()],
  }
}

/** Seconds of the oldest and the newest row, by the index over times where there is one. */
export function readTimeRange({ connection, columns }: LogSource): { from: number; to: number } | undefined {
  const seconds = columnSql(columns.tsSeconds)
  const row = connection.get<{ low: number | null; high: number | null }>(
    `SELECT (SELECT min(${seconds}) FROM logs WHERE ${isTimeSql(seconds)}) AS low,
     (SELECT max(${seconds}) FROM logs WHERE ${isTimeSql(seconds)}) AS high`,
  )
  return row?.low == null || row.high == null ? undefined : { from: Number(row.low), to: Number(row.high) }
}

/** How many rows Codex ever wrote and how many are there; `undefined` where SQLite did not count them. */
export interface LogChurn {
  rowsWritten: bigint | undefined
  rowsKept: number
  freeBytes: number
  pageBytes: number
  range: { from: number; to: number } | undefined
}

export function readChurn(source: LogSource): LogChurn {
  const { connection } = source
  const pragma = (name: string) =>
    Number(Object.values(connection.get<Record<string, unknown>>(`PRAGMA ${name}`) ?? {})[0] ?? 0)
  const kept = connection.get<{ n: number }>('SELECT count(*) AS n FROM logs')?.n ?? 0
  const pageSize = pragma('page_size')
  return {
    rowsWritten: source.hasSequence ? readHighestId(source) : undefined,
    rowsKept: kept,
    freeBytes: pragma('freelist_count') * pageSize,
    pageBytes: pragma('page_count') * pageSize,
    range: readTimeRange(source),
  }
}

/** Sums by level and target of the rows above an id, and the id to go on from: a look of a live measurement. */
export function readNewSums(source: LogSource, afterId: bigint): { sums: StatsSum[]; highestId: bigint } {
  return source.connection.snapshot(() => {
    const highestId = readHighestId(source)
    const batch = { kind: 'window', low: afterId + 1n, high: highestId } as const
    const sums = highestId > afterId ? readStats(source, batch, {}, { by: ['level', 'target'] }) : []
    return { sums, highestId }
  })
}

/**
 * How many rows were written since a time, by the numbers that SQLite gave them, and the bytes of a row as the newest
 * ones have them: no row but these is read.
 */
export function estimateWritten(
  source: LogSource,
  sinceSeconds: number,
): { rowCount: number; sizeBytes: number } | undefined {
  const { connection, indexes, columns } = source
  if (indexes.time === undefined) return undefined
  const seconds = columnSql(columns.tsSeconds)
  const key = keySql(source)
  const first = connection.get<{ id: string | null }>(
    `SELECT CAST(${key} AS TEXT) AS id FROM logs WHERE ${seconds} >= ? ORDER BY ${seconds} LIMIT 1`,
    sinceSeconds,
  )
  if (first?.id == null) return { rowCount: 0, sizeBytes: 0 }
  const rowCount = Number(readHighestId(source) - BigInt(first.id)) + 1
  const size = connection.get<{ n: number | null }>(
    `SELECT avg(bytes) AS n FROM (SELECT ${rowBytesSql(source)} AS bytes FROM logs ORDER BY ${key} DESC LIMIT 1000)`,
  )
  return { rowCount, sizeBytes: rowCount * (size?.n ?? 0) }
}
