import { spawn, spawnSync } from 'node:child_process'
import fs, { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bytesToCopy, openReadOnly } from '../../src/db/open-read.js'
import { describeFolder } from '../helpers/folder.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { waitUntil } from '../helpers/spawn.js'

const COUNT = 'SELECT count(*) AS n FROM t'

function openWriter(path: string, journal = 'wal'): Database.Database {
  const database = new Database(path)
  onTestFinished(() => void database.close())
  database.pragma(`journal_mode = ${journal}`)
  database.exec(
    'CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text TEXT); INSERT INTO t (text) VALUES (1)',
  )
  return database
}

const newPath = () => join(temporaryFolder(), 'logs_2.sqlite')

function read(path: string): { row: unknown; notices: string[] } {
  const notices: string[] = []
  const connection = openReadOnly(path, { onNotice: (text) => notices.push(text) })
  try {
    return { row: connection.get(COUNT), notices }
  } finally {
    connection.close()
  }
}

/** Runs `act` once, just after the files at the path were looked at for the first time. */
function afterLookAt(path: string, act: () => void): void {
  const { statSync: original } = fs
  let isDone = false
  const restore = () => {
    Object.assign(fs, { statSync: original })
    syncBuiltinESMExports()
  }
  onTestFinished(restore)
  const statSync = (name: string, options: fs.StatSyncOptions) => {
    const stat = original(name, options)
    if (name === `${path}-journal` && !isDone) {
      isDone = true
      act()
    }
    return stat
  }
  Object.assign(fs, { statSync })
  syncBuiltinESMExports()
}

describe('between a look at the files and the opening', () => {
  test('a writer ends: no log is left that was not there', () => {
    const path = newPath()
    const writer = openWriter(path)
    let afterEnd: object = {}
    afterLookAt(path, () => {
      writer.close()
      afterEnd = describeFolder(dirname(path))
    })
    expect(read(path)).toEqual({ row: { n: 1 }, notices: [] })
    expect(Object.keys(afterEnd)).toEqual(['logs_2.sqlite'])
    expect(describeFolder(dirname(path))).toEqual(afterEnd)
  })

  test('a writer ends and another begins: its log stays', () => {
    const path = newPath()
    const writer = openWriter(path)
    afterLookAt(path, () => {
      writer.close()
      openWriter(path)
    })
    expect(read(path)).toEqual({ row: { n: 2 }, notices: [] })
    expect(readdirSync(dirname(path))).toEqual(['logs_2.sqlite', 'logs_2.sqlite-shm', 'logs_2.sqlite-wal'])
    expect(read(path)).toEqual({ row: { n: 2 }, notices: [] })
  })

  test('a writer comes: what it wrote is read', () => {
    const path = newPath()
    openWriter(path).close()
    afterLookAt(path, () => void openWriter(path))
    expect(read(path)).toEqual({ row: { n: 2 }, notices: [] })
  })
})

test('the log that is taken away under a reader is noticed', () => {
  const path = newPath()
  openWriter(path).close()
  const writer = openWriter(path)
  const reader = openReadOnly(path)
  onTestFinished(() => reader.close())
  expect(reader.get(COUNT)).toEqual({ n: 2 })
  for (const suffix of ['-wal', '-shm']) fs.renameSync(path + suffix, `${path}${suffix}.gone`)
  // What was in the log is in the main file, as when a writer that takes itself for the last one ends.
  writer.pragma('wal_checkpoint(TRUNCATE)')
  expect(reader.get(COUNT)).toEqual({ n: 2 })
  expect(existsSync(`${path}-wal`)).toBe(false)
})

