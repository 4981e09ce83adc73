import type { SqlValue } from '../db/open.js'
import type { LogFilter } from '../model/log.js'
import { columnSql } from '../schema/columns.js'
import { compileLogFilter } from './log-filter.js'
import { type LogStore, readHighestId, readLowestId } from './log-store.js'

/**
 * The rows that one statement looks at. Reading goes batch by batch, each a transaction of its own: memory
 * does not grow with the rows, and a writer's WAL can be reused in between.
 */
export type LogBatch =
  | IdWindow
  /** Rows by id, in this order; those that are gone meanwhile are left out. */
  | { kind: 'ids'; ids: readonly number[] }

export interface IdWindow {
  kind: 'window'
  afterId: number
  throughId: number
}

/** Inclusive bounds of ids; none lie in it when `low` is above `high`. */
export interface IdRange {
  low: number
  high: number
}

/** What a reader says after a batch, so that the next one is of a good size. */
export type Resize = 'grow' | 'keep' | 'shrink'

export type BatchSource<Batch extends LogBatch = LogBatch> = Generator<Batch, void, Resize | undefined>

export interface BatchOptions {
  /** Only rows with a higher id. */
  afterId?: number
  /** No rows with a higher id than this. */
  throughId?: number
  isReversed?: boolean
  /** Ids of the first window. */
  windowSize?: number
  /** Ids of the first list. */
  listSize?: number
}

const TIME_INDEX = 'idx_logs_ts'
const THREAD_INDEX = 'idx_logs_thread_id'
const DEFAULT_WINDOW = 512
const LARGEST_WINDOW = 65_536
const IDS_IN_BATCH = 1000
/** Ids that a search for the newest rows looks at before it asks the time index where to end. */
const SEARCH_BEFORE_BOUND = 65_536
/** Measured: a row scanned by id costs about six times an entry of the time index. */
const SCAN_TO_INDEX_COST = 6

/** FROM and WHERE for a batch. `filter` may be left out where the ids are known to match. */
export function compileBatch(
  store: LogStore,
  batch: LogBatch,
  filter: LogFilter = {},
): { sql: string; params: SqlValue[] } {
  const conditions = compileLogFilter(filter, store.columns)
  const and = conditions.sql.map((condition) => ` AND ${condition}`).join('')
  if (batch.kind === 'window') {
    return {
      sql: `FROM logs NOT INDEXED WHERE id > ? AND id <= ?${and}`,
      params: [batch.afterId, batch.throughId, ...conditions.params],
    }
  }
  return {
    // CROSS JOIN keeps the order of the list: https://www.sqlite.org/optoverview.html
    sql: `FROM json_each(?) AS wanted CROSS JOIN logs WHERE logs.id = wanted.value${and}`,
    params: [JSON.stringify(batch.ids), ...conditions.params],
  }
}

/** Where to look for the newest rows, from the newest id down: whoever has enough of them stops. */
export function* newestFirstBatches(
  store: LogStore,
  filter: LogFilter,
  options: Omit<BatchOptions, 'isReversed'>,
): BatchSource {
  const range = within(options, rangeOfNewest(store, filter))
  const source = candidateBatches(store, filter, range, { ...options, isReversed: true })
  let isBounded = filter.from === undefined
  let resize: Resize | undefined
  for (let next = source.next(); !next.done; next = source.next(resize)) {
    const batch = next.value
    resize = yield batch
    if (!isBounded && batch.kind === 'window' && range.high - batch.afterId > SEARCH_BEFORE_BOUND) {
      isBounded = true
      range.low = Math.max(range.low, exactRange(store, filter)?.low ?? range.low)
    }
  }
}

/** Ids of a batch's rows that match, the newest of them (-1: all), newest first. */
export function readNewestIds(store: LogStore, batch: LogBatch, filter: LogFilter, limit: number): number[] {
  const { sql, params } = compileBatch(store, batch, filter)
  const order = batch.kind === 'window' ? 'ORDER BY id DESC ' : ''
  return store.connection
    .all<{ id: number }>(`SELECT logs.id AS id ${sql} ${order}LIMIT ?`, ...params, limit)
    .map(({ id }) => id)
}

/** All rows that may match, in the order of their ids. */
export function matchingBatches(store: LogStore, filter: LogFilter, options: BatchOptions = {}): BatchSource {
  const whole = { low: readLowestId(store), high: readHighestId(store) }
  const range = within(options, exactRange(store, filter) ?? whole)
  return candidateBatches(store, filter, range, options)
}

/** The ids above one, up to and including another, window by window without a gap. */
export function windowsAfter(afterId: number, throughId: number): BatchSource<IdWindow> {
  return windowBatches({ low: afterId + 1, high: throughId }, {})
}

function within(
  { afterId = 0, throughId = Number.POSITIVE_INFINITY }: BatchOptions,
  range: IdRange,
): IdRange {
  return { low: Math.max(range.low, afterId + 1), high: Math.min(range.high, throughId) }
}

/** Known ids in batches. */
export function* idBatches(ids: readonly number[]): BatchSource {
  for (let start = 0; start < ids.length; start += IDS_IN_BATCH) {
    yield { kind: 'ids', ids: ids.slice(start, start + IDS_IN_BATCH) }
  }
}

