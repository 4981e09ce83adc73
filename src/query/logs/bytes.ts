import { LOG_LEVELS, type LogFilter, type RowId } from '../../model/log.js'
import {
  type Encoding,
  FIRST_DATE_SECOND,
  LAST_DATE_SECOND,
  LOG_FIELDS,
  type LogField,
  type Piece,
  type PieceStyle,
  type PieceStyles,
  type Style,
} from '../../model/log-formats.js'
import { compileBatch, type LogBatch } from './batches.js'
import { qualified } from './rows.js'
import { exactSql, fromExact, keySql, type LogSource } from './store.js'

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
  const record = `concat(${pieces.map((piece) => pieceSql(piece, source, isRaw, styles)).join(', ')})`
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

/** The encodings that escape what drives a terminal. */
const ESCAPING: ReadonlySet<Encoding> = new Set(['line', 'dashed', 'padded', 'csv'])

const NEWLINE = 0x0a
const ESC = 0x1b

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
  if (bytes.includes(0x00)) return true
  if (isRaw || !pieces.some((piece) => typeof piece !== 'string' && ESCAPING.has(piece.as))) return false
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
  const column = qualified(source, property)
  if (kind === 'time') return styledSql(timeSql(as, source), column, style, styles)
  // In concat() a value of any type becomes the text that CAST makes of it. GLOB sees no BLOB: a newline in one
  // is left to `mayDiffer`, and an ESC, which that looks for only without colours, is not.
  const needsCast = kind === 'integer' || styles !== undefined || (as !== 'line' && as !== 'dashed')
  const value = needsCast ? `CAST(${column} AS ${kind === 'integer' ? 'INTEGER' : 'TEXT'})` : column
  let line = value
  if (!isRaw && kind === 'text') {
    if (field === 'body') line = replaceSql(line, NEWLINE, '\\n')
    if (styles) line = replaceSql(line, ESC, '\\x1b')
  }
  return styledSql(encodeSql(value, line, kind, as), value, style, styles)
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

/** `line` is the value with what SQL escapes escaped. */
function encodeSql(
  value: string,
  line: string,
  kind: (typeof LOG_FIELDS)[LogField]['kind'],
  as: Encoding,
): string {
  switch (as) {
    case 'line':
      return line
    case 'dashed':
      return `coalesce(${line}, '-')`
    case 'padded': {
      const known = LOG_LEVELS.map((level) => `WHEN '${level}' THEN '${level.padEnd(5)}'`)
      return `CASE ${value} ${known.join(' ')} ELSE concat(${line}, substr('     ', coalesce(length(${line}), 0) + 1)) END`
    }
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

/** `datetime` costs a quarter of `strftime`; the fraction as digits of a sum, a third of `printf`. */
function timeSql(as: Encoding, source: LogSource): string {
  const seconds = `CAST(${qualified(source, 'tsSeconds')} AS INTEGER)`
  const nanos = `coalesce(CAST(${qualified(source, 'tsNanos')} AS INTEGER), 0)`
  const whenNull = as === 'json' ? 'null' : as === 'csv' || as === 'logfmt' ? '' : '-'
  const quote = as === 'json' ? `'"'` : `''`
  const dated = (date: string, fraction: string) =>
    `CASE WHEN ${seconds} IS NULL THEN '${whenNull}' WHEN ${seconds} BETWEEN ${FIRST_DATE_SECOND} AND ${LAST_DATE_SECOND} AND ${nanos} BETWEEN 0 AND 999999999
      THEN concat(${quote}, ${date}, ${fraction}, ${quote})
      ELSE concat(${quote}, ${seconds}, '.', printf('%09d', ${nanos}), 'Z', ${quote}) END`
  const dateTime = `replace(datetime(${seconds}, 'unixepoch'), ' ', 'T')`
  const wholeFraction = `'.', substr(1000000000 + ${nanos}, 2), 'Z'`
  switch (as) {
    case 'millis':
      return dated(dateTime, `'.', substr(1000000000 + ${nanos}, 2, 3), 'Z'`)
    case 'clock':
      return dated(`time(${seconds}, 'unixepoch')`, `''`)
    default:
      return dated(dateTime, wholeFraction)
  }
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
