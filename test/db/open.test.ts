import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ReadConnection } from '../../src/db/connection.js'
import { openReadOnly } from '../../src/db/open-read.js'
import { StateError } from '../../src/errors.js'
import { describeFolder } from '../helpers/folder.js'
import { temporaryFolder } from '../helpers/layouts.js'
import { createLogHome } from '../helpers/log-layouts.js'
import { asOrdinaryUser, binPath, startProcess } from '../helpers/spawn.js'

/** Makes a database in WAL mode with rows 1 to `count` of a table `t`; the connection stays open. */
function openWriter(path: string, { count = 3, journal = 'wal' } = {}): Database.Database {
  const database = new Database(path)
  onTestFinished(() => void database.close())
  database.pragma(`journal_mode = ${journal}`)
  database.exec('CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text TEXT)')
  database.transaction(() => {
    for (let n = 0; n < count; n++) database.exec("INSERT INTO t (text) VALUES ('row')")
  })()
  return database
}

function createDatabase(options: { count?: number; journal?: string } = {}): string {
  const path = join(temporaryFolder(), 'logs_2.sqlite')
  openWriter(path, options).close()
  return path
}

/** A database as a crash leaves it: with these files of a live one. */
function createLeftover(suffixes: readonly string[]): string {
  const live = join(temporaryFolder(), 'live.sqlite')
  openWriter(live)
  const path = join(temporaryFolder(), 'logs_2.sqlite')
  for (const suffix of suffixes) copyFileSync(live + suffix, path + suffix)
  return path
}

function open(path: string, notices: string[] = []): ReadConnection {
  const connection = openReadOnly(path, { onNotice: (text) => notices.push(text) })
  onTestFinished(() => connection.close())
  return connection
}

const countRows = (connection: ReadConnection) =>
  connection.get<{ n: number }>('SELECT count(*) AS n FROM t')?.n

/** Where this file's private copies come to lie, and those of no other test. */
const copies = temporaryFolder()
process.env.TMPDIR = copies

describe('reading leaves the folder as it is', () => {
  test('a database that was closed', () => {
    const path = createDatabase()
    const before = describeFolder(dirname(path))
    const connection = open(path)
    expect(countRows(connection)).toBe(3)
    expect(describeFolder(dirname(path))).toEqual(before)
    connection.close()
    expect(describeFolder(dirname(path))).toEqual(before)
    expect(readdirSync(dirname(path))).toEqual(['logs_2.sqlite'])
  })

  test('one that is being written', () => {
    const path = join(temporaryFolder(), 'logs_2.sqlite')
    const writer = openWriter(path)
    const before = describeFolder(dirname(path))
    const connection = open(path)
    expect(countRows(connection)).toBe(3)
    expect(describeFolder(dirname(path))).toEqual(before)
    writer.exec("INSERT INTO t (text) VALUES ('new')")
    expect(countRows(connection)).toBe(4)
    const written = describeFolder(dirname(path))
    connection.close()
    expect(describeFolder(dirname(path))).toEqual(written)
  })

  test('one behind a link: its log lies beside the file, not beside the link', () => {
    const path = join(temporaryFolder(), 'logs_2.sqlite')
    const link = join(temporaryFolder(), 'logs_2.sqlite')
    symlinkSync(path, link)
    const writer = openWriter(path)
    const connection = open(link)
    expect(countRows(connection)).toBe(3)
    writer.exec("INSERT INTO t (text) VALUES ('new')")
    expect(countRows(connection)).toBe(4)
    connection.close()
    writer.close()
    const atRest = open(link)
    expect(countRows(atRest)).toBe(4)
    const again = openWriter(path, { count: 1 })
    expect(countRows(atRest)).toBe(5)
    again.close()
    expect(readdirSync(dirname(link))).toEqual(['logs_2.sqlite'])
  })

  test('the reader that stays last does not take the log away', () => {
    const path = join(temporaryFolder(), 'logs_2.sqlite')
    const writer = openWriter(path)
    const connection = open(path)
    expect(countRows(connection)).toBe(3)
    writer.close()
    const before = describeFolder(dirname(path))
    expect(countRows(connection)).toBe(3)
    connection.close()
    expect(describeFolder(dirname(path))).toEqual(before)
  })

  test.each([
    { left: ['', '-wal', '-shm'], notices: 0 },
    { left: ['', '-wal'], notices: 1 },
  ])('what a killed writer left: $left', ({ left, notices }) => {
    const path = createLeftover(left)
    const before = describeFolder(dirname(path))
    const heard: string[] = []
    const connection = open(path, heard)
    expect(countRows(connection)).toBe(3)
    expect(describeFolder(dirname(path))).toEqual(before)
    connection.close()
    expect(describeFolder(dirname(path))).toEqual(before)
    expect(heard).toEqual(
      Array(notices).fill(`reading a private copy of ${path}: its write-ahead log cannot be read in place`),
    )
    expect(readdirSync(copies).filter((name) => name.startsWith('codex-state-copy-'))).toEqual([])
  })

  test('a rollback journal that was left hot is rolled back in a copy alone', () => {
    const live = join(temporaryFolder(), 'live.sqlite')
    const writer = openWriter(live, { count: 100, journal: 'delete' })
    writer.pragma('cache_size = 1')
    writer.pragma('cache_spill = 1')
    writer.exec(`BEGIN; UPDATE t SET text = '${'x'.repeat(5000)}'`)
    const path = join(temporaryFolder(), 'logs_2.sqlite')
    for (const suffix of ['', '-journal']) copyFileSync(live + suffix, path + suffix)
    writer.exec('ROLLBACK')
    expect(readFileSync(path).includes('xxxx')).toBe(true)

    const before = describeFolder(dirname(path))
    const connection = open(path)
    expect(connection.get('SELECT count(*) AS n, max(text) AS text FROM t')).toEqual({ n: 100, text: 'row' })
    connection.close()
    expect(describeFolder(dirname(path))).toEqual(before)
  })

  test('a database without a write-ahead log', () => {
    const path = createDatabase({ journal: 'delete' })
    const before = describeFolder(dirname(path))
    const connection = open(path)
    expect(countRows(connection)).toBe(3)
    const writer = openWriter(path, { count: 1, journal: 'delete' })
    expect(countRows(connection)).toBe(4)
    writer.exec('DELETE FROM t WHERE n = 4')
    connection.close()
    expect(Object.keys(describeFolder(dirname(path)))).toEqual(Object.keys(before))
  })
})

