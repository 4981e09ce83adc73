import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ReadConnection, WriteConnection } from '../db/connection.js'
import { openReadOnly } from '../db/open-read.js'
import { openReadWrite } from '../db/open-write.js'
import { isRunning } from '../db/running.js'
import { StateError } from '../errors.js'
import { listTables, readMigrations } from '../schema/inspect.js'
import { THREAD_TABLE } from '../schema/threads.js'
import { BACKUPS_FOLDER } from '../store/legacy-files.js'

/**
 * `codex-state-<number>-<time>`, and behind that what became of it. The number tells the order: a clock may be set
 * back. Copies of earlier versions have only the time, with milliseconds.
 */
const COPY_NAME = /^codex-state-(?:(\d{4,})-\d{8}T\d{6}Z|\d{8}T\d{6}\.\d{3}Z)(-[a-z-]+)?$/

const BEFORE_UNDO = '-before-undo'
const UNDONE = '-undone'

/** A copy in the making; the number is its process. */
const UNFINISHED_NAME = /^codex-state-unfinished-(\d+)$/

export interface DatabaseCopy {
  /** Of its folder in `db-backups/`. */
  name: string
  /** Of the database in it. */
  path: string
  /** Whether `--yes` made it and it was not put back yet; the others are put back only by their names. */
  isNext: boolean
}

/** The copies of this database, newest first. */
export function listCopies(databasePath: string): DatabaseCopy[] {
  const parent = join(dirname(databasePath), BACKUPS_FOLDER)
  return readNames(parent)
    .flatMap((name) => {
      const [, number, became] = COPY_NAME.exec(name) ?? []
      const path = join(parent, name, basename(databasePath))
      if (!COPY_NAME.test(name) || !existsSync(path)) return []
      return [{ name, path, isNext: became === undefined, number: Number(number ?? 0) }]
    })
    .sort((a, b) => b.number - a.number || (a.name < b.name ? 1 : -1))
    .map(({ number: _, ...copy }) => copy)
}

/**
 * Makes a consistent copy of a database that is open, and gives its path: `db-backups/codex-state-<number>-<time>/`
 * and its name, beside it. The folder has that name only when the copy is whole and on the disk.
 *
 * @throws {StateError} `DB_CORRUPT` when the database is damaged; and as every write
 */
export async function copyDatabase(state: WriteConnection, nowMs: number): Promise<string> {
  const [problem] = state.all<{ quick_check: string }>('PRAGMA quick_check(1)')
  if (problem?.quick_check !== 'ok') {
    throw new StateError('DB_CORRUPT', `${state.path} is damaged: ${problem?.quick_check}`, {
      hint: 'backfill run --into DIR builds another one from the rollouts.',
    })
  }
  return makeCopy(state, nowMs, '')
}

async function makeCopy(state: WriteConnection, nowMs: number, suffix: string): Promise<string> {
  const parent = join(dirname(state.path), BACKUPS_FOLDER)
  const original = statSync(state.path)
  makeFolder(parent, original)
  removeUnfinished(parent)
  const unfinished = join(parent, `codex-state-unfinished-${process.pid}`)
  try {
    // What is in it is nobody else's business while its mode is not yet that of the original.
    makeFolder(unfinished, original, 0o700)
    const path = join(unfinished, basename(state.path))
    await state.backup(path)
    chmodSync(path, original.mode & 0o777)
    keepOwner(path, original)
    syncFolder(unfinished)
    const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
    return join(renameToNext(parent, unfinished, `${time}${suffix}`), basename(state.path))
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    throw error
  }
}

/** Gives the folder its number: the next one that no other process took meanwhile. */
function renameToNext(parent: string, unfinished: string, rest: string): string {
  const taken = readNames(parent).map((name) => Number(COPY_NAME.exec(name)?.[1] ?? 0))
  for (let number = Math.max(0, ...taken) + 1; ; number++) {
    const folder = join(parent, `codex-state-${String(number).padStart(4, '0')}-${rest}`)
    if (existsSync(folder)) continue
    renameSync(unfinished, folder)
    syncFolder(parent)
    return folder
  }
}

/** What processes left that ended in the middle of a copy. */
function removeUnfinished(parent: string): void {
  for (const name of readNames(parent)) {
    const pid = Number(UNFINISHED_NAME.exec(name)?.[1] ?? process.pid)
    if (pid !== process.pid && !isRunning(pid)) rmSync(join(parent, name), { recursive: true, force: true })
  }
}

export interface PutBack {
  /** The copy, at the place that it has now. */
  copyPath: string
  /** What the database was before. */
  saved: DatabaseCopy
}

/**
 * Makes the database again what the copy is, in one transaction, after a copy of what it is now.
 *
 * @throws {StateError} `INVALID` when the copy is not a sound one of this database; nothing is changed then
 */
export async function putBack(databasePath: string, copy: DatabaseCopy, nowMs: number): Promise<PutBack> {
  const current = openReadWrite(databasePath)
  let savedPath: string
  try {
    const problem = findProblem(copy.path, current)
    if (problem !== undefined) {
      throw new StateError('INVALID', `${copy.path} is not put back: ${problem}`, {
        hint: 'The database stays as it is.',
      })
    }
    savedPath = await makeCopy(current, nowMs, BEFORE_UNDO)
  } finally {
    current.close()
  }
  const source = openReadWrite(copy.path)
  try {
    await source.backup(databasePath)
  } finally {
    source.close()
  }
  const saved = { name: basename(dirname(savedPath)), path: savedPath, isNext: false }
  if (!copy.isNext) return { copyPath: copy.path, saved }
  // The next undo is not to find it: it would take away what was written since.
  const usedFolder = `${dirname(copy.path)}${UNDONE}`
  renameSync(dirname(copy.path), usedFolder)
  syncFolder(dirname(usedFolder))
  return { copyPath: join(usedFolder, basename(copy.path)), saved }
}

/** Why a file is no sound copy of the database, in words that follow a colon. */
function findProblem(copyPath: string, current: ReadConnection): string | undefined {
  let copy: ReadConnection
  try {
    copy = openReadOnly(copyPath)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return error.message
  }
  try {
    const tables = listTables(copy)
    const migrations = readMigrations(copy)
    if (!tables.includes(THREAD_TABLE) || migrations.length === 0) return 'it is no state database of Codex'
    const [problem] = copy.all<{ quick_check: string }>('PRAGMA quick_check(1)')
    if (problem?.quick_check !== 'ok') return `it is damaged: ${problem?.quick_check}`
    // A Codex that was updated since has added some; the others must be the same.
    const now = new Map(readMigrations(current).map(({ version, checksum }) => [version, checksum]))
    const other = migrations.find(({ version, checksum }) => now.get(version) !== checksum)
    if (other) return `it is a copy of another database: its migration ${other.version} is not the one here`
    if (migrations.length === now.size && tables.join() !== listTables(current).join())
      return 'it is a copy of another database: it has other tables'
    return undefined
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return error.message
  } finally {
    copy.close()
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function makeFolder(folder: string, like: Stats, mode?: number): void {
  if (existsSync(folder)) return
  try {
    mkdirSync(folder, { mode })
    keepOwner(folder, like)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    throw new StateError('DB_READONLY', `cannot create the folder ${folder}: ${code}`, { cause: error })
  }
}

/** The superuser leaves nothing in somebody's home that its owner could not remove. */
function keepOwner(path: string, { uid, gid }: Stats): void {
  if (process.getuid?.() === 0 && uid !== 0) chownSync(path, uid, gid)
}

/** So that a name is there after a power cut, too; Windows has no such call for folders. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