test('a database that is opened, written and closed all the time is read each time, and never called damaged', async () => {
  const path = newPath()
  openWriter(path).close()
  const script = `const Database = require('better-sqlite3')
    for (;;) {
      const database = new Database(process.argv[1])
      for (let n = 0; n < 3; n++) database.prepare('INSERT INTO t (text) VALUES (?)').run('x'.repeat(Math.random() * 3000))
      database.close()
    }`
  const child = spawn(process.execPath, ['-e', script, path], { stdio: 'inherit' })
  onTestFinished(() => void child.kill('SIGKILL'))
  await waitUntil(() => Number((read(path).row as { n: number }).n) > 1)
  let last = 0
  for (let n = 0; n < 150; n++) {
    const { row, notices } = read(path)
    const { n: count } = row as { n: number }
    expect(count).toBeGreaterThanOrEqual(last)
    expect(notices).toEqual([])
    last = count
  }
  child.kill('SIGKILL')
})

describe('what decides how a file is read', () => {
  test('is the version for reading in the header, not the one for writing', () => {
    const path = newPath()
    openWriter(path).close()
    const bytes = readFileSync(path)
    bytes[18] = 1
    writeFileSync(path, bytes)
    const before = describeFolder(dirname(path))
    expect(read(path)).toEqual({ row: { n: 1 }, notices: [] })
    expect(describeFolder(dirname(path))).toEqual(before)
  })

  test.each([
    { beside: ['-wal'], copied: true },
    { beside: ['-wal', '-shm'], copied: false },
  ])('is the log, where it holds page 1 and the header is damaged: $beside', ({ beside, copied }) => {
    const live = newPath()
    const writer = openWriter(live)
    writer.pragma('user_version = 7')
    const path = newPath()
    for (const suffix of ['', ...beside]) copyFileSync(live + suffix, path + suffix)
    const bytes = readFileSync(path)
    bytes.fill(0xff, 0, 16)
    writeFileSync(path, bytes)
    const { row, notices } = read(path)
    expect({ row, isCopied: notices.length > 0 }).toEqual({ row: { n: 1 }, isCopied: copied })
    expect(readFileSync(path)).toEqual(bytes)
  })

  test.each(['', 'x'.repeat(5000)])(
    'is not a log of other text beside an empty file or a text (%#)',
    (text) => {
      const path = newPath()
      writeFileSync(path, text)
      for (const suffix of ['-wal', '-shm']) writeFileSync(path + suffix, 'somebody’s own')
      const before = describeFolder(dirname(path))
      const list = () => {
        const connection = openReadOnly(path)
        onTestFinished(() => connection.close())
        return connection.all('SELECT name FROM sqlite_schema')
      }
      if (text === '') expect(list()).toEqual([])
      else expect(list).toThrow(expect.objectContaining({ code: 'DB_NOT_A_DATABASE' }))
      expect(describeFolder(dirname(path))).toEqual(before)
    },
  )

  test('is the lock of a transaction with a rollback journal, which is read beside and not copied', () => {
    const path = newPath()
    const writer = openWriter(path, 'delete')
    writer.exec("BEGIN; INSERT INTO t (text) VALUES ('not yet')")
    expect(statSync(`${path}-journal`).size).toBeGreaterThan(0)
    expect(read(path)).toEqual({ row: { n: 1 }, notices: [] })
    expect(bytesToCopy(path)).toBeGreaterThan(0)
    writer.exec('COMMIT')
    expect(read(path)).toEqual({ row: { n: 2 }, notices: [] })
    expect(bytesToCopy(path)).toBe(0)
  })
})

test('a file format that SQLite does not know is said to be that', () => {
  const path = newPath()
  openWriter(path).close()
  const bytes = readFileSync(path)
  bytes.writeUInt32BE(9, 44)
  writeFileSync(path, bytes)
  expect(() => read(path)).toThrow(
    expect.objectContaining({
      code: 'DB_UNREADABLE',
      message: `cannot read ${path}: its file format is not known to this SQLite`,
    }),
  )
})

test.runIf(spawnSync('mkfifo', ['--version']).status === 0)(
  'a pipe in place of a database is not waited for',
  () => {
    const path = newPath()
    spawnSync('mkfifo', [path])
    expect(() => read(path)).toThrow(expect.objectContaining({ code: 'DB_UNREADABLE' }))
  },
)
