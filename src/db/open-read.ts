import { StateError } from '../errors.js'
import { wallClockMs } from './clock.js'
import type { ReadConnection, SqlValue } from './connection.js'
import type { Driver, SqlFunctions } from './driver.js'
import {
  describeFiles,
  describeLog,
  identityOf,
  isLog,
  type Look,
  lookAt,
  sizeOf,
  withoutLink,
} from './files.js'
import { type HeldFile, holdFile } from './held-files.js'
import { openImmutable } from './immutable-driver.js'
import { openShared, removeEmptyLog } from './locking-driver.js'
import { openPrivateCopy } from './private-copy.js'
import { toStateError } from './sqlite-error.js'

/**
 * How a file is reached. A read-only connection to a database in WAL mode creates `-wal` and `-shm` where
 * they are missing (https://www.sqlite.org/wal.html, "Read-Only Databases"), and a reader here creates nothing:
 * - `shared`: both are there, or the database is not in WAL mode: an ordinary read-only connection;
 * - `still`: there is no WAL to read, so the main file is complete: opened as immutable;
 * - `copy`: a WAL or a hot journal that cannot be read in place: a private copy is read, as it is of a `still`
 *   one where the driver for that is missing.
 */
type Access = 'shared' | 'still' | 'copy'

interface Opened {
  /** No two in this process are the same. */
  id: number
  driver: Driver
  held: HeldFile
  /** Only what is shared can be written to by others while it is open. */
  access: Access
  /** Whether what is read may no longer be what the files are. */
  isStale(): boolean
  /** Another file under the same name is not what was opened. */
  identity: string
}

export interface OpenReadOnlyOptions {
  /** Called with a one-line message when the file could only be read through a copy. */
  onNotice?: (text: string) => void
  /** SQL functions of our own, by name: pure, of one argument. */
  functions?: SqlFunctions
  /** Reads only what the main file holds, as if there were no log beside it. */
  ignoresLog?: boolean
}

const MAX_ATTEMPTS = 20

/**
 * Opens an existing database for reading. Creates, changes and deletes nothing beside it; only the lock bytes
 * in an existing `-shm` are used, as any reader must.
 *
 * A writer may start, end or replace files at any time: each read is checked against the files' state
 * afterwards, and repeated on a fresh connection if they changed in a way that SQLite does not see by itself.
 *
 * @throws {StateError} `DB_NOT_FOUND`, `DB_NOT_A_DATABASE`, `DB_UNREADABLE`; reads throw `DB_CORRUPT`,
 *   `DB_NO_TABLE`, `DB_BUSY`, `DB_UNREADABLE`
 */
export function openReadOnly(path: string, options: OpenReadOnlyOptions = {}): ReadConnection {
  let opened: Opened | undefined = open(path, options)
  const { identity } = opened
  let isInSnapshot = false

  function read<T>(run: (driver: Driver) => T): T {
    let failure: unknown
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      opened ??= open(path, options)
      if (opened.identity !== identity) {
        throw new StateError('DB_REPLACED', `${path} was replaced by another file while it was read`)
      }
      failure = undefined
      let result: T | undefined
      try {
        result = run(opened.driver)
      } catch (error) {
        failure = error
      }
      if (isInSnapshot || !(opened.isStale() || cannotReadInPlace(failure))) {
        if (failure !== undefined) throw toStateError(failure, path)
        return result as T
      }
      close()
    }
    if (failure !== undefined) throw toStateError(failure, path)
    throw new StateError('DB_BUSY', `${path} changed under every one of ${MAX_ATTEMPTS} attempts to read it`)
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
    get isPrivateCopy() {
      return opened?.access === 'copy'
    },
    all: <Row>(sql: string, ...params: SqlValue[]) => read((driver) => driver.all(sql, params) as Row[]),
    get: <Row>(sql: string, ...params: SqlValue[]) =>
      read((driver) => driver.get(sql, params) as Row | undefined),
    map: <Row, Result>(sql: string, params: SqlValue[], take: (row: Row) => Result) =>
      read((driver) => driver.map(sql, params, (row) => take(row as Row))),
    snapshot,
    version: () =>
      read((driver) => `${opened?.id} ${opened?.access === 'shared' ? countCommits(driver) : ''}`),
    close,
  }
}

/** SQLite counts for each connection the commits of others that it notices. */
function countCommits(driver: Driver): number {
  return (driver.get('PRAGMA data_version', []) as { data_version: number }).data_version
}

let openedCount = 0

/**
 * Opens the database as its files are now. While Codex starts or ends, they pass through states in which they
 * cannot be read, or look as after a crash: what fails is believed only when nothing changed meanwhile.
 */
function open(given: string, options: OpenReadOnlyOptions): Opened {
  const path = withoutLink(given)
  let seen = ''
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const look = lookAt(path)
    const held = holdFile(path)
    try {
      const access = options.ignoresLog ? 'still' : chooseAccess(path, look, held)
      // What looks as after a crash is looked at twice.
      const isSettled =
        access === 'shared' || (access === 'copy' ? describeFiles(look) === seen : !isOfThisTick(look))
      const opened = isSettled ? openAs(access, path, look, held, options) : undefined
      if (opened && !isOfNewLog(opened, path, look)) return opened
      held.release()
    } catch (error) {
      held.release()
      const isBelieved = attempt === MAX_ATTEMPTS || describeFiles(lookAt(path)) === describeFiles(look)
      if (isBelieved) throw toStateError(error, path)
    }
    seen = describeFiles(look)
    pause(Math.min(attempt * 2, LONGEST_PAUSE_MS))
  }
  throw new StateError('DB_BUSY', `${path} changed under every one of ${MAX_ATTEMPTS} attempts to open it`)
}

