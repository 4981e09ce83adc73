import { shortenId } from '../model/uuid.js'
import { escapeLine } from './escape.js'
import { formatBytes, formatCount, formatRelative } from './quantity.js'
import { createUtcTime, createZonedTime, localOffset, MONTHS, type TimeFormatter } from './time.js'

export const FIELD_KINDS = [
  'text',
  'path',
  'id',
  'number',
  'bytes',
  'flag',
  'time',
  'json',
  'wordOrJson',
] as const

/** What a stored value means. `time` is Unix milliseconds; `wordOrJson` is a plain word or a JSON object. */
export type FieldKind = (typeof FIELD_KINDS)[number]

export type FieldValue = string | number | bigint | boolean | Uint8Array | null | undefined

/** One field of a kind of record: JSON, tab-separated text and the terminal's table all derive from it. */
export interface Field<Row> {
  /** As in JSON: the database's own column name where it has one. */
  readonly name: string
  readonly kind: FieldKind
  readonly value: (row: Row) => FieldValue
  /** Over the column of a table; else made from the name. */
  readonly heading?: string
  /** For a table, where the value says it in another form than its kind would. */
  readonly cell?: (row: Row) => string
  /** In a table it is not cut to less than this. */
  readonly minWidth?: number
  /** Where not all columns fit on a terminal it is the first to go, and nothing is said of it. */
  readonly yields?: true
  /** In a table at least so wide: of a page of rows, the first can all be shorter than later ones. */
  readonly reserved?: number
  /** For a table whose fields nobody asked for: shorter, where the whole value is for those who name it. */
  readonly brief?: { readonly heading: string; readonly cell: (row: Row) => string }
}

/** A kind of record: what it is called, what it has, and which of it a table shows. */
export interface RecordKind<Row> {
  readonly noun: string
  readonly fields: readonly Field<Row>[]
  /** Names of the fields that are shown when none were asked for, in a pipe and on a terminal. */
  readonly shown: readonly string[]
  /** Those of a table on a terminal, where they are others. */
  readonly shownInTable?: readonly string[]
  /** Names the row in a notice. */
  readonly nameOf: (row: Row) => string
  /** The file that a row's id leads to, on a terminal that shows links. */
  readonly fileOf?: (row: Row) => string
}

/** Called with a one-line message about what is wrong with a row; what can be shown of the row is still shown. */
export type OnNotice = (text: string) => void

const utc = createUtcTime()

/** SQLite and JavaScript know times up to the year 9999; what lies outside is shown as it is stored. */
const MAX_MS = 253_402_214_400_000

/** ISO 8601, UTC, milliseconds. */
export function formatTime(epochMs: number, time: TimeFormatter = utc): string {
  const seconds = Math.floor(epochMs / 1000)
  return time.full(seconds, Math.round((epochMs - seconds * 1000) * 1e6))
}

/** One JSON object, on one line. */
export function formatJsonRow<Row>(
  kind: RecordKind<Row>,
  fields: readonly Field<Row>[],
  row: Row,
  onNotice: OnNotice,
): string {
  let text = ''
  for (const field of fields) {
    text += `${text === '' ? '{' : ','}${JSON.stringify(field.name)}:${jsonText(kind, field, row, onNotice)}`
  }
  return text === '' ? '{}' : `${text}}`
}

function jsonText<Row>(kind: RecordKind<Row>, field: Field<Row>, row: Row, onNotice: OnNotice): string {
  const value = field.value(row)
  if (value === null || value === undefined) return 'null'
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('hex'))
  switch (field.kind) {
    case 'flag':
      return value ? 'true' : 'false'
    case 'time':
      return JSON.stringify(timeText(kind, field, row, value, onNotice))
    case 'json':
    case 'wordOrJson':
      return typeof value === 'string'
        ? embedJson(value, field.kind, () =>
            onNotice(`${kind.noun} ${kind.nameOf(row)}: ${field.name} is not valid JSON, shown as text`),
          )
        : scalarText(value)
    case 'text':
    case 'path':
    case 'id':
    case 'number':
    case 'bytes':
      return scalarText(value)
    default:
      return field.kind satisfies never
  }
}

function scalarText(value: string | number | bigint | boolean): string {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
}

/** Policies and sources repeat from row to row: each text is parsed once. */
const valid = new Set<string>()

