import { LOG_LEVELS, type LogRow, type RowId, type StoredLogRow } from '../model/log.js'
import {
  LOG_FIELDS,
  type LogField,
  type PieceStyle,
  type PieceStyles,
  type Style,
} from '../model/log-records.js'
import { type BodyPiece, type EncodingName, encodingOf, type RecordPiece } from './encodings.js'
import { escapeLine } from './escape.js'
import type { RowLayout } from './formats.js'
import { paintStyle } from './paint.js'
import { type TimeFormatter, timeParts } from './time.js'

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
  /** What a row's body holds, by the names of body pieces; asked for once for each row. */
  openBody?: OpenBody | undefined
}

/** `null`: the body has no such thing. What is no text is plain data for JSON. */
export type OpenBody = (row: StoredLogRow, layout: RowLayout | undefined) => (bodyField: string) => unknown

/**
 * Records piece by piece. With only `time`, `isRaw` and `styles` they are the same bytes as SQLite's own
 * (query/logs/bytes.ts).
 */
export function createRecordFormatter(
  pieces: readonly RecordPiece[],
  options: RecordOptions,
): (row: StoredLogRow, layout?: RowLayout) => string {
  const steps = pieces.map((piece) => createStep(piece, options))
  const { openBody } = options
  const readsBody = pieces.some((piece) => typeof piece !== 'string' && 'bodyField' in piece)
  if (readsBody && !openBody) throw new Error('parts of bodies are asked for, and nothing reads them')
  return (row, layout) => {
    const readBody = readsBody && openBody ? openBody(row, layout) : readNothing
    let record = ''
    for (const step of steps) record += step(row, readBody)
    return record
  }
}

type ReadBody = ReturnType<OpenBody>

const readNothing: ReadBody = () => null

function createStep(
  piece: RecordPiece,
  options: RecordOptions,
): (row: StoredLogRow, readBody: ReadBody) => string {
  if (typeof piece === 'string') return () => piece
  if ('bodyField' in piece) return createBodyStep(piece, options)
  const { styles, formatBody } = options
  if (piece.field === 'body' && formatBody) return (row) => formatBody(row.body)
  const encode = createEncoder(piece.field, piece.as, options)
  const { style } = piece
  return style && styles ? (row) => paintStyle(styleOf(style, row, styles), encode(row)) : encode
}

function createBodyStep(
  { bodyField, as }: BodyPiece,
  { isRaw = false, clean: cleanText = escapeLine }: RecordOptions,
): (row: StoredLogRow, readBody: ReadBody) => string {
  const encoding = encodingOf(as)
  const clean = isRaw ? (text: string) => text : cleanText
  return (_row, readBody) => {
    const value = readBody(bodyField)
    if (value === null || value === undefined) return encoding.whenNull
    if (typeof value === 'string') return encoding.text.js(value, clean)
    const json = JSON.stringify(value)
    return as === 'json' ? json : encoding.text.js(json, clean)
  }
}

function styleOf(style: PieceStyle, row: StoredLogRow, styles: PieceStyles): Style {
  if (style !== 'level') return styles[style]
  const level = String(row.level).toUpperCase()
  return styles[LOG_LEVELS.find((known) => known === level) ?? 'otherLevel']
}

/** The parts of a time are integers like others, where a field asks for one of them. */
function exactValue(row: StoredLogRow, property: keyof LogRow): string | RowId | null {
  if (row.exactTime && property === 'tsSeconds') return row.exactTime.seconds
  if (row.exactTime && property === 'tsNanos') return row.exactTime.nanos
  return row[property]
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
    return (row) => (row.tsSeconds === null ? whenNull : encoding.time.js(time, ...timeParts(row)))
  }
  const clean = isRaw ? (text: string) => text : cleanText
  const encode =
    kind === 'integer' ? String : (value: string | RowId) => encoding.text.js(String(value), clean)
  return (row) => {
    const value = exactValue(row, property) ?? null
    return value === null ? whenNull : encode(value)
  }
}
