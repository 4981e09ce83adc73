import type { ReadConnection, SqlValue } from '../../db/connection.js'
import type { OpenReadOnlyOptions } from '../../db/open-read.js'
import type { LogRow, RowId } from '../../model/log.js'
import { FIRST_SECONDS, LAST_SECONDS } from '../../model/row-time.js'
import { columnSql, knownColumns, type ResolvedColumns, resolveColumns } from '../../schema/columns.js'
import type { DatabaseFile } from '../../schema/files.js'
import { describeTable, readIndexes, type StoredColumn, type StoredTable } from '../../schema/inspect.js'
import { LATER_LOG_PROPERTIES, LOG_COLUMNS, LOG_SIZE_COLUMNS, LOG_TABLE } from '../../schema/logs.js'
import { openTable } from '../databases.js'

/** An open table of logs, with what was found out about it once. */
export interface LogSource {
  connection: ReadConnection
  columns: ResolvedColumns<LogRow>
  /** The bytes of a row's texts as Codex counts them; `undefined` in layouts that have no column for them. */
  sizeColumn: string | undefined
  /**
   * The column that rows are told apart and ordered by, as SQL: SQLite's own number of a row, which is its `id`
   * in every layout. A table that was rebuilt by hand may have another `id`, or none.
   */
  key: string
  /** Whether the key and the `id` are the same. */
  hasIdAsKey: boolean
  /** Columns that no layout is known to have. */
  unknownColumns: readonly string[]
  /** What every layout has a column for, and this one has not. */
  missing: readonly (keyof LogRow)[]
  /** Names of the indexes that are of use, by what they are over: the times with the id, the thread. */
  indexes: { time: string | undefined; thread: string | undefined }
  /** Whether SQLite keeps the highest key ever given, also when its row is gone. */
  hasSequence: boolean
}

/** The same with the file that it is in. */
export interface LogStore extends LogSource {
  file: DatabaseFile
}

/**
 * Opens the newest database that has a table of logs; `undefined` when none has.
 *
 * @throws {StateError} as `openReadOnly`
 */
export function openLogStore(
  files: readonly DatabaseFile[],
  options: OpenReadOnlyOptions = {},
): LogStore | undefined {
  const table = openTable(files, LOG_TABLE, options)
  return table && { ...describeLogs(table.connection, table.stored), file: table.file }
}

/** What there is to know of the table of logs of an open database. */
export function describeLogs(
  connection: ReadConnection,
  { columns: stored, hasRowNumbers, hasSequence }: StoredTable = describeTable(connection, LOG_TABLE),
): LogSource {
  const names = stored.map(({ name }) => name)
  const columns = resolveColumns(LOG_COLUMNS, new Set(names))
  const known = new Set([...knownColumns(LOG_COLUMNS), ...knownColumns(LOG_SIZE_COLUMNS)])
  const hasIdAsKey = columns.id !== undefined && (!hasRowNumbers || isRowNumber(columns.id, stored))
  const indexes = readIndexes(connection, LOG_TABLE).filter(({ isPartial }) => !isPartial)
  const findIndex = (...properties: (keyof LogRow)[]): string | undefined => {
    const wanted = properties.map((property) => columns[property])
    return indexes.find(
      (index) =>
        index.columns.length === wanted.length && wanted.every((name, at) => name === index.columns[at]),
    )?.name
  }
  return {
    connection,
    columns,
    sizeColumn: resolveColumns(LOG_SIZE_COLUMNS, new Set(names)).sizeBytes,
    key: hasRowNumbers && !hasIdAsKey ? rowNumberName(names) : columnSql(columns.id),
    hasIdAsKey,
    unknownColumns: names.filter((name) => !known.has(name)),
    missing: (Object.keys(LOG_COLUMNS) as (keyof LogRow)[]).filter(
      (property) => columns[property] === undefined && !LATER_LOG_PROPERTIES.includes(property),
    ),
    indexes: {
      time: hasIdAsKey ? findIndex('tsSeconds', 'tsNanos', 'id') : undefined,
      thread: findIndex('threadId'),
    },
    hasSequence,
  }
}

/** https://www.sqlite.org/lang_createtable.html#rowid */
function isRowNumber(name: string, stored: readonly StoredColumn[]): boolean {
  const keys = stored.filter(({ isPrimaryKey }) => isPrimaryKey)
  return keys.length === 1 && keys[0]!.name === name && keys[0]!.type.toUpperCase() === 'INTEGER'
}

