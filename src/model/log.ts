/** Levels as Codex stores them, least severe first. */
export const LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** One row of the `logs` table, whatever the layout; what the layout lacks is `null`. */
export interface LogRow {
  /** Grows with every insert, has gaps where Codex pruned; also the cursor of a follow. */
  id: number
  /** Event time: Unix seconds, UTC, to which `tsNanos` (0 to 999_999_999) is added. */
  tsSeconds: number
  tsNanos: number
  /** As stored: upper case, one of `LOG_LEVELS` in every release so far. */
  level: string
  target: string
  /** Rendered text, may span lines; `null` when the event carried none (to 0.116). */
  body: string | null
  /** `null` for an event outside any thread. */
  threadId: string | null
  /** `pid:<pid>:<uuid>`, one for each run of a process; since 0.104. */
  processUuid: string | null
  /** Call site; all three are `null` for events bridged from Rust's `log` crate. */
  modulePath: string | null
  file: string | null
  line: number | null
}

/** A row of which nothing is known: what a layout lacks, or what was not read. */
export const UNKNOWN_LOG_ROW: LogRow = {
  id: 0,
  tsSeconds: 0,
  tsNanos: 0,
  level: '',
  target: '',
  body: null,
  threadId: null,
  processUuid: null,
  modulePath: null,
  file: null,
  line: null,
}

/** An integer of SQLite: beyond 2^53, where a number would be rounded, a bigint. */
export type RowId = number | bigint

export interface ExactTime {
  readonly seconds: RowId
  readonly nanos: RowId
}

/** A row as it is printed: nothing in it is rounded, and nothing of it is left out. */
export interface StoredLogRow extends Omit<LogRow, 'id' | 'line'> {
  /** In a table that was rebuilt by hand this may be `null`, as may the times: whoever prints them has to see to it. */
  id: RowId
  line: RowId | null
  /** The time as it is stored, where a number would be rounded. */
  exactTime?: ExactTime
  /** What the table orders its rows by, where that is not their `id`. */
  key?: RowId
  /** The values of columns that are not known here, by their names. */
  unknown?: Readonly<Record<string, unknown>>
}

/** A log event to be written; SQLite gives the id. What the layout has no column for is not stored. */
export type NewLogRow = Omit<LogRow, 'id'>

/**
 * Which log rows, in the terms of Codex's own runtime: all conditions hold together; one that is absent or empty
 * does not restrict.
 */
export interface LogRowFilter {
  /** Exactly this level; letter case does not matter, an unknown word matches nothing. */
  level?: string
  /** Unix seconds, inclusive. */
  fromSeconds?: number
  /** Unix seconds, inclusive: all rows within that second. */
  toSeconds?: number
  /** Any of these parts of `modulePath`; `%` and `_` are wildcards, ASCII letter case does not matter. */
  moduleLike?: readonly string[]
  /** Any of these parts of `file`, likewise. */
  fileLike?: readonly string[]
  /** Any of these threads; together with `includeThreadless` also the rows outside any thread. */
  threadIds?: readonly string[]
  /** Without `threadIds`: only the rows outside any thread. */
  includeThreadless?: boolean
  /** A part of the body, literally and case-sensitively. */
  search?: string
  /** Only rows with a higher id. */
  afterId?: number
}

export interface LogRowQuery extends LogRowFilter {
  limit?: number
  /** Highest id first; otherwise lowest first. */
  descending?: boolean
}

/** A point in time to the nanosecond: Unix seconds, UTC, plus `nanos` (0 to 999_999_999). */
export interface Instant {
  seconds: number
  nanos: number
}

/**
 * A value holds any of the texts: `literal` to the letter; `anyCase` with ASCII letters in any case; `like` in any
 * case too, and `%` and `_` of the text are wildcards. Only `literal` takes a `null` for the empty text.
 */
export interface TextMatch {
  match: 'literal' | 'anyCase' | 'like'
  anyOf: readonly string[]
}

/** `=` and `!=` compare texts, `~` is a regular expression, `>` and `<` compare numbers, `^=` is a beginning. */
export const FIELD_OPERATORS = ['!=', '=', '~', '>', '<'] as const

export type FieldOperator = (typeof FIELD_OPERATORS)[number] | '^='

/** A field that a row lacks is the empty text, and no number. */
export interface FieldCondition {
  /** A column as it is printed (`LogField`), or what a body holds (`BodyFieldName`). */
  field: string
  operator: FieldOperator
  /** Any of these. */
  anyOf: readonly string[]
  /** Of `~`. */
  regExp?: RegExp
}

/** Which rows are asked for: every part that is given must hold; within one part any of its values. */
export interface LogFilter {
  /** ASCII letters in any case. */
  levels?: readonly string[]
  /** Inclusive bounds. */
  from?: Instant
  to?: Instant
  module?: TextMatch
  file?: TextMatch
  target?: TextMatch
  body?: TextMatch
  /** Full ids. Together with `includesThreadless` either matches. */
  threadIds?: readonly string[]
  includesThreadless?: boolean
  /** Together with `threadIds`: also rows outside of threads that one of these processes wrote. */
  threadlessOf?: readonly string[]
  /** A whole `process_uuid`, or a pid. */
  processes?: readonly string[]
  /** Tested on the body, a `null` as the empty text. */
  pattern?: { regExp: RegExp; isInverted: boolean }
  /** What columns and bodies hold: all must. */
  where?: readonly FieldCondition[]
  /** Only rows that tell of something that went wrong. */
  onlyFailures?: boolean
  /** Any of these. */
  signs?: readonly RowSign[]
}

/** Rows of a kind, told by what is cheap to look at: all parts must hold, within one any of its values. */
export interface RowSign {
  levels: readonly string[]
  /** Beginnings, in this case. */
  targets?: readonly string[]
  /** Targets that are not meant, whole. */
  except?: readonly string[]
  /** Parts of the body, in this case. */
  texts?: readonly string[]
}
