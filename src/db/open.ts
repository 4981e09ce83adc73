import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { StateError } from '../errors.js'
import { type HeldFile, holdFile, identityOf } from './files.js'
import { toStateError } from './sqlite-error.js'

export type SqlValue = string | number | bigint | Uint8Array | null

/** One database, opened for reading. Every call is a whole read of its own: nothing stays open in between. */
export interface ReadConnection {
  readonly path: string
  all<Row>(sql: string, ...params: SqlValue[]): Row[]
  get<Row>(sql: string, ...params: SqlValue[]): Row | undefined
  /**
   * Several reads of one state of the database. Keep it short: a writer's WAL cannot be reused meanwhile.
   * `run` may be called again when the file changed under it.
   */
  snapshot<T>(run: () => T): T
  close(): void
}

/** One database, opened for reading and writing, by one process that may be one of several. */
export interface WriteConnection extends ReadConnection {
  /** Runs one statement; gives the number of rows that it inserted, changed or deleted. */
  run(sql: string, ...params: SqlValue[]): number
  /** Runs statements that take no parameters. */
  exec(sql: string): void
  /**
   * Runs `work` in a transaction that holds the write lock from its start, so that what `work` read is still
   * true when it writes; rolled back when `work` throws. One inside another is part of the outer one.
   */
  transaction<T>(work: () => T): T
  /**
   * Makes the database at `path` a copy of this one, as it is at one moment; what was there before is replaced
   * in one transaction. Other connections may read and write meanwhile.
   */
  backup(path: string): Promise<void>
}

/** A connection that may be asked for anything and changes nothing: for a look at what writing would do. */
export function refuseWrites(connection: ReadConnection): WriteConnection {
  const refuse = (): never => {
    throw new StateError('DB_READONLY', `${connection.path} is only looked at`)
  }
  return { ...connection, run: refuse, exec: refuse, transaction: refuse, backup: refuse }
}

/** How long a writer waits for another one's lock, and gives up with `DB_BUSY`: as Codex does. */
export const BUSY_TIMEOUT_MS = 5000

/**
 * How a file is reached. A read-only connection to a database in WAL mode creates `-wal` and `-shm` where
 * they are missing (https://www.sqlite.org/wal.html, "Read-Only Databases"), and a reader here creates nothing:
 * - `live`: both are there, or the database is not in WAL mode: an ordinary read-only connection;
 * - `still`: there is no WAL to read, so the main file is complete: opened as immutable;
 * - `copy`: a WAL or a hot journal that cannot be read in place: a private copy is read, as it is of a `still`
 *   one where the driver for that is missing.
 */
type Access = 'live' | 'still' | 'copy'

interface Driver {
  all(sql: string, params: SqlValue[]): unknown[]
  get(sql: string, params: SqlValue[]): unknown
  exec(sql: string): void
  close(): void
}

interface Opened {
  driver: Driver
  held: HeldFile
  /** What the files looked like when they were opened; `undefined` where SQLite itself sees changes. */
  fingerprint: string | undefined
  /** Another file under the same name is not what was opened. */
  identity: string
}

export interface OpenReadOnlyOptions {
  /** Told, in one line, when the file could only be read through a copy. */
  onNotice?: (text: string) => void
  /** SQL functions of our own, by name: pure, of one argument. */
  functions?: Readonly<Record<string, (value: SqlValue) => SqlValue>>
}

const MAX_REOPENS = 20

/**
 * Opens an existing database for reading. Creates, changes and deletes nothing beside it; only the lock bytes
 * in an existing `-shm` are used, as any reader must.
 *
 * A writer may start, end or replace files at any time: each read is checked against the files' state
 * afterwards where SQLite does not do so by itself, and repeated on a fresh connection if they changed.
 *
 * @throws {StateError} `DB_NOT_FOUND`, `DB_NOT_A_DATABASE`, `DB_UNREADABLE`; reads throw `DB_CORRUPT`,
 *   `DB_NO_TABLE`, `DB_BUSY`, `DB_UNREADABLE`
 */
