import type { SqlValue } from '../../db/connection.js'
import type { LogFilter, LogRow, LogRowFilter, LogRowQuery, RowId, StoredLogRow } from '../../model/log.js'
import { LOG_FIELDS, type LogField } from '../../model/log-records.js'
import { columnSql, quoteIdentifier } from '../../schema/columns.js'
import {
  type BatchSource,
  compileBatch,
  type IdWindow,
  type LogBatch,
  matchingBatches,
  newestFirstBatches,
  type Resize,
  readNewestIds,
} from './batches.js'
import { exactSql, fromExact, keySql, LONGEST_TEXT, type LogSource, textSql } from './store.js'

/** The rows of a batch that match, in the batch's order, for a window by id. */
export function readLogRows(
  source: LogSource,
  batch: LogBatch,
  filter?: LogFilter,
  isReversed = false,
): StoredLogRow[] {
  const { sql, params } = compileRows(source, batch, filter, isReversed)
  const rows = source.connection.all<SelectedRow>(sql, ...params)
  for (const row of rows) tidy(row, source)
  return rows as unknown as StoredLogRow[]
}

/** What `take` makes of the same rows, without those of which it makes nothing: no two rows are in memory together. */
export function mapLogRows<Result>(
  source: LogSource,
  batch: LogBatch,
  filter: LogFilter,
  take: (row: StoredLogRow) => Result | undefined,
): Result[] {
  const { sql, params } = compileRows(source, batch, filter, false)
  return source.connection
    .map(sql, params, (row: SelectedRow) => {
      tidy(row, source)
      return take(row as unknown as StoredLogRow)
    })
    .filter((result) => result !== undefined)
}

function compileRows(
  source: LogSource,
  batch: LogBatch,
  filter: LogFilter | undefined,
  isReversed: boolean,
): { sql: string; params: SqlValue[] } {
  const { sql, params } = compileBatch(source, batch, filter)
  const order = batch.kind === 'window' ? ` ORDER BY ${keySql(source)} ${isReversed ? 'DESC' : 'ASC'}` : ''
  return { sql: `SELECT ${rowSql(source)} ${sql}${order}`, params }
}

function tidy(row: SelectedRow, source: LogSource): void {
  for (const name of EXACT) {
    const value = row[name]
    if (typeof value === 'string') row[name] = fromExact(value)
  }
  const { tsSeconds, tsNanos } = row
  if (typeof tsSeconds === 'string' || typeof tsNanos === 'string') {
    row.exactTime = { seconds: fromExact(tsSeconds ?? 0), nanos: fromExact(tsNanos ?? 0) }
    if (tsSeconds !== null) row.tsSeconds = Number(tsSeconds)
    if (tsNanos !== null) row.tsNanos = Number(tsNanos)
  }
  if (source.unknownColumns.length > 0) moveUnknown(row, source.unknownColumns)
}

/**
 * The batches in parts whose texts fit into the memory together, in their order; one row is never parted. For who
 * makes rows of them: a window may hold any number of bytes.
 */
export function* inParts<Batch extends LogBatch>(
  source: LogSource,
  batches: BatchSource<Batch>,
  options: PartOptions = {},
): BatchSource<Batch> {
  let resize: Resize | undefined
  for (let next = batches.next(); !next.done; next = batches.next(resize)) {
    for (const part of partsOf(source, next.value, options)) resize = yield part as Batch
  }
}

export interface PartOptions {
  isReversed?: boolean
  /** Of all texts of a part; default: as many as fit into a heap of the usual size. */
  maxBytes?: number
}

function* partsOf(source: LogSource, batch: LogBatch, options: PartOptions): Generator<LogBatch> {
  const { isReversed = false, maxBytes = LONGEST_TEXT } = options
  const isOne = batch.kind === 'window' ? batch.low >= batch.high : batch.ids.length <= 1
  if (isOne || countBytes(source, batch) <= maxBytes) {
    yield batch
    return
  }
  for (const half of halvesOf(batch, isReversed)) yield* partsOf(source, half, options)
}

function halvesOf(batch: LogBatch, isReversed: boolean): LogBatch[] {
  if (batch.kind === 'ids') {
    const middle = batch.ids.length >> 1
    return [
      { kind: 'ids', ids: batch.ids.slice(0, middle) },
      { kind: 'ids', ids: batch.ids.slice(middle) },
    ]
  }
  const { kind, low, high } = batch
  const middle = low + (high - low) / 2n
  const halves: LogBatch[] = [
    { kind, low, high: middle },
    { kind, low: middle + 1n, high },
  ]
  return isReversed ? halves.reverse() : halves
}

/** Of all texts of the batch's rows, matching or not; no text is read for it. */
function countBytes(source: LogSource, batch: LogBatch): number {
  const { sql, params } = compileBatch(source, batch)
  const texts = (Object.keys(PROPERTY_TYPES) as (keyof LogRow)[]).filter(
    (name) => PROPERTY_TYPES[name] === 'TEXT' && source.columns[name] !== undefined,
  )
  if (texts.length === 0) return 0
  const bytes = texts.map((name) => `coalesce(octet_length(${qualified(source, name)}), 0)`)
  return (
    source.connection.get<{ n: number | null }>(`SELECT sum(${bytes.join(' + ')}) AS n ${sql}`, ...params)
      ?.n ?? 0
  )
}

/** What the table orders the row by. */
export function keyOf({ id, key }: StoredLogRow): RowId {
  return key ?? id
}

/** How many rows of a window are there, whatever they hold. */
export function countRows(source: LogSource, { low, high }: Pick<IdWindow, 'low' | 'high'>): number {
  const row = source.connection.get<{ n: number }>(
    `SELECT count(*) AS n FROM logs NOT INDEXED WHERE ${keySql(source)} BETWEEN ? AND ?`,
    low,
    high,
  )
  return row?.n ?? 0
}

