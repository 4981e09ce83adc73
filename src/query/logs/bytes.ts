import { isUtf8 } from 'node:buffer'
import { encodingOf, type Piece } from '../../format/encodings.js'
import { ESC, NEWLINE } from '../../model/bytes.js'
import { LOG_LEVELS, type LogFilter, type RowId } from '../../model/log.js'
import { LOG_FIELDS, type PieceStyle, type PieceStyles, type Style } from '../../model/log-records.js'
import { compileBatch, type LogBatch } from './batches.js'
import { qualified } from './rows.js'
import { exactSql, fromExact, keySql, type LogSource, textSql } from './store.js'

export interface LogBytes {
  bytes: Uint8Array
  rowCount: number
  /** The highest id among the rows. */
  lastId: RowId
  /** The bytes may not be what JavaScript makes of the same rows, which is what is to be printed then. */
  mayDiffer: boolean
}

export interface LogBytesOptions {
  filter?: LogFilter
  isRaw?: boolean
  /** Without it there is no colour. */
  styles?: PieceStyles
}

/**
 * Lets SQLite write a batch's records, and gives them as one buffer: no JavaScript string is made for a row.
 * `undefined` when no row matches. Times are UTC.
 *
 * A window is scanned in the order of its ids; a list of ids keeps its order.
 */
export function readLogBytes(
  source: LogSource,
  batch: LogBatch,
  pieces: readonly Piece[],
  { filter, isRaw = false, styles }: LogBytesOptions = {},
): LogBytes | undefined {
  const { sql, params } = compileBatch(source, batch, filter)
  const record = `concat(${recordSql(pieces, source, { isRaw, styles }).join(', ')})`
  const row = source.connection.get<{ bytes: Uint8Array | null; rowCount: number; lastId: number | string }>(
    // concat() takes NULL as ''; with `||` a single NULL would drop the record.
    `SELECT CAST(group_concat(${record}, '') AS BLOB) AS bytes, count(*) AS rowCount, ${exactSql(`max(${keySql(source)})`)} AS lastId ${sql}`,
    ...params,
  )
  if (!row?.bytes) return undefined
  const { bytes, rowCount } = row
  const lastId = fromExact(row.lastId)
  return { bytes, rowCount, lastId, mayDiffer: mayDiffer(bytes, rowCount, pieces, { isRaw, styles }) }
}

/** Arguments of the concat() that makes a record. */
function recordSql(
  pieces: readonly Piece[],
  source: LogSource,
  { isRaw = false, styles }: Pick<LogBytesOptions, 'isRaw' | 'styles'> = {},
): string[] {
  return pieces.map((piece) => pieceSql(piece, source, isRaw, styles))
}

/**
 * Whether a buffer of records may differ from what JavaScript makes of the same rows. Of what the `line`
 * encoding escapes the SQL form escapes the newlines of bodies alone (and, among colours, ESC), and SQLite's
 * length() and GLOB take a NUL for the end of a text. Looking at the whole buffer costs a tenth of looking at
 * each value in SQL.
 */
export function mayDiffer(
  bytes: Uint8Array,
  rowCount: number,
  pieces: readonly Piece[],
  { isRaw = false, styles }: LogBytesOptions = {},
): boolean {
  // What is no UTF-8 (a BLOB, half a pair of surrogates) would make the whole output none.
  if (bytes.includes(0x00) || !isUtf8(bytes)) return true
  const isEscaped = (piece: Piece) => typeof piece !== 'string' && encodingOf(piece.as).audience === 'people'
  if (isRaw || !pieces.some(isEscaped)) return false
  if (bytes.includes(0x08) || bytes.includes(0x0d) || (!styles && bytes.includes(ESC))) return true
  // U+0080 to U+009F in UTF-8: C2 and 80 to 9F.
  for (let at = bytes.indexOf(0xc2); at !== -1; at = bytes.indexOf(0xc2, at + 1)) {
    if ((bytes[at + 1] ?? 0) < 0xa0) return true
  }
  let lineCount = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lineCount++
  return lineCount !== rowCount
}

/** Arguments of the concat() that makes the record: one call for all is cheaper than one within another. */
function pieceSql(piece: Piece, source: LogSource, isRaw: boolean, styles: PieceStyles | undefined): string {
  if (typeof piece === 'string') return quoteText(piece)
  const { field, as, style } = piece
  const { property, kind } = LOG_FIELDS[field]
  const encoding = encodingOf(as)
  const column = qualified(source, property)
  const orNull = (sql: string) =>
    encoding.whenNull === '' ? sql : `coalesce(${sql}, ${quoteText(encoding.whenNull)})`
  if (kind === 'time') {
    const [seconds, nanos] = [castSql(source, 'tsSeconds'), `coalesce(${castSql(source, 'tsNanos')}, 0)`]
    const sql = `CASE WHEN ${seconds} IS NULL THEN ${quoteText(encoding.whenNull)}
      ELSE ${encoding.time.sql(seconds, nanos)} END`
    return styledSql(sql, column, style, styles)
  }
  if (kind === 'integer') {
    const value = `CAST(${column} AS INTEGER)`
    return styledSql(orNull(value), value, style, styles)
  }
  // In concat() a value of any type becomes the text that CAST makes of it. GLOB sees no BLOB: a newline in one
  // is left to `mayDiffer`, and an ESC, which that looks for only without colours, is not.
  const isCast = styles !== undefined || !encoding.text.takesAnyType
  const value = field === 'body' ? textSql(column) : isCast ? `CAST(${column} AS TEXT)` : column
  let line = value
  if (!isRaw) {
    if (field === 'body') line = replaceSql(line, NEWLINE, '\\n')
    if (styles) line = replaceSql(line, ESC, '\\x1b')
  }
  return styledSql(orNull(encoding.text.sql(value, line)), value, style, styles)
}

function castSql(source: LogSource, property: 'tsSeconds' | 'tsNanos'): string {
  return `CAST(${qualified(source, property)} AS INTEGER)`
}

/** Few texts hold the character; GLOB finds that out in a quarter of the time that replace() takes. */
function replaceSql(text: string, code: number, by: string): string {
  return `CASE WHEN ${text} GLOB concat('*', char(${code}), '*') THEN replace(${text}, char(${code}), '${by}') ELSE ${text} END`
}

/** A piece between the bytes of its style. */
function styledSql(
  sql: string,
  value: string,
  style: PieceStyle | undefined,
  styles: PieceStyles | undefined,
): string {
  if (!style || !styles) return sql
  const within = ({ open, close }: Style) => `${quoteText(open)}, ${sql}, ${quoteText(close)}`
  if (style !== 'level') return within(styles[style])
  const cases = LOG_LEVELS.map((level) => `WHEN '${level}' THEN concat(${within(styles[level])})`)
  return `CASE upper(${value}) ${cases.join(' ')} ELSE concat(${within(styles.otherLevel)}) END`
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
