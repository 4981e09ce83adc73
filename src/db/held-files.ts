import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { StateError } from '../errors.js'
import { idOf } from './files.js'

interface OpenFile {
  /** How many connections of this thread hold the file, and how many of those lock it. */
  holdCount: number
  lockCount: number
  descriptors: number[]
  /** What was to be closed while the file was locked. */
  deferred: (() => void)[]
  /** Of another thread, whose locks are not counted here. */
  isBorrowed: boolean
}

/**
 * The database files that this thread has open, by device and inode.
 *
 * When a process closes any descriptor of a file, POSIX drops every lock that the process holds on it, also those
 * of connections that stay open (https://www.sqlite.org/howtocorrupt.html, 2.2). Another process then takes itself
 * for the last user of the database, deletes the log, and what we write goes into a deleted file. SQLite keeps its
 * own descriptors open for that reason; of ours, and of those of a second SQLite in the process (`node:sqlite`),
 * it knows nothing. So every connection holds its file here, and a descriptor is closed only when there are no
 * locks that could be lost by it.
 */
const openFiles = new Map<string, OpenFile>()

/** Whether the files of another thread are read, and no others. */
let isBorrower = false

/** A connection's hold on its file. */
export interface HeldFile {
  /** Its device and inode: no other file has them while this one is open. */
  readonly id: string
  /**
   * Reads from `position` on; gives the number of bytes that were there.
   *
   * @throws {StateError} `DB_NOT_FOUND`, `DB_UNREADABLE`, `DB_REPLACED`
   */
  read(buffer: Uint8Array, position: number): number
  /** Whether its path still leads to it; where that cannot be seen, it is taken to. */
  isInPlace(): boolean
  /** To be called before the connection locks the file for the first time. */
  lock(): void
  /** For what would drop the locks of others: it is called after `release`, when there are none. */
  defer(close: () => void): void
  /** To be called when the connection is closed. */
  release(): void
}

/**
 * Holds a file for a connection that is about to be opened, or was opened just now.
 *
 * @throws {StateError} `DB_NOT_FOUND`, `DB_UNREADABLE`; in a worker that borrows its files, `DB_REPLACED`
 */
export function holdFile(path: string): HeldFile {
  const id = identify(path)
  if (isBorrower && !openFiles.has(id)) throw replaced(path)
  const file = openFiles.get(id) ?? createOpenFile()
  openFiles.set(id, file)
  file.holdCount += 1
  let ownLocks = 0
  return {
    id,
    read(buffer, position) {
      const descriptor = file.descriptors[0] ?? openDescriptor(path, id)
      try {
        return readSync(descriptor, buffer, 0, buffer.length, position)
      } catch (error) {
        throw unreadable(path, error)
      }
    },
    isInPlace() {
      try {
        const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
        return stat !== undefined && idOf(stat) === id
      } catch {
        return true
      }
    },
    lock() {
      ownLocks = 1
      file.lockCount += 1
    },
    defer(close) {
      file.deferred.push(close)
    },
    release() {
      file.holdCount -= 1
      file.lockCount -= ownLocks
      if (file.isBorrowed || file.lockCount > 0) return
      for (const closeDeferred of file.deferred.splice(0)) closeDeferred()
      if (file.holdCount > 0) return
      for (const descriptor of file.descriptors) closeSync(descriptor)
      openFiles.delete(id)
    },
  }
}

/** A descriptor that another thread of the process can use, but not close. */
export interface LentFile {
  id: string
  descriptor: number
}

/** For a worker thread that is to read what this one has open: these files stay open until the worker has ended. */
export function lendFiles(): LentFile[] {
  return [...openFiles].flatMap(([id, { descriptors }]) =>
    descriptors.slice(0, 1).map((descriptor) => ({ id, descriptor })),
  )
}

/** In a worker thread, before it opens a database: from then on it can open these, and no others. */
export function borrowFiles(lent: readonly LentFile[]): void {
  isBorrower = true
  for (const { id, descriptor } of lent) {
    openFiles.set(id, { ...createOpenFile(), descriptors: [descriptor], isBorrowed: true })
  }
}

function createOpenFile(): OpenFile {
  return { holdCount: 0, lockCount: 0, descriptors: [], deferred: [], isBorrowed: false }
}

/** Opens what is at the path for reading, and keeps it with the file that it is. */
function openDescriptor(path: string, expectedId: string): number {
  let descriptor: number
  try {
    // A pipe that somebody put there does not keep us waiting for who writes into it.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    throw unreadable(path, error)
  }
  const id = idOf(fstatSync(descriptor, { bigint: true }))
  const file = openFiles.get(id)
  if (file) file.descriptors.push(descriptor)
  else closeSync(descriptor)
  if (id !== expectedId) throw replaced(path)
  return descriptor
}

/** @throws {StateError} `DB_NOT_FOUND`, `DB_UNREADABLE` */
function identify(path: string): string {
  try {
    const stat = statSync(path, { bigint: true })
    if (!stat.isFile()) {
      const reason = stat.isDirectory() ? 'it is a folder' : 'it is not a file'
      throw new StateError('DB_UNREADABLE', `cannot read ${path}: ${reason}`)
    }
    accessSync(path, constants.R_OK)
    return idOf(stat)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function replaced(path: string): StateError {
  return new StateError('DB_REPLACED', `${path} was replaced by another file while it was read`)
}

function unreadable(path: string, error: unknown): StateError {
  if (error instanceof StateError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new StateError('DB_NOT_FOUND', `no database at ${path}`, { cause: error })
  }
  const reason = code === 'EACCES' ? 'permission denied' : String(code)
  return new StateError('DB_UNREADABLE', `cannot read ${path}: ${reason}`, { cause: error })
}