export function openReadOnly(path: string, options: OpenReadOnlyOptions = {}): ReadConnection {
  let opened: Opened | undefined = open(path, options)
  const { identity } = opened
  let isInSnapshot = false

  function read<T>(run: (driver: Driver) => T): T {
    for (let attempt = 0; attempt < MAX_REOPENS; attempt++) {
      opened ??= open(path, options)
      if (opened.identity !== identity) {
        throw new StateError('DB_REPLACED', `${path} was replaced by another file while it was read`)
      }
      let failure: unknown
      let result: T | undefined
      try {
        result = run(opened.driver)
      } catch (error) {
        failure = error
      }
      if (
        isInSnapshot ||
        opened.fingerprint === undefined ||
        opened.fingerprint === fingerprintOf(withoutLink(path))
      ) {
        if (failure !== undefined) throw toStateError(failure, path)
        return result as T
      }
      close()
    }
    throw new StateError('DB_BUSY', `${path} changed under every one of ${MAX_REOPENS} attempts to read it`)
  }

  function close(): void {
    opened?.driver.close()
    opened?.held.release()
    opened = undefined
  }

  function snapshot<T>(run: () => T): T {
    return read((driver) => {
      driver.exec('BEGIN')
      isInSnapshot = true
      try {
        return run()
      } finally {
        isInSnapshot = false
        driver.exec('COMMIT')
      }
    })
  }

  return {
    path,
    all: <Row>(sql: string, ...params: SqlValue[]) => read((driver) => driver.all(sql, params) as Row[]),
    get: <Row>(sql: string, ...params: SqlValue[]) =>
      read((driver) => driver.get(sql, params) as Row | undefined),
    snapshot,
    close,
  }
}

export interface OpenReadWriteOptions {
  /** Makes the file and its folder where they are missing, and puts the database in WAL mode. */
  create?: boolean
}

/** A connection for writing, with all who use it. */
interface SharedDatabase {
  database: Database.Database
  held: HeldFile
  userCount: number
}

/** One for each file that this thread writes to. */
const shared = new Map<string, SharedDatabase>()

/**
 * Opens a database for reading and writing, foreign keys on. An existing journal mode is kept unless `create`
 * is set: a database on a network file system is deliberately not in WAL mode.
 *
 * All who open one file share a connection: they never wait for each other, and a transaction that one begins
 * inside another's is part of it.
 *
 * @throws {StateError} `DB_NOT_FOUND` (without `create`), `DB_NOT_A_DATABASE`, `DB_UNREADABLE`,
 *   `DB_READONLY`, `DB_BUSY`; calls throw these and `DB_CORRUPT`, `DB_FULL`, `DB_NO_TABLE`, `INVALID`
 */
export function openReadWrite(path: string, { create = false }: OpenReadWriteOptions = {}): WriteConnection {
  let isOpen = true
  const guard = <T>(work: () => T): T => {
    if (!isOpen) throw new TypeError(`the connection to ${path} is closed`)
    try {
      return work()
    } catch (error) {
      throw toStateError(error, path, 'write')
    }
  }
  const connection = guard(() => share(path, create))
  const { database } = connection
  try {
    guard(() => {
      if (create) database.pragma('journal_mode = WAL')
      const isWal = database.pragma('journal_mode', { simple: true }) === 'wal'
      // Safe in WAL mode alone: there a power cut can lose the last transactions, but damages nothing.
      if (isWal) database.pragma('synchronous = NORMAL')
      database.pragma('foreign_keys = ON')
    })
  } catch (error) {
    unshare(connection)
    throw error
  }
  const prepare = cachedBySql((sql) => database.prepare<SqlValue[]>(sql))
  return {
    path,
    all: <Row>(sql: string, ...params: SqlValue[]) => guard(() => prepare(sql).all(...params) as Row[]),
    get: <Row>(sql: string, ...params: SqlValue[]) =>
      guard(() => prepare(sql).get(...params) as Row | undefined),
    run: (sql, ...params) => guard(() => prepare(sql).run(...params).changes),
    exec: (sql) => guard(() => void database.exec(sql)),
    snapshot: (work) => guard(() => database.transaction(work).deferred()),
    transaction: (work) => guard(() => database.transaction(work).immediate()),
    async backup(target) {
      try {
        await database.backup(target)
      } catch (error) {
        throw toStateError(error, target, 'write')
      }
    },
    close() {
      if (isOpen) unshare(connection)
      isOpen = false
    },
  }
}

/** The connection that there is to the file, or a new one. */
function share(path: string, create: boolean): SharedDatabase {
  if (create) makeFolder(dirname(path))
  const options = { fileMustExist: !create, timeout: BUSY_TIMEOUT_MS }
  if (create && !existsSync(path)) {
    proveWritable(path, [dirname(path)])
    const database = new Database(path, options)
    return keep(database, holdFile(path))
  }
  const held = holdFile(path)
  try {
    const existing = shared.get(held.id)
    if (!existing) {
      proveWritable(path, [path, dirname(path)])
      return keep(new Database(path, options), held)
    }
    held.release()
    existing.userCount += 1
    return existing
  } catch (error) {
    held.release()
    throw error
  }
}

function keep(database: Database.Database, held: HeldFile): SharedDatabase {
  held.lock()
  const connection = { database, held, userCount: 1 }
  shared.set(held.id, connection)
  return connection
}

