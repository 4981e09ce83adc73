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

/** Parts of a record that have a colour of their own. */
export type PieceStyle = 'time' | 'level' | 'thread' | 'target'

/** The bytes that switch a style on and off. */
export interface Style {
  readonly open: string
  readonly close: string
}

/** Of a record's parts; a level has its own by its name. */
export type PieceStyles = Readonly<Record<Exclude<PieceStyle, 'level'> | LogLevel | 'otherLevel', Style>>
