import type { LogRow } from '../model/log.js'
import { type Encoding, LOG_FIELDS, type LogField, type Piece } from '../model/log-formats.js'
import { escapeLine } from './escape.js'
import { formatUtcNanos, type TimeFormatter } from './time.js'

export interface RecordOptions {
  time: TimeFormatter
  /** Leaves bodies as they are: several lines, control characters and all. */
  isRaw?: boolean
}

/** Records piece by piece, for what is not a terminal: the same bytes as SQLite's own (query/log-bytes.ts). */
export function createRecordFormatter(
  pieces: readonly Piece[],
  options: RecordOptions,
): (row: LogRow) => string {
  const steps = pieces.map((piece) =>
    typeof piece === 'string' ? () => piece : createEncoder(piece.field, piece.as, options),
  )
  return (row) => {
    let record = ''
    for (const step of steps) record += step(row)
    return record
  }
}

function createEncoder(
  field: LogField,
  as: Encoding,
  { time, isRaw = false }: RecordOptions,
): (row: LogRow) => string {
  const { property, kind } = LOG_FIELDS[field]
  if (kind === 'time') {
    if (as === 'millis') return (row) => time.full(row.tsSeconds, row.tsNanos)
    if (as === 'clock') return (row) => time.clock(row.tsSeconds, row.tsNanos)
    if (as === 'json') return (row) => `"${formatUtcNanos(row.tsSeconds, row.tsNanos)}"`
    return (row) => formatUtcNanos(row.tsSeconds, row.tsNanos)
  }
  const clean = isRaw ? (text: string) => text : escapeLine
  switch (as) {
    case 'line':
      return (row) => clean(textOf(row[property]))
    case 'dashed':
      return (row) => (row[property] === null ? '-' : clean(textOf(row[property])))
    case 'padded':
      return (row) => clean(textOf(row[property])).padEnd(5)
    case 'json':
      return (row) => JSON.stringify(row[property])
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

function textOf(value: string | number | null): string {
  return value === null ? '' : String(value)
}
