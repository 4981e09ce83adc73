import type { LogFilter } from '../model/log.js'
import {
  type Encoding,
  FIRST_DATE_SECOND,
  LAST_DATE_SECOND,
  LOG_FIELDS,
  type LogField,
  type Piece,
} from '../model/log-formats.js'
import { compileBatch, type LogBatch } from './log-batches.js'
import type { LogStore } from './log-store.js'
import { qualified } from './logs.js'

/**
 * Lets SQLite write a batch's records, and gives them as one buffer: no JavaScript string is made for a row.
 * `undefined` when no row matches. Times are UTC.
 *
 * A window is scanned in the order of its ids; a list of ids keeps its order.
 */
export function readLogBytes(
  store: LogStore,
  batch: LogBatch,
  pieces: readonly Piece[],
  { filter, isRaw = false }: { filter?: LogFilter; isRaw?: boolean } = {},
): Uint8Array | undefined {
  const { sql, params } = compileBatch(store, batch, filter)
  const record = `concat(${pieces.map((piece) => pieceSql(piece, store, isRaw)).join(', ')})`
  const row = store.connection.get<{ bytes: Uint8Array | null }>(
    // concat() takes NULL as ''; with `||` a single NULL would drop the record.
    `SELECT CAST(group_concat(${record}, '') AS BLOB) AS bytes ${sql}`,
    ...params,
  )
  return row?.bytes ?? undefined
}

/**
 * Whether a buffer of records may hold what the `line` encoding escapes beyond line ends, which is all that
 * the SQL form of it escapes. Looking at the whole buffer costs a hundredth of looking at each value in SQL.
 */
export function mayNeedEscapes(bytes: Uint8Array): boolean {
  if (bytes.includes(0x1b) || bytes.includes(0x00) || bytes.includes(0x08)) return true
  // U+0080 to U+009F in UTF-8: C2 and 80 to 9F.
  for (let at = bytes.indexOf(0xc2); at !== -1; at = bytes.indexOf(0xc2, at + 1)) {
    if ((bytes[at + 1] ?? 0) < 0xa0) return true
  }
  return false
}

function pieceSql(piece: Piece, store: LogStore, isRaw: boolean): string {
  if (typeof piece === 'string') return quoteText(piece)
  const { property, kind } = LOG_FIELDS[piece.field]
  const column = qualified(store.columns[property])
  if (kind === 'time') return timeSql(piece.as, store)
  const value = `CAST(${column} AS ${kind === 'integer' ? 'INTEGER' : 'TEXT'})`
  return encodeSql(value, kind, piece.as, isRaw)
}

function encodeSql(
  value: string,
  kind: (typeof LOG_FIELDS)[LogField]['kind'],
  as: Encoding,
  isRaw: boolean,
): string {
  const line = isRaw || kind === 'integer' ? value : escapeLineEnds(value)
  switch (as) {
    case 'line':
      return line
    case 'dashed':
      return `coalesce(${line}, '-')`
    case 'padded':
      return `concat(${line}, substr('     ', length(${line}) + 1))`
    case 'json':
      return kind === 'integer' ? `coalesce(${value}, 'null')` : `json_quote(${value})`
    case 'csv':
      return kind === 'integer'
        ? value
        : `CASE WHEN ${value} GLOB ${CSV_SPECIAL} THEN concat('"', replace(${line}, '"', '""'), '"') ELSE ${line} END`
    case 'logfmt':
      return kind === 'integer'
        ? value
        : `CASE WHEN ${value} = '' OR ${value} GLOB '*[^!#-<>-~]*' THEN json_quote(${value}) ELSE ${value} END`
    case 'millis':
    case 'clock':
      throw new TypeError(`${as} is an encoding of times`)
    default:
      return as satisfies never
  }
}

/** Quotes, commas and line ends, the latter for a raw record. */
const CSV_SPECIAL = `concat('*[",', char(10), char(13), ']*')`

function escapeLineEnds(value: string): string {
  return `replace(replace(${value}, char(10), '\\n'), char(13), '\\r')`
}

function timeSql(as: Encoding, { columns }: LogStore): string {
  const seconds = `CAST(${qualified(columns.tsSeconds)} AS INTEGER)`
  const nanos = `printf('%09d', CAST(${qualified(columns.tsNanos)} AS INTEGER))`
  const dated = (format: string, fraction: string) =>
    `CASE WHEN ${seconds} BETWEEN ${FIRST_DATE_SECOND} AND ${LAST_DATE_SECOND}
      THEN concat(strftime('${format}', ${seconds}, 'unixepoch'), ${fraction})
      ELSE concat(${seconds}, '.', ${nanos}, 'Z') END`
  const dateTime = '%Y-%m-%dT%H:%M:%S'
  switch (as) {
    case 'millis':
      return dated(dateTime, `'.', substr(${nanos}, 1, 3), 'Z'`)
    case 'clock':
      return dated('%H:%M:%S', `''`)
    case 'json':
      return `concat('"', ${dated(dateTime, `'.', ${nanos}, 'Z'`)}, '"')`
    default:
      return dated(dateTime, `'.', ${nanos}, 'Z'`)
  }
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''").replaceAll('\n', "' || char(10) || '")}'`
}
