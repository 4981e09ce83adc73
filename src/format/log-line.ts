import { LOG_LEVELS, type RowId, type StoredLogRow } from '../model/log.js'
import {
  LOG_FIELDS,
  type LogField,
  type PieceStyle,
  type PieceStyles,
  type Style,
} from '../model/log-records.js'
import { type EncodingName, encodingOf, type Piece } from './encodings.js'
import { escapeLine } from './escape.js'
import { paintStyle } from './paint.js'
import type { TimeFormatter } from './time.js'

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
  as: EncodingName,
  { time, isRaw = false, clean: cleanText = escapeLine }: RecordOptions,
): (row: StoredLogRow) => string {
  const { property, kind } = LOG_FIELDS[field]
  const encoding = encodingOf(as)
  const { whenNull } = encoding
  if (kind === 'time') {
    return ({ tsSeconds, tsNanos }) =>
      tsSeconds === null ? whenNull : encoding.time.js(time, tsSeconds, tsNanos ?? 0)
  }
  const clean = isRaw ? (text: string) => text : cleanText
  const encode =
    kind === 'integer' ? String : (value: string | RowId) => encoding.text.js(String(value), clean)
  return (row) => {
    const value = row[property]
    return value === null ? whenNull : encode(value)
  }
}