/** SQLite has three names for it, each of which a column may take. */
function rowNumberName(names: readonly string[]): string {
  const taken = new Set(names.map((name) => name.toLowerCase()))
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name)) ?? 'NULL'
}

/** The key as a column of `logs`: the list that rows are read by has columns of its own. */
export function keySql({ key }: LogSource): string {
  return key === 'NULL' ? key : `logs.${key}`
}

/**
 * The highest key ever given, also when its row was pruned, where SQLite keeps that; else the highest that is
 * there; 0 in a table that never had a row.
 */
export function readHighestId(source: LogSource): bigint {
  const ever = source.hasSequence
    ? `(SELECT max(CAST(seq AS INTEGER)) FROM sqlite_sequence WHERE name = '${LOG_TABLE}')`
    : 'NULL'
  const row = source.connection.get<{ ever: string | null; now: string | null }>(
    `SELECT CAST(${ever} AS TEXT) AS ever, CAST((SELECT max(${source.key}) FROM logs) AS TEXT) AS now`,
  )
  const ids = [row?.ever, row?.now].filter((id) => id != null).map(BigInt)
  return ids.reduce((highest, id) => (id > highest ? id : highest), ids[0] ?? 0n)
}

/** The lowest key that is there; `undefined` in an empty table. */
export function readLowestId(source: LogSource): bigint | undefined {
  const row = source.connection.get<{ id: string | null }>(
    `SELECT CAST(min(${source.key}) AS TEXT) AS id FROM logs`,
  )
  return row?.id == null ? undefined : BigInt(row.id)
}

/** What the row with the highest key has as its time; `undefined` where it has none. */
export function readNewestTime(source: LogSource): { text: string; isTime: boolean } | 'no row' | undefined {
  const time = columnSql(source.columns.tsSeconds)
  const row = source.connection.get<{ text: string | null; isTime: number }>(
    `SELECT substr(CAST(${time} AS TEXT), 1, 40) AS text, ${isTimeSql(time)} AS isTime
     FROM logs NOT INDEXED ORDER BY ${source.key} DESC LIMIT 1`,
  )
  if (!row) return 'no row'
  return row.text === null ? undefined : { text: row.text, isTime: row.isTime === 1 }
}

/** Whether a stored time is one: a damaged row, or a text, would be the oldest or the newest of all. */
export function isTimeSql(seconds: string): string {
  return `${seconds} BETWEEN ${FIRST_SECONDS} AND ${LAST_SECONDS}`
}

/** The select list's form of an integer that may be too large for a number: then it comes as text. */
export function exactSql(integer: string): string {
  return `iif(${integer} BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER}, ${integer}, CAST(${integer} AS TEXT))`
}

/** What `exactSql` gave. */
export function fromExact(value: RowId | string): RowId {
  return typeof value === 'string' ? BigInt(value) : value
}

/**
 * The integers that a query gives in a column `id`, in the order of the query, which needs a `LIMIT` for that. They come
 * as one text: an object for each takes longer than to find it.
 */
export function readIds(connection: ReadConnection, query: string, ...params: SqlValue[]): RowId[] {
  const row = connection.get<{ ids: string | null }>(
    `SELECT group_concat(id) AS ids FROM (${query})`,
    ...params,
  )
  if (row === undefined || row.ids === null) return []
  const texts = row.ids
  const ids: number[] = JSON.parse(`[${texts}]`)
  if (ids.every(Number.isSafeInteger)) return ids
  return texts.split(',').map((text, at) => (Number.isSafeInteger(ids[at]) ? ids[at]! : BigInt(text)))
}

/** Characters of a text that are read at most: V8 makes no string of more than 512 MiB, and few of that size fit. */
export const LONGEST_TEXT = 64 * 1024 * 1024

/** A column as text; one of another type is read as what it should be, and one that is too long says what it lacks. */
export function textSql(column: string): string {
  const start = `substr(CAST(${column} AS TEXT), 1, ${LONGEST_TEXT})`
  return `iif(octet_length(${column}) > ${LONGEST_TEXT},
    concat(${start}, '… [', octet_length(${column}) - octet_length(${start}), ' more bytes]'), CAST(${column} AS TEXT))`
}
