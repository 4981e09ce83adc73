/** What can go wrong in a way that a user or an embedding program can act on; all else is a bug. */
export const STATE_ERROR_CODES = [
  /** Wrong flags or arguments. */
  'USAGE',
  /** What was asked for is not there: a thread, a table, a rollout. */
  'NOT_FOUND',
  /** A prefix or name fits several things. */
  'AMBIGUOUS',
  /** No database at the path, or none in the home. */
  'DB_NOT_FOUND',
  /** The file is not an SQLite database. */
  'DB_NOT_A_DATABASE',
  /** The database lacks a table or column that the question needs. */
  'DB_NO_TABLE',
  /** SQLite says that the file is damaged. */
  'DB_CORRUPT',
  /** The file is there and cannot be opened or read. */
  'DB_UNREADABLE',
  /** Another file took the place of the one that was open. */
  'DB_REPLACED',
  /** Another process held a lock for longer than the busy timeout. */
  'DB_BUSY',
  /** The database or its folder cannot be written. */
  'DB_READONLY',
  /** A text is longer than Node (536,870,888 bytes) or SQLite (1,000,000,000) can hold. */
  'DB_TOO_BIG',
  /** The disk, or the database's page limit, is full. */
  'DB_FULL',
  /** The recorded migrations do not fit ours: changed, unknown or half done. */
  'MIGRATION_MISMATCH',
  /** The schema has something that a writer would have to know and does not. */
  'SCHEMA_UNKNOWN',
  /** An argument of the wrong type or value, or one that breaks a rule of the schema, as a memory for an unknown thread. */
  'INVALID',
  /** A call after `close`. */
  'CLOSED',
  /** A rollout file that cannot be read, or holds no usable line. */
  'ROLLOUT_UNREADABLE',
  /** Somebody else's backfill was waited for until the bound. */
  'BACKFILL_TIMEOUT',
  /** What was to be printed cannot be written: the disk is full. */
  'OUTPUT',
  /** The work was aborted through its signal. */
  'ABORTED',
] as const

export type StateErrorCode = (typeof STATE_ERROR_CODES)[number]

/** An expected failure: its message names the thing, `hint` says what to do next, `cause` is kept. */
export class StateError extends Error {
  override readonly name = 'StateError'
  readonly code: StateErrorCode
  readonly hint: string | undefined

  constructor(code: StateErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** What is wrong with a regular expression, without the copy of it that V8's message begins with. */
export function explainPatternError(source: string, error: unknown): string {
  const reason = (error as Error).message.replace(/^Invalid regular expression: \/.*\/[a-z]*: /s, '')
  return `'${source}' is not a valid regular expression: ${reason}`
}
