import type { SqlValue } from '../../db/connection.js'
import type { LogFilter, RowId } from '../../model/log.js'
import { columnSql, quoteIdentifier } from '../../schema/columns.js'
import { compileLogFilter, compileTimes } from './filter.js'
import { keySql, type LogSource, readHighestId, readIds, readLowestId } from './store.js'

/**
 * The rows that one statement looks at. Reading goes batch by batch, each a transaction of its own: memory
 * does not grow with the rows, and a writer's WAL can be reused in between.
 */
export type LogBatch =
  | IdWindow
  /** Rows by id, in this order; those that are gone meanwhile are left out. */
  | { kind: 'ids'; ids: readonly RowId[] }

/** Inclusive bounds of ids; none lie in it when `low` is above `high`. */
export interface IdRange {
  low: bigint
  high: bigint
}

export interface IdWindow extends IdRange {
  kind: 'window'
}

/** The ids that SQLite can give. */
export const LOWEST_ID = -(2n ** 63n)
export const HIGHEST_ID = 2n ** 63n - 1n

/** What a reader says after a batch, so that the next one is of a good size. */
export type Resize = 'grow' | 'keep' | 'shrink'

export type BatchSource<Batch extends LogBatch = LogBatch> = Generator<Batch, void, Resize | undefined>

export interface BatchOptions {
  /** Only rows with a higher id. */
  afterId?: RowId | undefined
  /** No rows with a higher id than this. */
  throughId?: RowId | undefined
  isReversed?: boolean
  /** Ids of the first window. */
  windowSize?: number
  /** Ids of the first list. */
  listSize?: number
}

const DEFAULT_WINDOW = 512
const LARGEST_WINDOW = 65_536
const IDS_IN_BATCH = 1000
/** Ids that a search for the newest rows looks at before it asks the time index where to end. */
const SEARCH_BEFORE_BOUND = 65_536n
/** Measured: a row scanned by id costs about six times an entry of the time index. */
const SCAN_TO_INDEX_COST = 6n

/** FROM and WHERE for a batch. `filter` may be left out where the ids are known to match. */
export function compileBatch(
  source: LogSource,
  batch: LogBatch,
  filter: LogFilter = {},
): { sql: string; params: SqlValue[] } {
  const conditions = compileLogFilter(filter, source.columns)
  const and = conditions.sql.map((condition) => ` AND ${condition}`).join('')
  if (batch.kind === 'window') {
    return {
      sql: `FROM logs NOT INDEXED WHERE ${keySql(source)} BETWEEN ? AND ?${and}`,
      params: [batch.low, batch.high, ...conditions.params],
    }
  }
  return {
    // CROSS JOIN keeps the order of the list: https://www.sqlite.org/optoverview.html
    // Of the columns of json_each() some have the names of columns of logs.
    sql: `FROM (SELECT value AS wanted_key FROM json_each(?)) CROSS JOIN logs WHERE ${keySql(source)} = wanted_key${and}`,
    params: [`[${batch.ids.join()}]`, ...conditions.params],
  }
}

/** Where to look for the newest rows, from the newest id down: whoever has enough of them stops. */
export function* newestFirstBatches(
  source: LogSource,
  filter: LogFilter,
  options: Omit<BatchOptions, 'isReversed'>,
): BatchSource {
  const range = within(options, rangeOfNewest(source, filter))
  const batches = candidateBatches(source, filter, range, { ...options, isReversed: true })
  let isBounded = filter.from === undefined
  let resize: Resize | undefined
  for (let next = batches.next(); !next.done; next = batches.next(resize)) {
    const batch = next.value
    resize = yield batch
    if (!isBounded && batch.kind === 'window' && range.high - batch.low >= SEARCH_BEFORE_BOUND) {
      isBounded = true
      const exact = exactRange(source, filter)
      if (exact && exact.low > range.low) range.low = exact.low
    }
  }
}

/** Ids of a batch's rows that match, the newest of them (-1: all), newest first. */
export function readNewestIds(source: LogSource, batch: LogBatch, filter: LogFilter, limit: number): RowId[] {
  const { sql, params } = compileBatch(source, batch, filter)
  const key = keySql(source)
  const order = batch.kind === 'window' ? `ORDER BY ${key} DESC ` : ''
  return readIds(source.connection, `SELECT ${key} AS id ${sql} ${order}LIMIT ?`, ...params, limit)
}

