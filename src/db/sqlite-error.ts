import { StateError, type StateErrorCode } from '../errors.js'

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) by number and name. */
const BY_RESULT_CODE: Record<number, { name: string; code: StateErrorCode; reason: string }> = {
  5: { name: 'SQLITE_BUSY', code: 'DB_BUSY', reason: 'another process holds a lock on it' },
  6: { name: 'SQLITE_LOCKED', code: 'DB_BUSY', reason: 'another connection holds a lock on it' },
  7: { name: 'SQLITE_NOMEM', code: 'DB_TOO_BIG', reason: 'a value in it takes more memory than there is' },
  8: { name: 'SQLITE_READONLY', code: 'DB_READONLY', reason: 'it cannot be written' },
  10: { name: 'SQLITE_IOERR', code: 'DB_UNREADABLE', reason: 'input/output error' },
  11: { name: 'SQLITE_CORRUPT', code: 'DB_CORRUPT', reason: 'the file is damaged' },
  13: { name: 'SQLITE_FULL', code: 'DB_FULL', reason: 'the disk is full' },
  14: { name: 'SQLITE_CANTOPEN', code: 'DB_UNREADABLE', reason: 'it cannot be opened' },
  15: { name: 'SQLITE_PROTOCOL', code: 'DB_BUSY', reason: 'other processes keep locking it' },
  18: { name: 'SQLITE_TOOBIG', code: 'DB_TOO_BIG', reason: 'a text in it is longer than can be read here' },
  19: { name: 'SQLITE_CONSTRAINT', code: 'INVALID', reason: 'a rule of the schema forbids it' },
  26: { name: 'SQLITE_NOTADB', code: 'DB_NOT_A_DATABASE', reason: 'it is not an SQLite database' },
}

/** An error of either SQLite driver as ours; what is not an SQLite error (a bug of ours) comes back as it is. */
export function toStateError(error: unknown, path: string, verb: 'read' | 'write' = 'read'): unknown {
  if (!(error instanceof Error) || error instanceof StateError) return error
  const { code, errcode } = error as { code?: string; errcode?: number }
  const found =
    errcode === undefined
      ? Object.values(BY_RESULT_CODE).find(({ name }) => code === name || code?.startsWith(`${name}_`))
      : BY_RESULT_CODE[errcode & 0xff]
  if (found) {
    // SQLite's own words where they tell more, or are what people look for.
    const isTold = found.code === 'INVALID' || found.code === 'DB_CORRUPT'
    const detail = isTold ? ` (${error.message})` : ''
    return new StateError(found.code, `cannot ${verb} ${path}: ${found.reason}${detail}`, { cause: error })
  }
  if (/^no such (table|column|module|index)|^no query solution/.test(error.message)) {
    return new StateError('DB_NO_TABLE', `${path}: ${error.message}`, { cause: error })
  }
  if (/^foreign key mismatch|^no such (function|collation sequence|tokenizer)/.test(error.message)) {
    return new StateError('SCHEMA_UNKNOWN', `cannot ${verb} ${path}: ${error.message}`, { cause: error })
  }
  if (error.message === 'unsupported file format') {
    const message = `cannot ${verb} ${path}: its file format is not known to this SQLite`
    return new StateError('DB_UNREADABLE', message, { cause: error })
  }
  if (code === 'ERR_STRING_TOO_LONG' || error.message === 'Invalid string length') {
    return new StateError('DB_TOO_BIG', `cannot ${verb} ${path}: a text in it is longer than Node can hold`, {
      cause: error,
    })
  }
  return error
}
