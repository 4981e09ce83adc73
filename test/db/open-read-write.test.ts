import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openReadWrite } from '../../src/db/open-write.js'
import { temporaryFolder } from '../helpers/layouts.js'

const pragma = (db: ReturnType<typeof openReadWrite>, name: string) =>
  Object.values(db.get<Record<string, unknown>>(`PRAGMA ${name}`)!)[0]

test('a new database is in the modes that Codex opens its own with', () => {
  const db = openReadWrite(join(temporaryFolder(), 'deep', 'x.sqlite'), { create: true })
  const modes = ['journal_mode', 'synchronous', 'busy_timeout', 'foreign_keys'].map((name) =>
    pragma(db, name),
  )
  expect(modes).toEqual(['wal', 1, 5000, 1])
  db.close()
})

test('an existing one keeps its journal, and with that its safety', () => {
  const path = join(temporaryFolder(), 'x.sqlite')
  const first = openReadWrite(path, { create: true })
  first.exec('PRAGMA journal_mode = DELETE; CREATE TABLE t (a)')
  first.close()
  const db = openReadWrite(path)
  expect([pragma(db, 'journal_mode'), pragma(db, 'synchronous')]).toEqual(['delete', 2])
  db.close()
})

test('a transaction holds the write lock from its start, is rolled back by an error, and may hold another', () => {
  const path = join(temporaryFolder(), 'x.sqlite')
  const db = openReadWrite(path, { create: true })
  db.exec('CREATE TABLE t (a)')
  const bug = new Error('a bug')
  expect(() =>
    db.transaction(() => {
      db.run('INSERT INTO t VALUES (1)')
      throw bug
    }),
  ).toThrow(bug)
  const other = new Database(path, { timeout: 0 })
  const given = db.transaction(() => {
    expect(() => other.exec('INSERT INTO t VALUES (9)')).toThrow('database is locked')
    expect(db.run('INSERT INTO t VALUES (2), (3)')).toBe(2)
    return db.transaction(() => db.run('UPDATE t SET a = a + 10'))
  })
  expect(given).toBe(2)
  expect(db.all('SELECT a FROM t')).toEqual([{ a: 12 }, { a: 13 }])
  expect(db.snapshot(() => db.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 2 })
  other.close()
  db.close()
})

test('all who open a file share its connection, which is closed with the last of them', () => {
  const path = join(temporaryFolder(), 'x.sqlite')
  const first = openReadWrite(path, { create: true })
  first.exec('CREATE TABLE t (a)')
  const second = openReadWrite(path)
  first.transaction(() => {
    first.run('INSERT INTO t VALUES (1)')
    expect(second.run('INSERT INTO t VALUES (2)')).toBe(1)
  })
  first.close()
  first.close()
  expect(() => first.all('SELECT * FROM t')).toThrow('is closed')
  expect(second.all('SELECT a FROM t')).toEqual([{ a: 1 }, { a: 2 }])
  expect(existsSync(`${path}-wal`)).toBe(true)
  second.close()
  expect(existsSync(`${path}-wal`)).toBe(false)
})

test.each([
  { what: 'nothing', make: () => {}, code: 'DB_NOT_FOUND' },
  { what: 'a folder', make: (path: string) => void mkdirSync(path), code: 'DB_UNREADABLE' },
  {
    what: 'a text',
    make: (path: string) => writeFileSync(path, 'text '.repeat(50)),
    code: 'DB_NOT_A_DATABASE',
  },
])('$what is no database, and stays what it is', ({ make, code }) => {
  const folder = temporaryFolder()
  const path = join(folder, 'x.sqlite')
  make(path)
  const existed = existsSync(path)
  expect(() => openReadWrite(path)).toThrow(expect.objectContaining({ name: 'StateError', code }))
  if (existed) expect(() => openReadWrite(path, { create: true })).toThrow(expect.objectContaining({ code }))
  expect(readdirSync(folder)).toEqual(existed ? ['x.sqlite'] : [])
})

test.runIf(process.platform !== 'win32')(
  'nothing is written to a database that was removed or replaced while it was open',
  () => {
    const path = join(temporaryFolder(), 'state_4.sqlite')
    const connection = openReadWrite(path, { create: true })
    connection.exec('CREATE TABLE t (n)')
    connection.run('INSERT INTO t VALUES (1)')
    const writes = [
      () => connection.run('INSERT INTO t VALUES (2)'),
      () => connection.exec('INSERT INTO t VALUES (2)'),
      () => connection.transaction(() => connection.run('INSERT INTO t VALUES (2)')),
    ]
    for (const suffix of ['', '-wal', '-shm']) renameSync(path + suffix, `${path}.gone${suffix}`)
    for (const write of writes) expect(write).toThrow(expect.objectContaining({ code: 'DB_REPLACED' }))
    writeFileSync(path, '')
    for (const write of writes) expect(write).toThrow(expect.objectContaining({ code: 'DB_REPLACED' }))
    expect(connection.all('SELECT n FROM t')).toEqual([{ n: 1 }])
    rmSync(path)
    for (const suffix of ['', '-wal', '-shm']) renameSync(`${path}.gone${suffix}`, path + suffix)
    for (const write of writes) write()
    expect(connection.all('SELECT count(*) AS n FROM t')).toEqual([{ n: 4 }])
    connection.close()
  },
)
