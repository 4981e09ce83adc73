import { expect, test } from 'vitest'
import { toStateError } from '../../src/db/sqlite-error.js'
import { StateError } from '../../src/errors.js'

const error = (message: string, properties: object) => Object.assign(new Error(message), properties)

test.each([
  [{ code: 'SQLITE_BUSY' }, 'DB_BUSY', 'another process holds a lock on it'],
  [{ code: 'SQLITE_BUSY_SNAPSHOT' }, 'DB_BUSY', 'another process holds a lock on it'],
  [{ code: 'SQLITE_CORRUPT_VTAB' }, 'DB_CORRUPT', 'the file is damaged (from SQLite)'],
  [{ code: 'SQLITE_PROTOCOL' }, 'DB_BUSY', 'other processes keep locking it'],
  [{ code: 'SQLITE_IOERR_READ' }, 'DB_UNREADABLE', 'input/output error'],
  [{ code: 'SQLITE_CANTOPEN' }, 'DB_UNREADABLE', 'it cannot be opened'],
  [{ code: 'SQLITE_FULL' }, 'DB_FULL', 'the disk is full'],
  [{ code: 'SQLITE_READONLY_DIRECTORY' }, 'DB_READONLY', 'it cannot be written'],
  [{ code: 'ERR_SQLITE_ERROR', errcode: 26 }, 'DB_NOT_A_DATABASE', 'it is not an SQLite database'],
  [{ code: 'ERR_SQLITE_ERROR', errcode: 266 }, 'DB_UNREADABLE', 'input/output error'],
])('%o', (properties, code, reason) => {
  const cause = error('from SQLite', properties)
  const found = toStateError(cause, '/db') as StateError
  expect(found).toBeInstanceOf(StateError)
  expect({ code: found.code, message: found.message }).toEqual({
    code,
    message: `cannot read /db: ${reason}`,
  })
  expect(found.cause).toBe(cause)
})

test('a missing table or column', () => {
  const found = toStateError(error('no such column: body', { code: 'SQLITE_ERROR' }), '/db') as StateError
  expect({ code: found.code, message: found.message }).toEqual({
    code: 'DB_NO_TABLE',
    message: '/db: no such column: body',
  })
})

test('what is not SQLite’s stays what it is', () => {
  const bug = new TypeError('x is not a function')
  expect(toStateError(bug, '/db')).toBe(bug)
  const ours = new StateError('NOT_FOUND', 'nothing')
  expect(toStateError(ours, '/db')).toBe(ours)
})
