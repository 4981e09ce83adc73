import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
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
 * @throws {StateError} `USAGE` when it cannot be created, here and at each write (a full disk, for one)
 */
export function createFinalFile(path: string, { mode = 0o600 }: { mode?: number } = {}): FinalFile {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`)
  const descriptor = attemptWrite(path, () => openSync(aside, 'wx', mode))
  let isOpen = true
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
    },
    discard() {
      if (!isOpen) return
      close()
      try {
        unlinkSync(aside)
      } catch {
        // It is gone already, or the folder is: nothing is left to remove.
      }
    },
  }
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

/** @throws {StateError} `USAGE`, saying why the path cannot be written */
export function attemptWrite<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw new StateError('USAGE', `cannot write ${path}: ${explainWriteError(error)}`, { cause: error })
  }
}