function candidateBatches(
  store: LogStore,
  filter: LogFilter,
  range: IdRange,
  options: BatchOptions = {},
): BatchSource {
  const asksForThreads = (filter.threadIds?.length ?? 0) > 0 || filter.includesThreadless === true
  return asksForThreads && store.indexes.has(THREAD_INDEX)
    ? threadBatches(store, filter, range, options)
    : windowBatches(range, options)
}

/** `range` is looked at anew before each window: a search may raise its lower bound on the way. */
function* windowBatches(
  range: IdRange,
  { isReversed = false, windowSize = DEFAULT_WINDOW }: BatchOptions,
): BatchSource<IdWindow> {
  let size = windowSize
  let position = isReversed ? range.high : range.low - 1
  while (isReversed ? position >= range.low : position < range.high) {
    const end = isReversed ? Math.max(position - size, range.low - 1) : Math.min(position + size, range.high)
    const resize = yield isReversed
      ? { kind: 'window', afterId: end, throughId: position }
      : { kind: 'window', afterId: position, throughId: end }
    position = end
    if (resize === 'grow') size = Math.min(size * 2, Math.max(LARGEST_WINDOW, windowSize))
    if (resize === 'shrink') size = Math.max(Math.trunc(size / 2), 1)
  }
}

/**
 * The ids of the threads asked for, and of threadless rows, merged from the index. Each part is read a piece
 * at a time; a merged batch ends where the first part that has more ended.
 */
function* threadBatches(
  store: LogStore,
  filter: LogFilter,
  range: IdRange,
  { isReversed = false, listSize = IDS_IN_BATCH }: BatchOptions,
): BatchSource {
  let size = Math.min(listSize, IDS_IN_BATCH)
  const threadColumn = columnSql(store.columns.threadId)
  const parts: { condition: string; params: SqlValue[] }[] = (filter.threadIds ?? []).map((id) => ({
    condition: `${threadColumn} = ?`,
    params: [id],
  }))
  if (filter.includesThreadless) parts.push({ condition: `${threadColumn} IS NULL`, params: [] })
  const direction = isReversed ? 'DESC' : 'ASC'
  let { low, high } = range
  while (low <= high) {
    const merged: number[] = []
    let end = isReversed ? low : high
    for (const { condition, params } of parts) {
      const ids = store.connection
        .all<{ id: number }>(
          `SELECT id FROM logs INDEXED BY ${THREAD_INDEX}
           WHERE ${condition} AND id >= ? AND id <= ? ORDER BY id ${direction} LIMIT ?`,
          ...params,
          low,
          high,
          size,
        )
        .map(({ id }) => id)
      const last = ids.at(-1)
      if (last !== undefined && ids.length === size) {
        end = isReversed ? Math.max(end, last) : Math.min(end, last)
      }
      for (const id of ids) merged.push(id)
    }
    const ids = merged.filter((id) => (isReversed ? id >= end : id <= end))
    ids.sort(isReversed ? (a, b) => b - a : (a, b) => a - b)
    if (ids.length > 0 && (yield { kind: 'ids', ids }) === 'grow') size = Math.min(size * 2, IDS_IN_BATCH)
    if (isReversed) high = end - 1
    else low = end + 1
  }
}

/**
 * The bounds of the ids within the filter's times, from the time index alone; `undefined` without times or
 * without the index. Ids and times are only almost in the same order (several processes write), so a row found
 * by one look at the index is no bound: all of the range's entries are.
 */
function exactRange(store: LogStore, { from, to }: LogFilter): IdRange | undefined {
  if ((!from && !to) || !store.indexes.has(TIME_INDEX)) return undefined
  const { sql, params } = timeBounds({ from, to })
  const row = store.connection.get<{ low: number | null; high: number | null }>(
    `SELECT min(id) AS low, max(id) AS high FROM logs INDEXED BY ${TIME_INDEX} WHERE ${sql}`,
    ...params,
  )
  return row?.low == null || row.high == null ? EMPTY_RANGE : { low: row.low, high: row.high }
}

const EMPTY_RANGE: IdRange = { low: 1, high: 0 }

/** Where a search for the newest rows begins, and the lowest id at which it ends. */
function rangeOfNewest(store: LogStore, filter: LogFilter): IdRange {
  const whole = { low: readLowestId(store), high: readHighestId(store) }
  const { from, to } = filter
  if ((!from && !to) || !store.indexes.has(TIME_INDEX)) return whole
  const edge = (direction: 'ASC' | 'DESC') => {
    const { sql, params } = timeBounds({ from, to })
    return store.connection.get<{ id: number }>(
      `SELECT id FROM logs INDEXED BY ${TIME_INDEX} WHERE ${sql}
       ORDER BY ts ${direction}, ts_nanos ${direction}, id ${direction} LIMIT 1`,
      ...params,
    )?.id
  }
  const newest = edge('DESC')
  const oldest = edge('ASC')
  if (newest === undefined || oldest === undefined) return EMPTY_RANGE
  if (!to) return whole
  // Either the rows above the range are scanned, or its entries in the index: whatever is less work.
  const isCheaperToScan = (whole.high - newest) * SCAN_TO_INDEX_COST < newest - oldest
  return isCheaperToScan ? whole : (exactRange(store, filter) ?? whole)
}

function timeBounds({ from, to }: Pick<LogFilter, 'from' | 'to'>): { sql: string; params: SqlValue[] } {
  return {
    sql: [...(from ? ['ts >= ?'] : []), ...(to ? ['ts <= ?'] : [])].join(' AND '),
    params: [...(from ? [from.seconds] : []), ...(to ? [to.seconds] : [])],
  }
}