describe('the version of what is read', () => {
  test.each(['wal', 'delete'])(
    'is another after each commit of somebody else, and only then (%s)',
    (journal) => {
      const path = join(temporaryFolder(), 'logs_2.sqlite')
      const writer = openWriter(path, { journal })
      const connection = openReadOnly(path)
      onTestFinished(() => connection.close())
      const versions = [connection.version()]
      for (let commit = 0; commit < 3; commit++) {
        writer.exec("INSERT INTO t (text) VALUES ('more')")
        versions.push(connection.version())
        connection.get('SELECT count(*) FROM t')
        expect(connection.version()).toBe(versions.at(-1))
      }
      expect(new Set(versions).size).toBe(4)
    },
  )

  test('is another when a writer comes to a file at rest', () => {
    const path = createDatabase()
    const connection = openReadOnly(path)
    onTestFinished(() => connection.close())
    const atRest = connection.version()
    expect(connection.version()).toBe(atRest)
    openWriter(path, { count: 1 })
    expect(connection.version()).not.toBe(atRest)
  })
})

describe('a file at rest to which a writer comes', () => {
  test('is read as it is now', () => {
    const path = createDatabase()
    const connection = open(path)
    expect(countRows(connection)).toBe(3)
    const writer = openWriter(path, { count: 2 })
    expect(countRows(connection)).toBe(5)
    writer.exec('DELETE FROM t WHERE n < 5')
    expect(countRows(connection)).toBe(1)
    writer.close()
    expect(countRows(connection)).toBe(1)
    writeFileSync(`${path}.other`, '')
    openWriter(path, { count: 1 }).close()
    expect(countRows(connection)).toBe(2)
  })

  test('in the middle of a snapshot: the snapshot is taken again', () => {
    const path = createDatabase()
    const connection = open(path)
    let runs = 0
    const counts = connection.snapshot(() => {
      const first = countRows(connection)
      if (runs++ === 0) {
        const writer = openWriter(path, { count: 1 })
        writer.pragma('wal_checkpoint(TRUNCATE)')
      }
      return [first, countRows(connection)]
    })
    expect(counts).toEqual([4, 4])
    expect(runs).toBe(2)
  })

  test('a snapshot beside a live writer shows one state', () => {
    const path = join(temporaryFolder(), 'logs_2.sqlite')
    const writer = openWriter(path)
    const connection = open(path)
    const counts = connection.snapshot(() => {
      const first = countRows(connection)
      writer.exec("INSERT INTO t (text) VALUES ('meanwhile')")
      return [first, countRows(connection)]
    })
    expect(counts).toEqual([3, 3])
    expect(countRows(connection)).toBe(4)
  })

  test('another file in its place is not taken for it', () => {
    const path = createDatabase()
    const connection = open(path)
    expect(countRows(connection)).toBe(3)
    renameSync(createDatabase({ count: 9 }), path)
    expect(() => countRows(connection)).toThrow(expect.objectContaining({ code: 'DB_REPLACED' }))
  })

  test('and when it is gone, it is said', () => {
    const path = createDatabase()
    const connection = open(path)
    unlinkSync(path)
    expect(() => countRows(connection)).toThrow(expect.objectContaining({ code: 'DB_NOT_FOUND' }))
  })
})