/** Rows of the table as Codex's state runtime asks for them (its `query_logs`), all of one moment. */
export function queryLogRows(source: LogSource, query: LogRowQuery): LogRow[] {
  const { limit = Number.POSITIVE_INFINITY } = query
  return source.connection.snapshot(() => [...rowsOf(source, query, limit)])
}

/** The highest id among the rows of the filter, 0 when there are none. */
export function readMaxLogId(source: LogSource, query: LogRowFilter): number {
  const filter = toLogFilter(query)
  return source.connection.snapshot(() => {
    if (source.hasIdAsKey) {
      for (const batch of batchesOf(source, filter, query, true)) {
        const [id] = readNewestIds(source, batch, filter, 1)
        if (id !== undefined) return Number(id)
      }
      return 0
    }
    let highest = 0
    for (const { id } of rowsOf(source, query, Number.POSITIVE_INFINITY)) highest = Math.max(highest, id)
    return highest
  })
}

function* rowsOf(source: LogSource, query: LogRowQuery, limit: number): Generator<LogRow> {
  const { descending: isReversed = false, afterId } = query
  const filter = toLogFilter(query)
  let missing = limit
  if (missing <= 0) return
  for (const batch of inParts(source, batchesOf(source, filter, query, isReversed), { isReversed })) {
    for (const row of readLogRows(source, batch, filter, isReversed)) {
      if (afterId !== undefined && row.id <= afterId) continue
      yield toLogRow(row)
      if (--missing <= 0) return
    }
  }
}

function batchesOf(
  source: LogSource,
  filter: LogFilter,
  query: LogRowFilter,
  isReversed: boolean,
): BatchSource {
  const afterId = source.hasIdAsKey ? query.afterId : undefined
  return isReversed
    ? newestFirstBatches(source, filter, { afterId })
    : matchingBatches(source, filter, { afterId })
}

function toLogFilter(query: LogRowFilter): LogFilter {
  const { level, fromSeconds, toSeconds } = query
  const like = (anyOf: readonly string[] | undefined) => ({ match: 'like', anyOf: nonEmpty(anyOf) }) as const
  return {
    levels: level === undefined ? undefined : [level],
    from: fromSeconds === undefined ? undefined : { seconds: fromSeconds, nanos: 0 },
    to: toSeconds === undefined ? undefined : { seconds: toSeconds, nanos: 999_999_999 },
    module: like(query.moduleLike),
    file: like(query.fileLike),
    body: query.search ? { match: 'literal', anyOf: [query.search] } : undefined,
    threadIds: nonEmpty(query.threadIds),
    includesThreadless: query.includeThreadless,
  }
}

function nonEmpty(values: readonly string[] | undefined): string[] {
  return (values ?? []).filter((value) => value !== '')
}

function toLogRow({ key, unknown, exactTime, ...row }: StoredLogRow): LogRow {
  return {
    ...row,
    id: Number(row.id),
    tsSeconds: row.tsSeconds ?? 0,
    tsNanos: row.tsNanos ?? 0,
    line: row.line === null ? null : Number(row.line),
  }
}

/** What SQLite gives before it is tidied. */
type SelectedRow = Record<string, unknown> & { [Name in (typeof EXACT)[number]]?: RowId | string | null } & {
  tsSeconds: number | string | null
  tsNanos: number | string | null
}

const EXACT = ['id', 'line', 'key'] as const

/** The select list; a value of another type than its column's is read as what it should be. */
function rowSql(source: LogSource): string {
  const { columns, hasIdAsKey, unknownColumns } = source
  const properties = (Object.keys(PROPERTY_TYPES) as (keyof LogRow)[]).map((name) => {
    const column = qualified(source, name)
    if (PROPERTY_TYPES[name] === 'TEXT') return `${textSql(column)} AS ${name}`
    const value = `CAST(${column} AS INTEGER)`
    // Every integer: none is printed rounded.
    return `${columns[name] !== undefined || name === 'id' ? exactSql(value) : value} AS ${name}`
  })
  const key = hasIdAsKey ? [] : [`${exactSql(keySql(source))} AS key`]
  const unknown = unknownColumns.map((name, at) => `logs.${quoteIdentifier(name)} AS unknown${at}`)
  return [...properties, ...key, ...unknown].join(', ')
}

/** `logs.` before it: the list that ids are read by has columns of its own. */
export function qualified(source: LogSource, property: keyof LogRow): string {
  const column = source.columns[property]
  if (column !== undefined) return `logs.${columnSql(column)}`
  return property === 'id' ? keySql(source) : 'NULL'
}

/** Under their own names they could hide a property. */
function moveUnknown(row: SelectedRow, names: readonly string[]): void {
  const unknown: Record<string, unknown> = {}
  for (const [at, name] of names.entries()) {
    unknown[name] = row[`unknown${at}`]
    delete row[`unknown${at}`]
  }
  row.unknown = unknown
}

/** Every property is printed: one that is not in the table of fields does not compile here. */
const PROPERTY_TYPES: Record<keyof LogRow, 'INTEGER' | 'TEXT'> = Object.fromEntries(
  Object.values(LOG_FIELDS).map(({ property, kind }) => [property, kind === 'text' ? 'TEXT' : 'INTEGER']),
) as Record<(typeof LOG_FIELDS)[LogField]['property'], 'INTEGER' | 'TEXT'>

/** The bytes of a row as Codex counts them against its budgets, where the layout has them; else those of the body. */
export function rowBytesSql(source: LogSource): string {
  const { sizeColumn } = source
  return sizeColumn === undefined
    ? `octet_length(${qualified(source, 'body')})`
    : `logs.${columnSql(sizeColumn)}`
}
