import type { LogLevel, LogRow } from './log.js'

/**
 * The fields of a record as they are printed, in printing order: the name is the database's own column name
 * where it has one. `time` is `ts` and `ts_nanos` as RFC 3339, UTC, nanoseconds.
 */
export const LOG_FIELDS = {
  id: { property: 'id', kind: 'integer' },
  time: { property: 'tsSeconds', kind: 'time' },
  ts: { property: 'tsSeconds', kind: 'integer' },
  ts_nanos: { property: 'tsNanos', kind: 'integer' },
  level: { property: 'level', kind: 'text' },
  target: { property: 'target', kind: 'text' },
  body: { property: 'body', kind: 'text' },
  thread_id: { property: 'threadId', kind: 'text' },
  process_uuid: { property: 'processUuid', kind: 'text' },
  module_path: { property: 'modulePath', kind: 'text' },
  file: { property: 'file', kind: 'text' },
  line: { property: 'line', kind: 'integer' },
} as const satisfies Record<string, { property: keyof LogRow; kind: 'integer' | 'text' | 'time' }>

export type LogField = keyof typeof LOG_FIELDS

export const LOG_FIELD_NAMES = Object.keys(LOG_FIELDS) as LogField[]

export const LOG_FORMATS = ['full', 'compact', 'cat', 'json', 'logfmt', 'csv'] as const

export type LogFormat = (typeof LOG_FORMATS)[number]

/** How a value becomes text. Each has a form in SQL (query/logs/bytes.ts) and one in JavaScript (format/log-line.ts). */
export const ENCODINGS = [
  /** Text on one line: what breaks lines or drives a terminal is escaped; `null` is empty. */
  'line',
  /** The same, `-` for `null`. */
  'dashed',
  /** The same, padded right to 5. */
  'padded',
  /** RFC 3339 with milliseconds, UTC. */
  'millis',
  /** `HH:MM:SS`, UTC. */
  'clock',
  /** A JSON value. */
  'json',
  /** A CSV value (RFC 4180), newlines escaped; `null` is empty. */
  'csv',
  /** As it is where it is printable ASCII without quotes and `=`, else as in JSON; nothing for `null`. */
  'logfmt',
] as const

export type Encoding = (typeof ENCODINGS)[number]

/** Parts of a record that have a colour of their own. */
export type PieceStyle = 'time' | 'level' | 'thread' | 'target'

/** A record is printed piece by piece: texts as they are, values as their encoding says. */
export type Piece = string | { field: LogField; as: Encoding; style?: PieceStyle | undefined }

/** The bytes that switch a style on and off. */
export interface Style {
  readonly open: string
  readonly close: string
}

/** Of a record's parts; a level has its own by its name. */
export type PieceStyles = Readonly<Record<Exclude<PieceStyle, 'level'> | LogLevel | 'otherLevel', Style>>

/** The pieces of one record, its newline included. */
export function piecesOf(format: LogFormat, fields?: readonly LogField[]): Piece[] {
  switch (format) {
    case 'full':
      if (fields) return tabbed(fields)
      return [
        { field: 'time', as: 'millis', style: 'time' },
        ' ',
        { field: 'level', as: 'padded', style: 'level' },
        ' [',
        { field: 'thread_id', as: 'dashed', style: 'thread' },
        '] ',
        { field: 'target', as: 'line', style: 'target' },
        ' - ',
        { field: 'body', as: 'line' },
        '\n',
      ]
    case 'compact':
      if (fields) return tabbed(fields)
      return [
        { field: 'time', as: 'clock', style: 'time' },
        ' ',
        { field: 'level', as: 'padded', style: 'level' },
        ' ',
        { field: 'body', as: 'line' },
        '\n',
      ]
    case 'cat':
      return tabbed(fields ?? ['body'])
    case 'json':
      return [
        ...(fields ?? LOG_FIELD_NAMES).flatMap((field, index): Piece[] => [
          `${index === 0 ? '{' : ','}"${field}":`,
          { field, as: 'json' },
        ]),
        '}\n',
      ]
    case 'logfmt':
      return [
        ...(fields ?? LOG_FIELD_NAMES).flatMap((field, index): Piece[] => [
          `${index === 0 ? '' : ' '}${field}=`,
          { field, as: 'logfmt' },
        ]),
        '\n',
      ]
    case 'csv':
      return separated(
        (fields ?? LOG_FIELD_NAMES).map((field) => ({ field, as: 'csv' })),
        ',',
      )
    default:
      return format satisfies never
  }
}

/** What stands before the first record. */
export function headerOf(format: LogFormat, fields?: readonly LogField[]): string {
  return format === 'csv' ? `${(fields ?? LOG_FIELD_NAMES).join(',')}\n` : ''
}

function tabbed(fields: readonly LogField[]): Piece[] {
  const styles: Partial<Record<LogField, PieceStyle>> = {
    time: 'time',
    level: 'level',
    thread_id: 'thread',
    target: 'target',
  }
  return separated(
    fields.map((field) => ({ field, as: 'line', style: styles[field] })),
    '\t',
  )
}

function separated(values: readonly Piece[], separator: string): Piece[] {
  return [...values.flatMap((value, index) => (index === 0 ? [value] : [separator, value])), '\n']
}

/** Seconds that are printed as a date: the years 0001 to 9998, as SQLite and JavaScript both can. */
export const FIRST_DATE_SECOND = -62_135_596_800
export const LAST_DATE_SECOND = 253_370_764_799