function unshare(connection: SharedDatabase): void {
  const { database, held } = connection
  connection.userCount -= 1
  if (connection.userCount > 0) return
  shared.delete(held.id)
  database.close()
  held.release()
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StateError('DB_READONLY', `cannot create the folder ${folder}: ${code}`, { cause: error })
  }
}

/** SQLite opens what it may not write for reading, without a word; the first write would be where it shows. */
function proveWritable(path: string, needed: readonly string[]): void {
  try {
    for (const each of needed) accessSync(each, constants.W_OK)
  } catch (error) {
    throw new StateError('DB_READONLY', `cannot write ${path}: it or its folder is read-only`, {
      cause: error,
    })
  }
}

/** SQLite keeps the log of a database beside the file itself, not beside a link to it. */
function withoutLink(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path
  } catch {
    // Said when it is opened.
    return path
  }
}

function open(given: string, options: OpenReadOnlyOptions): Opened {
  const path = withoutLink(given)
  const held = holdFile(path)
  try {
    return openHeld(path, held, options)
  } catch (error) {
    held.release()
    throw toStateError(error, path)
  }
}

function openHeld(path: string, held: HeldFile, { onNotice, functions = {} }: OpenReadOnlyOptions): Opened {
  const header = readHeader(path, held)
  // Before the files are looked at, so that a change in between shows.
  const fingerprint = fingerprintOf(path)
  const identity = identityOf(path)
  const access = chooseAccess(path, header)
  try {
    if (access === 'still') {
      const driver = openImmutable(path, functions, held)
      if (driver) return { driver, held, fingerprint, identity }
    }
    if (access === 'live') {
      held.lock()
      const driver = openWithBetterSqlite(path, functions)
      return { driver, held, fingerprint: undefined, identity }
    }
  } catch (error) {
    const cannotReadInPlace = ['SQLITE_CANTOPEN', 'SQLITE_READONLY_DIRECTORY', 'SQLITE_READONLY_RECOVERY']
    if (!cannotReadInPlace.includes((error as { code?: string }).code ?? '')) throw error
  }
  const driver = openCopy(path, functions, held)
  const reason =
    access === 'still'
      ? 'it takes Node 22.13 to read it in place without a trace'
      : 'its write-ahead log cannot be read in place'
  onNotice?.(`reading a private copy of ${path}: ${reason}`)
  return { driver, held, fingerprint, identity }
}

/** How much `openReadOnly` would copy to read the database; 0 where it need not, or would fail. */
export function bytesToCopy(given: string): number {
  const path = withoutLink(given)
  try {
    const held = holdFile(path)
    try {
      if (chooseAccess(path, readHeader(path, held)) !== 'copy') return 0
    } finally {
      held.release()
    }
  } catch {
    return 0
  }
  return sizeOf(path) + sizeOf(`${path}-wal`) + sizeOf(`${path}-journal`)
}

function chooseAccess(path: string, header: Buffer): Access {
  const isWal = header.length > 19 && header[18] === 2
  if (!isWal) return sizeOf(`${path}-journal`) > 0 ? 'copy' : 'live'
  if (existsSync(`${path}-wal`) && existsSync(`${path}-shm`)) return 'live'
  return sizeOf(`${path}-wal`) > 0 ? 'copy' : 'still'
}

type Functions = NonNullable<OpenReadOnlyOptions['functions']>

function openWithBetterSqlite(path: string, functions: Functions, readonly = true): Driver {
  const database = new Database(path, { readonly, fileMustExist: true })
  // Windows are read once: 16 MB for each connection, the default here, buys no time.
  database.pragma('cache_size = -2000')
  for (const [name, run] of Object.entries(functions)) {
    database.function(name, { deterministic: true }, (value: unknown) => run(value as SqlValue))
  }
  const prepare = cachedBySql((sql) => database.prepare<SqlValue[]>(sql))
  const driver: Driver = {
    all: (sql, params) => prepare(sql).all(...params),
    get: (sql, params) => prepare(sql).get(...params),
    exec: (sql) => void database.exec(sql),
    close: () => database.close(),
  }
  return provenReadable(driver)
}

/**
 * better-sqlite3 is built without URI names, so `immutable=1` needs Node's own SQLite.
 * `undefined` on a Node that has it behind a flag (22.12).
 */