describe('both drivers give the same values', () => {
  const path = () => {
    const file = createDatabase({ count: 0 })
    const writer = openWriter(file, { count: 0 })
    writer.prepare('INSERT INTO t (n, text) VALUES (?, ?)').run(9007199254740993n, Buffer.from('bytes'))
    return { file, writer }
  }
  const sql = 'SELECT n, text, NULL AS empty, 1.5 AS real, ? AS given, double_it(21) AS called FROM t'
  const expected = {
    n: 9007199254740992,
    text: Buffer.from('bytes'),
    empty: null,
    real: 1.5,
    given: 'given',
    called: 42,
  }

  test.each(['live', 'at rest'])('%s', (state) => {
    const { file, writer } = path()
    if (state === 'at rest') writer.close()
    const functions = { double_it: (value: unknown) => Number(value) * 2 }
    const connection = openReadOnly(file, { functions })
    onTestFinished(() => connection.close())
    expect({ ...connection.get<object>(sql, 'given') }).toEqual(expected)
    expect(connection.all<object>(sql, 'given').map((row) => ({ ...row }))).toEqual([expected])
    expect(connection.get('SELECT n FROM t WHERE n = 0')).toBeUndefined()
  })
})

describe('what cannot be read', () => {
  function errorOf(run: () => unknown): Pick<StateError, 'code' | 'message'> {
    try {
      run()
    } catch (error) {
      if (error instanceof StateError) return { code: error.code, message: error.message }
      throw error
    }
    throw new Error('it could be read')
  }
  const folder = temporaryFolder()
  const path = join(folder, 'logs_2.sqlite')
  const reset = () => rmSync(path, { recursive: true, force: true })

  test('a file that is not there, or below one that is no folder', () => {
    reset()
    expect(errorOf(() => open(path))).toEqual({ code: 'DB_NOT_FOUND', message: `no database at ${path}` })
    writeFileSync(path, '')
    expect(errorOf(() => open(join(path, 'x')))).toEqual({
      code: 'DB_NOT_FOUND',
      message: `no database at ${join(path, 'x')}`,
    })
  })

  test('a folder', () => {
    reset()
    mkdirSync(path)
    expect(errorOf(() => open(path))).toEqual({
      code: 'DB_UNREADABLE',
      message: `cannot read ${path}: it is a folder`,
    })
  })

  test.each(['not a database, whatever its name says', 'SQLite format 2\0'.repeat(100), 'S'])(
    'another kind of file: %j',
    (content) => {
      reset()
      writeFileSync(path, content)
      expect(errorOf(() => open(path))).toEqual({
        code: 'DB_NOT_A_DATABASE',
        message: `${path} is not an SQLite database`,
      })
    },
  )

  test('an empty file is a database without tables', () => {
    reset()
    writeFileSync(path, '')
    const connection = open(path)
    expect(connection.all('SELECT * FROM sqlite_schema')).toEqual([])
    expect(errorOf(() => countRows(connection))).toEqual({
      code: 'DB_NO_TABLE',
      message: `${path}: no such table: t`,
    })
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  test.each(['wal', 'delete'])('a file that was cut short (journal mode %s)', (journal) => {
    const cut = createDatabase({ count: 2000, journal })
    truncateSync(cut, 8192)
    expect(errorOf(() => countRows(open(cut)))).toEqual({
      code: 'DB_CORRUPT',
      message: `cannot read ${cut}: the file is damaged (database disk image is malformed)`,
    })
  })

  test('a file with a header alone', () => {
    const cut = createDatabase()
    truncateSync(cut, 100)
    expect(errorOf(() => countRows(open(cut))).code).toBe('DB_CORRUPT')
  })

  test('a damaged page is found when it is read, and named in a snapshot as well', () => {
    const damaged = createDatabase({ count: 2000 })
    const bytes = readFileSync(damaged)
    bytes.fill(0xff, 4096 * 2)
    writeFileSync(damaged, bytes)
    const connection = open(damaged)
    const expected = {
      code: 'DB_CORRUPT',
      message: `cannot read ${damaged}: the file is damaged (database disk image is malformed)`,
    }
    expect(errorOf(() => connection.all('SELECT * FROM t'))).toEqual(expected)
    expect(errorOf(() => connection.snapshot(() => connection.all('SELECT * FROM t')))).toEqual(expected)
    expect(existsSync(`${damaged}-wal`)).toBe(false)
  })

  test('a bug in our SQL is no fault of the file', () => {
    const connection = open(createDatabase())
    expect(() => connection.all('SELEC')).toThrow(/syntax error/)
    expect(() => connection.all('SELEC')).not.toThrow(StateError)
  })
})

test('a Node without an SQLite of its own reads a database at rest without a trace too', async () => {
  const { home, path } = createLogHome([{ body: 'at rest' }])
  const before = describeFolder(home)
  const args = [
    '--no-experimental-sqlite',
    binPath('codex-logs'),
    'query',
    '--format',
    'cat',
    '--codex-home',
    home,
  ]
  expect(await startProcess(process.execPath, args).end()).toEqual({
    stdout: 'at rest\n',
    stderr: `codex-logs: reading a private copy of ${path}: it takes Node 22.13 to read it in place without a trace\n`,
    exitCode: 0,
    signal: null,
  })
  expect(describeFolder(home)).toEqual(before)
})

describe('without the right to write', () => {
  /** Runs `where`'s reader and the tail's reader in a process that cannot write to the folder. */
  async function query(home: string) {
    const [command, args] = asOrdinaryUser(process.execPath, [
      binPath('codex-logs'),
      'query',
      '--codex-home',
      home,
      '--format',
      'cat',
    ])
    return await startProcess(command, args).end()
  }

  /** A home that its owner may only read. */
  function createHome(suffixes: readonly string[]): string {
    const live = join(mkdtempSync(join(tmpdir(), 'codex-state-live-')), 'logs_2.sqlite')
    const writer = new Database(live)
    onTestFinished(() => void writer.close())
    writer.pragma('journal_mode = WAL')
    writer.exec(`CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER, ts_nanos INTEGER,
      level TEXT, target TEXT, message TEXT, module_path TEXT, file TEXT, line INTEGER);
      INSERT INTO logs (ts, ts_nanos, level, target, message) VALUES (0, 0, 'INFO', 'x', 'one'), (0, 0, 'INFO', 'x', 'two')`)
    if (suffixes.length === 1) writer.pragma('wal_checkpoint(TRUNCATE)')
    const home = temporaryFolder()
    for (const suffix of suffixes) {
      copyFileSync(live + suffix, join(home, `logs_2.sqlite${suffix}`))
      chmodSync(join(home, `logs_2.sqlite${suffix}`), 0o444)
    }
    chmodSync(home, 0o555)
    return home
  }

  test.each([
    { left: [''], isCopied: false },
    { left: ['', '-wal'], isCopied: true },
    { left: ['', '-wal', '-shm'], isCopied: false },
  ])('a read-only folder with $left is read', async ({ left, isCopied }) => {
    const home = createHome(left)
    const before = describeFolder(home)
    const { stdout, stderr, exitCode } = await query(home)
    expect({ stdout, exitCode }).toEqual({ stdout: 'one\ntwo\n', exitCode: 0 })
    expect(describeFolder(home)).toEqual(before)
    const notice = `codex-logs: reading a private copy of ${join(home, 'logs_2.sqlite')}: its write-ahead log cannot be read in place\n`
    expect(stderr).toBe(isCopied ? notice : '')
  })

  test('a file that may not be read is named, with the reason', async () => {
    const home = createHome([''])
    chmodSync(join(home, 'logs_2.sqlite'), 0)
    expect(await query(home)).toEqual({
      stdout: '',
      stderr: `codex-logs: cannot read ${join(home, 'logs_2.sqlite')}: permission denied. Check the file and its permissions, or name another one with --db.\n`,
      exitCode: 3,
      signal: null,
    })
  })
})