/** How many of a batch's rows match. */
export function countBatch(source: LogSource, batch: LogBatch, filter: LogFilter): number {
  const { sql, params } = compileBatch(source, batch, filter)
  return source.connection.get<{ n: number }>(`SELECT count(*) AS n ${sql}`, ...params)?.n ?? 0
}

/** All rows that may match, in the order of their ids. */
export function matchingBatches(
  source: LogSource,
  filter: LogFilter,
  options: BatchOptions = {},
): BatchSource {
  const range = within(options, exactRange(source, filter) ?? wholeRange(source))
  return candidateBatches(source, filter, range, options)
}

/** The ids above one, up to and including another, window by window; ids without a row may lie between them. */
export function windowsAfter(source: LogSource, afterId: bigint, throughId: bigint): BatchSource<IdWindow> {
  return windowBatches(source, { low: afterId + 1n, high: throughId }, {})
}

function wholeRange(source: LogSource): IdRange {
  const low = readLowestId(source)
  return low === undefined ? { ...EMPTY_RANGE } : { low, high: readHighestId(source) }
}

function within({ afterId, throughId }: BatchOptions, { low, high }: IdRange): IdRange {
  const first = afterId === undefined ? low : BigInt(afterId) + 1n
  const last = throughId === undefined ? high : BigInt(throughId)
  return { low: first > low ? first : low, high: last < high ? last : high }
}

/** Known ids in batches. */
export function* idBatches(ids: readonly RowId[]): BatchSource {
  for (let start = 0; start < ids.length; start += IDS_IN_BATCH) {
    yield { kind: 'ids', ids: ids.slice(start, start + IDS_IN_BATCH) }
  }
}

function candidateBatches(
  source: LogSource,
  filter: LogFilter,
  range: IdRange,
  options: BatchOptions = {},
): BatchSource {
  const asksForThreads = (filter.threadIds?.length ?? 0) > 0 || filter.includesThreadless === true
  return asksForThreads && source.indexes.thread !== undefined
    ? threadBatches(source, filter, range, options)
    : windowBatches(source, range, options)
}

/**
 * Each window begins at an id that is there, so that a wide gap between two ids takes no time. `range` is looked
 * at anew before each window: a search may raise its lower bound on the way.
 */
function* windowBatches(
  source: LogSource,
  range: IdRange,
  { isReversed = false, windowSize = DEFAULT_WINDOW }: BatchOptions,
): BatchSource<IdWindow> {
  const largest = BigInt(Math.max(LARGEST_WINDOW, windowSize))
  let size = BigInt(windowSize)
  let position = isReversed ? range.high : range.low
  while (isReversed ? position >= range.low : position <= range.high) {
    const isLast = isReversed ? position - size < range.low : position + size > range.high
    if (!isLast) {
      const next = findId(
        source,
        isReversed ? range.low : position,
        isReversed ? position : range.high,
        isReversed,
      )
      if (next === undefined) return
      position = next
    }
    const low = isReversed ? position - size + 1n : position
    const high = isReversed ? position : position + size - 1n
    const window: IdWindow = {
      kind: 'window',
      low: low > range.low ? low : range.low,
      high: high < range.high ? high : range.high,
    }
    const resize = yield window
    position = isReversed ? window.low - 1n : window.high + 1n
    if (resize === 'grow') size = size * 2n < largest ? size * 2n : largest
    if (resize === 'shrink') size = size / 2n || 1n
  }
}

/** The lowest or highest id that is there within bounds. */
function findId(source: LogSource, low: bigint, high: bigint, isHighest: boolean): bigint | undefined {
  const key = keySql(source)
  const row = source.connection.get<{ found: string }>(
    `SELECT CAST(${key} AS TEXT) AS found FROM logs NOT INDEXED WHERE ${key} BETWEEN ? AND ?
     ORDER BY ${key} ${isHighest ? 'DESC' : 'ASC'} LIMIT 1`,
    low,
    high,
  )
  return row && BigInt(row.found)
}

/**
 * The ids of the threads asked for, and of threadless rows, merged from the index. Each part is read a piece
 * at a time; a merged batch ends where the first part that has more ended.
 */