function openImmutable(path: string, functions: Functions, held: HeldFile): Driver | undefined {
  const sqlite = loadNodeSqlite()
  if (!sqlite) return undefined
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  const database = new sqlite.DatabaseSync(url, { readOnly: true })
  for (const [name, run] of Object.entries(functions)) database.function(name, { deterministic: true }, run)
  const prepare = cachedBySql((sql) => database.prepare(sql))
  const driver: Driver = {
    all: (sql, params) => {
      const statement = prepare(sql)
      return roundingBigInts(statement, () => statement.all(...params).map(fromNodeRow))
    },
    get: (sql, params) => {
      const statement = prepare(sql)
      return roundingBigInts(statement, () => fromNodeRow(statement.get(...params)))
    },
    exec: (sql) => database.exec(sql),
    // Another SQLite than the one that locks: it closes its descriptor without regard to that.
    close: () => held.defer(() => database.close()),
  }
  return provenReadable(driver)
}

function loadNodeSqlite(): typeof import('node:sqlite') | undefined {
  // Node 22 prints an "experimental" warning when the module is loaded; it is no news to a user of this tool.
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Node's driver refuses integers above 2^53 where better-sqlite3 rounds them: round here too. */
function roundingBigInts<T>(statement: { setReadBigInts(on: boolean): void }, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_OUT_OF_RANGE') throw error
    statement.setReadBigInts(true)
    try {
      return read()
    } finally {
      statement.setReadBigInts(false)
    }
  }
}

function fromNodeRow(row: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (row === undefined) return undefined
  for (const key in row) {
    const value = row[key]
    if (typeof value === 'bigint') row[key] = Number(value)
    else if (value instanceof Uint8Array) row[key] = Buffer.from(value.buffer, value.byteOffset, value.length)
  }
  return row
}

/** Copies the database with its log to a private folder, which goes when the connection is closed. */
function openCopy(path: string, functions: Functions, held: HeldFile): Driver {
  const folder = mkdtempSync(join(process.getBuiltinModule('node:os').tmpdir(), 'codex-state-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const discard = () => {
    process.removeListener('exit', remove)
    remove()
  }
  try {
    const copy = join(folder, basename(path))
    copyHeld(held, copy)
    for (const suffix of ['-wal', '-journal']) {
      if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix, constants.COPYFILE_FICLONE)
    }
    // Read-write, so that SQLite may roll back a hot journal: in the copy.
    const driver = openWithBetterSqlite(copy, functions, false)
    return {
      ...driver,
      close() {
        driver.close()
        discard()
      },
    }
  } catch (error) {
    discard()
    throw error
  }
}

/** `copyFile` would open and close the file. */
function copyHeld(held: HeldFile, target: string): void {
  const descriptor = openSync(target, 'wx', 0o600)
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES)
    for (let position = 0; ; ) {
      const length = held.read(buffer, position)
      if (length === 0) return
      for (let written = 0; written < length; ) {
        written += writeSync(descriptor, buffer, written, length - written)
      }
      position += length
    }
  } finally {
    closeSync(descriptor)
  }
}

const COPY_BYTES = 1024 * 1024

/** SQLite opens lazily: the first read is where a bad file shows. */
function provenReadable(driver: Driver): Driver {
  try {
    driver.get('SELECT count(*) AS n FROM sqlite_schema', [])
    return driver
  } catch (error) {
    driver.close()
    throw error
  }
}

function cachedBySql<Statement>(prepare: (sql: string) => Statement): (sql: string) => Statement {
  const statements = new Map<string, Statement>()
  return (sql) => {
    let statement = statements.get(sql)
    if (!statement) {
      statement = prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
}

function readHeader(path: string, held: HeldFile): Buffer {
  const header = Buffer.alloc(100)
  const length = held.read(header, 0)
  if (length > 0 && !header.subarray(0, 16).equals(SQLITE_MAGIC)) {
    throw new StateError('DB_NOT_A_DATABASE', `${path} is not an SQLite database`)
  }
  return header.subarray(0, length)
}

const SQLITE_MAGIC = Buffer.from('SQLite format 3\0', 'latin1')

/** Writers commit every few seconds while Codex is at work. */
const AT_WORK_MS = 2000

/** Whether a writer has committed just now. */
export function isBeingWritten(path: string, nowMs: number): boolean {
  const wal = statSync(`${withoutLink(path)}-wal`, { throwIfNoEntry: false })
  return wal !== undefined && wal.size > 0 && nowMs - wal.mtimeMs < AT_WORK_MS
}

/** Changes whenever a writer changed the main file, or opened it in WAL mode. */
function fingerprintOf(path: string): string {
  const main = statSync(path, { bigint: true, throwIfNoEntry: false })
  return [
    main && `${main.dev}:${main.ino}:${main.size}:${main.mtimeNs}`,
    sizeOf(`${path}-wal`),
    existsSync(`${path}-shm`),
    sizeOf(`${path}-journal`),
  ].join('|')
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
