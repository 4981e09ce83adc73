import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bytesToCopy, openReadOnly } from '../../src/db/open-read.js'
import { openReadWrite } from '../../src/db/open-write.js'
import { StateRuntime } from '../../src/runtime.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { requirePrograms } from '../helpers/programs.js'
import { startBin, startProcess } from '../helpers/spawn.js'

/** Another SQLite, of another release, in another process: as that of Codex is. */

function sqlite(path: string, sql: string): string {
  requirePrograms('sqlite3')
  return execFileSync('sqlite3', [path, sql], { encoding: 'utf8' }).trim()
}

const isLinux = process.platform === 'linux'

/** The locks of a process on a file, as the system lists them. */
function locksOn(path: string, pid = process.pid): string[] {
  const { ino } = statSync(path)
  const locks = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/).slice(1))
    .filter(([, , , owner, file]) => owner === String(pid) && file?.endsWith(`:${ino}`))
    .map((fields) => fields.join(' '))
  // The kernel writes the list in parts: while others lock and unlock, it can have a line twice.
  return [...new Set(locks)].sort()
}

/** A database whose last user has closed it. */
function createDatabase(journal: 'wal' | 'delete' = 'wal'): string {
  const path = join(temporaryFolder(), 'state_5.sqlite')
  const database = new Database(path)
  database.pragma(`journal_mode = ${journal}`)
  database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)')
  database.close()
  return path
}

function openWriter(path: string) {
  const writer = openReadWrite(path)
  onTestFinished(() => writer.close())
  return writer
}

function openReader(path: string) {
  const reader = openReadOnly(path)
  onTestFinished(() => reader.close())
  return reader
}