function* threadBatches(
  source: LogSource,
  filter: LogFilter,
  range: IdRange,
  { isReversed = false, listSize = IDS_IN_BATCH }: BatchOptions,
): BatchSource {
  let size = Math.min(listSize, IDS_IN_BATCH)
  const threadColumn = columnSql(source.columns.threadId)
  const parts: { condition: string; params: SqlValue[] }[] = (filter.threadIds ?? []).map((id) => ({
    condition: `${threadColumn} = ?`,
    params: [id],
  }))
  if (filter.includesThreadless || (filter.threadlessOf?.length ?? 0) > 0)
    parts.push({ condition: `${threadColumn} IS NULL`, params: [] })
  const direction = isReversed ? 'DESC' : 'ASC'
  const { key } = source
  let { low, high } = range
  while (low <= high) {
    const merged: RowId[] = []
    let end = isReversed ? low : high
    for (const { condition, params } of parts) {
      const ids = readIds(
        source.connection,
        `SELECT ${key} AS id FROM logs INDEXED BY ${quoteIdentifier(source.indexes.thread!)}
         WHERE ${condition} AND ${key} >= ? AND ${key} <= ? ORDER BY ${key} ${direction} LIMIT ?`,
        ...params,
        low,
        high,
        size,
      )
      const last = ids.at(-1)
      if (last !== undefined && ids.length === size) {
        const isNearer = isReversed ? last > end : last < end
        if (isNearer) end = BigInt(last)
      }
      for (const id of ids) merged.push(id)
    }
    const ids = merged.filter((id) => (isReversed ? id >= end : id <= end))
    ids.sort(isReversed ? (a, b) => compareIds(b, a) : compareIds)
    if (ids.length > 0 && (yield { kind: 'ids', ids }) === 'grow') size = Math.min(size * 2, IDS_IN_BATCH)
    if (isReversed) high = end - 1n
    else low = end + 1n
  }
}

function compareIds(a: RowId, b: RowId): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * The bounds of the ids within the filter's times, only from the time index; `undefined` without times or
 * without the index. Ids and times are only almost in the same order (several processes write), so a row found
 * by one look at the index is no bound: all of the range's entries are.
 */
function exactRange(source: LogSource, filter: LogFilter): IdRange | undefined {
  const index = timeIndexFor(source, filter)
  if (!index) return undefined
  const row = source.connection.get<{ low: string | null; high: string | null }>(
    `SELECT CAST(min(${source.key}) AS TEXT) AS low, CAST(max(${source.key}) AS TEXT) AS high ${index.sql}`,
    ...index.params,
  )
  return row?.low == null || row.high == null
    ? { ...EMPTY_RANGE }
    : { low: BigInt(row.low), high: BigInt(row.high) }
}

const EMPTY_RANGE: IdRange = { low: 1n, high: 0n }

/** Where a search for the newest rows begins, and the lowest id at which it ends. */
function rangeOfNewest(source: LogSource, filter: LogFilter): IdRange {
  const whole = wholeRange(source)
  const index = timeIndexFor(source, filter)
  if (!index) return whole
  const { columns, key } = source
  const edge = (direction: 'ASC' | 'DESC'): bigint | undefined => {
    const order = [columnSql(columns.tsSeconds), columnSql(columns.tsNanos), key]
    const row = source.connection.get<{ found: string }>(
      `SELECT CAST(${key} AS TEXT) AS found ${index.sql}
       ORDER BY ${order.map((column) => `${column} ${direction}`).join(', ')} LIMIT 1`,
      ...index.params,
    )
    return row && BigInt(row.found)
  }
  const newest = edge('DESC')
  const oldest = edge('ASC')
  if (newest === undefined || oldest === undefined) return { ...EMPTY_RANGE }
  if (!filter.to) return whole
  // Either the rows above the range are scanned, or its entries in the index: whatever is less work.
  const isCheaperToScan = (whole.high - newest) * SCAN_TO_INDEX_COST < newest - oldest
  return isCheaperToScan ? whole : (exactRange(source, filter) ?? whole)
}

/** FROM and WHERE over the index of times; `undefined` where there are no times to look for, or no index. */
function timeIndexFor(
  { indexes, columns }: LogSource,
  filter: LogFilter,
): { sql: string; params: SqlValue[] } | undefined {
  if ((!filter.from && !filter.to) || indexes.time === undefined) return undefined
  const { sql, params } = compileTimes(filter, columnSql(columns.tsSeconds), columnSql(columns.tsNanos))
  return {
    sql: `FROM logs INDEXED BY ${quoteIdentifier(indexes.time)} WHERE ${sql.join(' AND ')}`,
    params,
  }
}
