import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { StateError } from '../errors.js'
import type { SqlValue, WriteConnection } from './connection.js'
import { cachedBySql } from './driver.js'
import { type HeldFile, holdFile } from './held-files.js'
import { toStateError } from './sqlite-error.js'

/** How long a writer waits for another one's lock, and gives up with `DB_BUSY`: as Codex does. */
export const BUSY_TIMEOUT_MS = 5000

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
  const { database, held } = connection
  /** Codex to 0.130 removes databases of other generations: what is written to one that is gone is lost without a word. */
  const proveInPlace = () => {
    if (database.inTransaction || held.isInPlace()) return
    throw new StateError('DB_REPLACED', `${path} was removed or replaced while it was open`, {
      hint: 'Nothing was written. Close it, and open the one that is there now.',
    })
  }
  const write = <T>(work: () => T): T =>
    guard(() => {
      proveInPlace()
      return work()
    })
  try {
    guard(() => {
      if (create) database.pragma('journal_mode = WAL')
      const isWal = database.pragma('journal_mode', { simple: true }) === 'wal'
      // Safe only in WAL mode: there a power cut can lose the last transactions, but damages nothing.
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
    isPrivateCopy: false,
    all: <Row>(sql: string, ...params: SqlValue[]) => guard(() => prepare(sql).all(...params) as Row[]),
    get: <Row>(sql: string, ...params: SqlValue[]) =>
      guard(() => prepare(sql).get(...params) as Row | undefined),
    map: <Row, Result>(sql: string, params: SqlValue[], take: (row: Row) => Result) =>
      guard(() => Array.from(prepare(sql).iterate(...params), (row) => take(row as Row))),
    run: (sql, ...params) => write(() => prepare(sql).run(...params).changes),
    exec: (sql) => write(() => void database.exec(sql)),
    version: () => guard(() => String(database.pragma('data_version', { simple: true }))),
    snapshot: (work) => guard(() => database.transaction(work).deferred()),
    transaction: (work) => write(() => database.transaction(work).immediate()),
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
