import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { StateError } from '../errors.js'
import type { Driver, SqlFunctions } from './driver.js'
import type { HeldFile } from './held-files.js'
import { openOwn, openShared } from './locking-driver.js'
import { isRunning } from './running.js'

/** Folders of copies: the machine, since several can share a temporary folder, and the process that made it. */
const FOLDER_NAME = /^codex-state-copy-(.*)-(\d+)-\w{6}$/

/**
 * Copies a database with its log to a folder of our own and opens the copy. On systems that let go of the names of
 * open files, these are removed at once: nothing is left however the process ends. What a process left that ended
 * while it copied is removed by the next one that copies.
 */
export function openPrivateCopy(path: string, functions: SqlFunctions, held: HeldFile): Driver {
  const { hostname, tmpdir } = process.getBuiltinModule('node:os')
  const parent = tmpdir()
  const machine = hostname().replaceAll(/[^\w.-]/g, '_')
  sweep(parent, machine)
  const letSignalsIn = holdSignals()
  try {
    const folder = writing(path, parent, () =>
      mkdtempSync(join(parent, `codex-state-copy-${machine}-${process.pid}-`)),
    )
    const remove = () => rmSync(folder, { recursive: true, force: true })
    try {
      const copy = join(folder, basename(path))
      const copyPart = (suffix: string, read: Read) =>
        writing(path, parent, () => copyBytes(read, copy + suffix))
      copyPart('', held.read)
      const [, hasJournal] = ['-wal', '-journal'].map((suffix) =>
        reading(path + suffix, (read) => copyPart(suffix, read)),
      )
      const driver = hasJournal ? openOwn(copy, functions) : openShared(copy, functions)
      return { ...driver, close: removeNow(remove, driver.close) }
    } catch (error) {
      remove()
      throw error
    }
  } finally {
    letSignalsIn()
  }
}

/** Removes the files of an open copy; gives what is to be called to close it. */
function removeNow(remove: () => void, close: () => void): () => void {
  try {
    remove()
    return close
  } catch {
    // Windows keeps the names of files that are open.
    process.once('exit', remove)
    return () => {
      close()
      process.removeListener('exit', remove)
      remove()
    }
  }
}

type Read = (buffer: Uint8Array, position: number) => number

const COPY_BYTES = 1024 * 1024

function copyBytes(read: Read, target: string): void {
  const descriptor = openSync(target, 'wx', 0o600)
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES)
    for (let position = 0; ; ) {
      const length = read(buffer, position)
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

/** Reads a file beside the database, on which SQLite has no locks; gives whether it is there. */
function reading(path: string, copy: (read: Read) => void): boolean {
  const readingIt = <T>(read: () => T): T => {
    try {
      return read()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const reason = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : code
      throw new StateError('DB_UNREADABLE', `cannot read ${path}: ${reason}`, { cause: error })
    }
  }
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat?.isFile()) return false
  const descriptor = readingIt(() => openSync(path, 'r'))
  try {
    copy((buffer, position) => readingIt(() => readSync(descriptor, buffer, 0, buffer.length, position)))
    return true
  } finally {
    closeSync(descriptor)
  }
}

const REASONS: Record<string, string> = {
  ENOSPC: 'no space is left there',
  EDQUOT: 'no more may be stored there',
  EFBIG: 'a file there may not become that large',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'it is no folder',
  EACCES: 'it may not be written',
  EPERM: 'it may not be written',
  EROFS: 'it may not be written',
}

/** @throws {StateError} `DB_UNREADABLE` */
function writing<T>(path: string, folder: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (error instanceof StateError) throw error
    const { code = '' } = error as NodeJS.ErrnoException
    throw new StateError(
      'DB_UNREADABLE',
      `cannot read ${path} in place, nor copy it to ${folder}: ${REASONS[code] ?? code}`,
      { cause: error, hint: 'Name a temporary folder with room for it in TMPDIR.' },
    )
  }
}

/** Removes the folders of processes of this machine that are no more. */
function sweep(parent: string, machine: string): void {
  try {
    for (const name of readdirSync(parent)) {
      const [, owner, pid] = FOLDER_NAME.exec(name) ?? []
      if (owner !== machine || pid === undefined || isRunning(Number(pid))) continue
      const folder = join(parent, name)
      const stat = lstatSync(folder)
      if (stat.isDirectory() && stat.uid === (process.getuid?.() ?? stat.uid)) {
        rmSync(folder, { recursive: true, force: true })
      }
    }
  } catch {
    // Not ours to list or to remove; whether a copy can be made is said below.
  }
}

/**
 * Keeps a signal from ending the process while files are copied, which it would leave behind; a signal that came then
 * ends it as soon as it can be seen. Gives what is to be called when they are gone.
 */
function holdSignals(): () => void {
  let caught: NodeJS.Signals | undefined
  const catchSignal = (signal: NodeJS.Signals) => {
    caught ??= signal
  }
  // Who listens already lets no signal end the process.
  const signals = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).filter(
    (name) => process.listenerCount(name) === 0,
  )
  for (const name of signals) process.on(name, catchSignal)
  return () => {
    // Signals that came meanwhile are handed out before.
    setImmediate(() => {
      for (const name of signals) process.removeListener(name, catchSignal)
      if (caught) process.kill(process.pid, caught)
    })
  }
}