describe.runIf(isLinux)('the locks on a file stay', () => {
  const countRows = 'SELECT count(*) AS n FROM t'
  const comings: { what: string; come: (path: string) => void }[] = [
    { what: 'a reader', come: (path) => openReadOnly(path).close() },
    { what: 'another writer', come: (path) => openReadWrite(path).close() },
    { what: 'the question how much would be copied', come: (path) => void bytesToCopy(path) },
    {
      what: 'a reader of a private copy',
      come: (path) => {
        rmSync(`${path}-shm`)
        openReadOnly(path).close()
      },
    },
  ]

  test.each(comings)('of a writer, when $what comes and goes', ({ come }) => {
    const path = createDatabase()
    const writer = openWriter(path)
    writer.run("INSERT INTO t (text) VALUES ('row')")
    const before = locksOn(path)
    expect(before).not.toEqual([])
    come(path)
    expect(locksOn(path)).toEqual(before)
  })

  test.each(comings)('of a reader, when $what comes and goes', async ({ come }) => {
    const path = createDatabase()
    requirePrograms('sqlite3')
    const codex = startProcess('sqlite3', [path], { stdio: 'pipe' })
    codex.child.stdin?.write("INSERT INTO t (text) VALUES ('row');\nSELECT 'committed';\n")
    await codex.until(() => codex.stdout.includes('committed'))
    const reader = openReader(path)
    expect(reader.get(countRows)).toEqual({ n: 1 })
    const before = locksOn(path)
    expect(before).not.toEqual([])
    come(path)
    expect(locksOn(path)).toEqual(before)
    codex.child.stdin?.end()
    await codex.end()
  })

  test('of a writer, when who read the file at rest turns to its log, or ends', () => {
    const path = createDatabase()
    const [reader, other] = [openReader(path), openReader(path)]
    expect(reader.get(countRows)).toEqual({ n: 0 })
    const writer = openWriter(path)
    writer.run("INSERT INTO t (text) VALUES ('row')")
    const before = locksOn(path)
    expect(before).not.toEqual([])
    expect(reader.get(countRows)).toEqual({ n: 1 })
    expect(locksOn(path)).toEqual(before)
    other.close()
    expect(locksOn(path)).toEqual(before)
    reader.close()
    expect(locksOn(path)).toEqual(before)
  })

  test('of a transaction with a rollback journal, when a reader comes', () => {
    const path = createDatabase('delete')
    const writer = openWriter(path)
    writer.transaction(() => {
      writer.run("INSERT INTO t (text) VALUES ('row')")
      const before = locksOn(path)
      expect(before.length).toBeGreaterThan(1)
      expect(openReader(path).get(countRows)).toEqual({ n: 0 })
      expect(locksOn(path)).toEqual(before)
    })
  })

  test('of two runtimes on one file, until both are closed', () => {
    const codexHome = temporaryFolder()
    const options = { codexHome, defaultProvider: 'openai' }
    const first = StateRuntime.init(options)
    const { dbPath } = first
    const before = locksOn(dbPath)
    expect(before).not.toEqual([])
    StateRuntime.init(options).close()
    expect(locksOn(dbPath)).toEqual(before)
    StateRuntime.openExisting({ ...options, dbPath }).close()
    expect(locksOn(dbPath)).toEqual(before)
    first.close()
    expect(locksOn(dbPath)).toEqual([])
  })

  test.runIf(availableParallelism() > 1)('of a query, when worker threads come to help', async () => {
    const body = 'x'.repeat(900)
    const { home, path } = createLogHome(Array.from({ length: 30_000 }, () => ({ body })))
    const codex = new Database(path)
    onTestFinished(() => void codex.close())
    codex.exec("INSERT INTO logs (ts, ts_nanos, level, target) VALUES (0, 0, 'INFO', 'x')")
    // Beside a Codex that writes just now, two cores are left to it and to the one thread.
    utimesSync(`${path}-wal`, 0, 0)
    const reporter = join(import.meta.dirname, '../helpers/report-workers.cjs')
    // Read no further than a pipe holds: it goes on as long as is looked.
    const query = startBin('codex-logs', ['query', '--json', '--codex-home', home], {
      env: { NODE_OPTIONS: `--require ${reporter}`, NODE_DISABLE_COMPILE_CACHE: '1' },
    })
    const { child } = query
    child.stdout?.pause()
    const seen: string[] = []
    const look = () => {
      const locks = locksOn(path, child.pid).join('; ')
      if (locks !== seen.at(-1)) seen.push(locks)
    }
    await query.until(() => {
      look()
      child.stdout?.read(16_384)
      return query.stderr.includes('log-worker')
    })
    for (let n = 0; n < 100; n++) {
      look()
      child.stdout?.read(4096)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    expect(child.exitCode).toBe(null)
    expect(seen.filter((locks) => locks !== '')).toHaveLength(1)
    expect(seen.at(-1)).not.toBe('')
  })
})

describe('no row is lost beside another process that comes and goes', () => {
  test('by a writer whose process opens the file again and again', () => {
    const path = createDatabase()
    const writer = openWriter(path)
    const insert = 'INSERT INTO t (text) VALUES (hex(randomblob(2000)))'
    for (let round = 1; round <= 20; round++) {
      for (let n = 0; n < 10; n++) writer.run(insert)
      openReadOnly(path).close()
      openReadWrite(path).close()
      sqlite(path, `${insert}; ${insert}`)
      expect(existsSync(`${path}-wal`)).toBe(true)
      expect(writer.get('SELECT count(*) AS n FROM t')).toEqual({ n: 12 * round })
    }
    writer.close()
    expect(sqlite(path, 'SELECT count(*) FROM t; PRAGMA integrity_check')).toBe('240\nok')
  })

  test('by two runtimes on one file', () => {
    const codexHome = temporaryFolder()
    const options = { codexHome, defaultProvider: 'openai' }
    const first = StateRuntime.init(options)
    onTestFinished(() => first.close())
    const tsSeconds = Math.floor(Date.now() / 1000)
    const row = { tsSeconds, tsNanos: 0, level: 'INFO', target: 'x', body: 'x'.repeat(500) }
    const insert = (runtime: StateRuntime) =>
      runtime.insertLog({
        ...row,
        threadId: null,
        processUuid: null,
        modulePath: null,
        file: null,
        line: null,
      })
    for (let round = 1; round <= 10; round++) {
      const second = StateRuntime.init(options)
      for (let n = 0; n < 5; n++) insert(first)
      for (let n = 0; n < 5; n++) insert(second)
      second.close()
      const count = sqlite(first.dbPath, 'SELECT count(*) FROM logs')
      expect(count).toBe(String(10 * round))
    }
    first.close()
    expect(sqlite(first.dbPath, 'SELECT count(*) FROM logs; PRAGMA integrity_check')).toBe('100\nok')
  })
})
