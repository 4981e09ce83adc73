import { LOG_LEVELS, type RowId, type StoredLogRow } from '../model/log.js'
import {
  type Encoding,
  LOG_FIELDS,
  type LogField,
  type Piece,
  type PieceStyle,
  type PieceStyles,
  type Style,
} from '../model/log-formats.js'
import { escapeLine } from './escape.js'
import { paintStyle } from './paint.js'
import { formatUtcNanos, type TimeFormatter } from './time.js'

export interface RecordOptions {
  time: TimeFormatter
  /** Leaves texts as they are: several lines, control characters and all. */
  isRaw?: boolean
  /** Without it there is no colour. */
  styles?: PieceStyles
  /** What makes a text one safe line, where `escapeLine` is not enough. */
  clean?: (text: string) => string
  /** A body in a way of its own. */
  formatBody?: (body: string | null) => string
}

/**
 * Records piece by piece. With only `time`, `isRaw` and `styles` they are the same bytes as SQLite's own
 * (query/logs/bytes.ts).
 */
export function createRecordFormatter(
  pieces: readonly Piece[],
  options: RecordOptions,
): (row: StoredLogRow) => string {
  const steps = pieces.map((piece) => createStep(piece, options))
  return (row) => {
    let record = ''
    for (const step of steps) record += step(row)
    return record
  }
}

function createStep(piece: Piece, options: RecordOptions): (row: StoredLogRow) => string {
  if (typeof piece === 'string') return () => piece
  const { styles, formatBody } = options
  if (piece.field === 'body' && formatBody) return (row) => formatBody(row.body)
  const encode = createEncoder(piece.field, piece.as, options)
  const { style } = piece
  return style && styles ? (row) => paintStyle(styleOf(style, row, styles), encode(row)) : encode
}

function styleOf(style: PieceStyle, row: StoredLogRow, styles: PieceStyles): Style {
  if (style !== 'level') return styles[style]
  const level = String(row.level).toUpperCase()
  return styles[LOG_LEVELS.find((known) => known === level) ?? 'otherLevel']
}

function createEncoder(
  field: LogField,
  as: Encoding,
  { time, isRaw = false, clean: cleanText = escapeLine }: RecordOptions,
): (row: StoredLogRow) => string {
  const { property, kind } = LOG_FIELDS[field]
  if (kind === 'time') {
    const whenNull = as === 'json' ? 'null' : as === 'csv' || as === 'logfmt' ? '' : '-'
    const format = timeFormat(as, time)
    return ({ tsSeconds, tsNanos }) => (tsSeconds === null ? whenNull : format(tsSeconds, tsNanos ?? 0))
  }
  const clean = isRaw ? (text: string) => text : cleanText
  switch (as) {
    case 'line':
      return (row) => clean(textOf(row[property]))
    case 'dashed':
      return (row) => (row[property] === null ? '-' : clean(textOf(row[property])))
    case 'padded':
      return (row) => padCharacters(clean(textOf(row[property])))
    case 'json':
      return (row) => {
        const value = row[property]
        return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
      }
    case 'csv':
      return (row) => {
        const text = textOf(row[property])
        return /[",\n\r]/.test(text) ? `"${clean(text).replaceAll('"', '""')}"` : clean(text)
      }
    case 'logfmt':
      return (row) => {
        const text = textOf(row[property])
        return row[property] !== null && /^$|[^!#-<>-~]/.test(text) ? JSON.stringify(text) : text
      }
    case 'millis':
    case 'clock':
      throw new TypeError(`${as} is an encoding of times`)
    default:
      return as satisfies never
  }
}

function timeFormat(as: Encoding, time: TimeFormatter): (tsSeconds: number, tsNanos: number) => string {
  switch (as) {
    case 'millis':
      return time.full
    case 'clock':
      return time.clock
    case 'json':
      return (tsSeconds, tsNanos) => `"${formatUtcNanos(tsSeconds, tsNanos)}"`
    default:
      return formatUtcNanos
  }
}

/** To 5 characters; `padEnd` would count one beyond U+FFFF as two. */
function padCharacters(text: string): string {
  return text.length < 10 ? text + ' '.repeat(Math.max(0, 5 - [...text].length)) : text
}

function textOf(value: string | RowId | null): string {
  return value === null ? '' : String(value)
}