/**
 * Whether the log is another one than was looked at: the writer ended in between, and the connection that was opened,
 * which is closed, made it. Then it is removed.
 */
function isOfNewLog({ driver, access }: Opened, path: string, before: Look): boolean {
  if (access === 'copy') return false
  const after = lookAt(path)
  if (describeLog(after) === describeLog(before)) return false
  driver.close()
  const { log } = after
  if (log?.size === 0 && log.identity !== before.log?.identity) removeEmptyLog(path)
  return true
}

function openAs(
  access: Access,
  path: string,
  look: Look,
  held: HeldFile,
  { onNotice, functions = {}, ignoresLog }: OpenReadOnlyOptions,
): Opened {
  openedCount += 1
  const id = openedCount
  const identity = identityOf(path)
  const isChanged = () => describeFiles(lookAt(path)) !== describeFiles(look)
  let reason = describeReason(access, look)
  try {
    if (access === 'still') {
      const driver = openImmutable(path, functions, held)
      if (driver) return { id, driver, held, access, isStale: isChanged, identity }
      if (ignoresLog)
        throw new StateError('DB_UNREADABLE', `Node 22.13 or newer is needed to read ${path} without its log`)
    }
    if (access === 'shared') {
      held.lock()
      const driver = openShared(path, functions)
      const isStale = () => {
        const now = lookAt(path)
        // Once another file has its name, what lies beside that says nothing of the one that is read.
        return now.main?.id === look.main?.id && describeLog(now) !== describeLog(look)
      }
      return { id, driver, held, access, isStale, identity }
    }
  } catch (error) {
    if (!cannotReadInPlace(error)) throw error
    reason = describeReason('copy', look)
  }
  const driver = openPrivateCopy(path, functions, held)
  onNotice?.(`reading a private copy of ${path}: ${reason}`)
  return { id, driver, held, access: 'copy', isStale: isChanged, identity }
}

function cannotReadInPlace(error: unknown): boolean {
  return IN_PLACE_FAILURES.includes((error as { code?: string } | undefined)?.code ?? '')
}

const IN_PLACE_FAILURES = [
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY_DIRECTORY',
  'SQLITE_READONLY_RECOVERY',
  'SQLITE_READONLY_ROLLBACK',
]

function describeReason(access: Access, { log }: Look): string {
  if (access === 'still') return 'it takes Node 22.13 to read it in place without a trace'
  return log
    ? 'its write-ahead log cannot be read in place'
    : 'a transaction that was broken off must be rolled back'
}

/** How much `openReadOnly` may copy to read the database; 0 where it need not, or would fail. */
export function bytesToCopy(given: string): number {
  const path = withoutLink(given)
  try {
    const look = lookAt(path)
    const held = holdFile(path)
    try {
      if (chooseAccess(path, look, held) !== 'copy' && look.journalSize === 0) return 0
    } finally {
      held.release()
    }
  } catch {
    return 0
  }
  return sizeOf(path) + sizeOf(`${path}-wal`) + sizeOf(`${path}-journal`)
}

/**
 * As SQLite does, by the files: a log that is there is used whatever the main file's header says of it.
 *
 * @throws {StateError} `DB_NOT_A_DATABASE`
 */
function chooseAccess(path: string, { main, log, logIndex, journalSize }: Look, held: HeldFile): Access {
  // Beside an empty file SQLite removes a log.
  if (main?.size === 0) return log ? 'still' : 'shared'
  const header = Buffer.alloc(HEADER_BYTES)
  held.read(header, 0)
  // Page 1 can be in the log, and be sound there.
  if (!header.subarray(0, MAGIC.length).equals(MAGIC) && !isLog(`${path}-wal`)) {
    throw new StateError('DB_NOT_A_DATABASE', `${path} is not an SQLite database`)
  }
  if (log) return logIndex ? 'shared' : log.size > 0 || journalSize > 0 ? 'copy' : 'still'
  if (header[READ_VERSION] !== VERSION_OF_WAL) return 'shared'
  return journalSize > 0 ? 'copy' : 'still'
}

// https://www.sqlite.org/fileformat.html, 1.3 and 4.1. The version for reading counts, not the one for writing.
const HEADER_BYTES = 100
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')
const READ_VERSION = 19
const VERSION_OF_WAL = 2

/** File systems stamp files by a clock that ticks this often: what comes within one tick does not show. */
const TICK_MS = 10

function isOfThisTick({ main }: Look): boolean {
  return main !== undefined && Math.abs(wallClockMs() - main.mtimeMs) <= TICK_MS
}

const LONGEST_PAUSE_MS = 20

function pause(ms: number): void {
  Atomics.wait(PAUSE, 0, 0, ms)
}

const PAUSE = new Int32Array(new SharedArrayBuffer(4))
