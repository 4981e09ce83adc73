import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { StateError } from '../../errors.js'
import { explainWriteError } from '../../model/file-error.js'

/** A file that appears under its name when it is whole, and not before. */
export interface FinalFile {
  /** How much was written so far, by whomever. */
  readonly sizeBytes: number
  /** For who writes to it in another thread. */
  readonly descriptor: number
  write(bytes: Uint8Array): void
  /** Syncs it and gives it its name, in the place of a file that had it. */
  commit(): void
  /** Removes what was written; does nothing after `commit`. */
  discard(): void
}

/**
 * Opens a file beside the one that is asked for. Its name cannot be guessed, and nothing that exists is written to.
 *
 * @throws {StateError} `USAGE` when it cannot be created or named, `OUTPUT` when there is no room for it, here and at each write
 */
export function createFinalFile(path: string, { mode = 0o600 }: { mode?: number } = {}): FinalFile {
  refuseFolder(path)
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`)
  const descriptor = attemptWrite(path, () => openSync(aside, 'wx', mode))
  let isOpen = true
  let isThere = true
  let committedBytes = 0

  function close(): void {
    if (isOpen) closeSync(descriptor)
    isOpen = false
  }

  return {
    ...openDescriptor(descriptor, path),
    get sizeBytes() {
      return isOpen ? fstatSync(descriptor).size : committedBytes
    },
    descriptor,
    commit() {
      attemptWrite(path, () => fsyncSync(descriptor))
      committedBytes = fstatSync(descriptor).size
      close()
      attemptWrite(path, () => renameSync(aside, path))
      isThere = false
    },
    discard() {
      if (!isThere) return
      close()
      isThere = false
      try {
        unlinkSync(aside)
      } catch {
        // It is gone already, or the folder is: nothing is left to remove.
      }
    },
  }
}

/** @throws {StateError} `USAGE` when a folder has the name: known only when all is written, otherwise */
export function refuseFolder(path: string): void {
  attemptWrite(path, () => {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
      throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
  })
}

/** Writing to a file that somebody else has open and will close. */
export function openDescriptor(descriptor: number, path: string): Pick<FinalFile, 'write'> {
  return {
    write(bytes) {
      attemptWrite(path, () => {
        for (let from = 0; from < bytes.length; ) from += writeSync(descriptor, bytes, from)
      })
    },
  }
}

/** Where it is no fault of the path. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'])

/** @throws {StateError} saying why the path cannot be written: `USAGE`, or `OUTPUT` where another path of that disk cannot be either */
export function attemptWrite<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    const isFull = FULL.has((error as NodeJS.ErrnoException).code ?? '')
    throw new StateError(isFull ? 'OUTPUT' : 'USAGE', `cannot write ${path}: ${explainWriteError(error)}`, {
      cause: error,
    })
  }
}