/** JSON goes through as it is stored: not every number and escape would survive being parsed. */
function embedJson(text: string, kind: 'json' | 'wordOrJson', onBroken: () => void): string {
  if (kind === 'wordOrJson' && !text.startsWith('{')) return JSON.stringify(text)
  if (valid.has(text)) return text
  try {
    JSON.parse(text)
  } catch {
    if (text !== '') onBroken()
    return JSON.stringify(text)
  }
  if (valid.size >= 200) valid.clear()
  if (text.length <= 10_000) valid.add(text)
  return text
}

/** The full value for a pipe: one record is one line, so what would end a field or a line is escaped. */
export function formatPlain<Row>(
  kind: RecordKind<Row>,
  field: Field<Row>,
  row: Row,
  onNotice: OnNotice,
): string {
  return escapeSeparators(formatValue(kind, field, row, onNotice))
}

/** The full value as text, which may hold anything. */
export function formatValue<Row>(
  kind: RecordKind<Row>,
  field: Field<Row>,
  row: Row,
  onNotice: OnNotice,
): string {
  const value = field.value(row)
  if (value === null || value === undefined) return ''
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (field.kind === 'time') return timeText(kind, field, row, value, onNotice)
  if (field.kind === 'flag') return value ? 'true' : 'false'
  return String(value)
}

/** One field of one line, for a pipe. */
export function escapeSeparators(text: string): string {
  return escapeLine(text).replaceAll('\t', '\\t')
}

function timeText<Row>(
  kind: RecordKind<Row>,
  field: Field<Row>,
  row: Row,
  value: FieldValue,
  onNotice: OnNotice,
): string {
  const epochMs = Number(value)
  if (!isPossibleTime(epochMs)) {
    onNotice(`${kind.noun} ${kind.nameOf(row)}: ${field.name} is not a valid time; showing the stored value`)
  }
  return Number.isFinite(epochMs) ? formatTime(epochMs) : String(value)
}

export function isPossibleTime(epochMs: number): boolean {
  return Number.isFinite(epochMs) && Math.abs(epochMs) <= MAX_MS
}

/** Short, for a table on a terminal: relative times, counts as they are. Not yet cleaned or cut. */
export function formatCell<Row>(
  kind: RecordKind<Row>,
  field: Field<Row>,
  row: Row,
  nowMs: number,
  onNotice: OnNotice,
): string {
  if (field.cell) return field.cell(row)
  const value = field.value(row)
  if (value === null || value === undefined) return ''
  if (field.kind === 'flag') return value ? 'yes' : ''
  if (field.kind === 'id') return shortenId(String(value))
  if (field.kind === 'time' && isPossibleTime(Number(value))) return formatWhen(Number(value), nowMs)
  if (field.kind === 'bytes') return formatBytes(Number(value))
  if (field.kind === 'number' && typeof value === 'number') return formatCount(value)
  return formatPlain(kind, field, row, onNotice)
}

const DAY_MS = 86_400_000

/** `4h ago`; what is older by its local time, `Nov 21 00:12`, or its date, `2025-11-21`. */
function formatWhen(epochMs: number, nowMs: number): string {
  if (Math.abs(nowMs - epochMs) < DAY_MS) return formatRelative(epochMs, nowMs)
  const local = formatTime(epochMs, createZonedTime(localOffset))
  if (local.slice(0, 4) !== formatTime(nowMs, createZonedTime(localOffset)).slice(0, 4))
    return local.slice(0, 10)
  return `${MONTHS[Number(local.slice(5, 7)) - 1]} ${local.slice(8, 10)} ${local.slice(11, 16)}`
}

/** For a sheet of one record on a terminal: whole, times in local time. */
export function formatSheetValue<Row>(
  kind: RecordKind<Row>,
  field: Field<Row>,
  row: Row,
  nowMs: number,
  onNotice: OnNotice,
): string {
  if (field.cell) return field.cell(row)
  const value = field.value(row)
  if (field.kind === 'time' && value !== null && value !== undefined && isPossibleTime(Number(value))) {
    const local = formatTime(Number(value), createZonedTime(localOffset))
    return `${local.slice(0, 19).replace('T', ' ')} (${formatRelative(Number(value), nowMs)})`
  }
  if (field.kind === 'id') return formatPlain(kind, field, row, onNotice)
  return formatCell(kind, field, row, nowMs, onNotice)
}
