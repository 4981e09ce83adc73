import { closeSync, mkdtempSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Zip, ZipDeflate } from 'fflate'
import { StateError } from '../errors.js'
import { attemptWrite, createFinalFile, type FinalFile, refuseFolder } from './export/final-file.js'

/** Several files that appear as one folder, or as one ZIP file, when all of them are whole, and not before. */
export interface FinalFolder {
  /** Gives a file below it, opened for writing; the caller closes it. */
  openPart(name: string): number
  /** Gives the folder, or the ZIP file of these parts in this order, its name. */
  commit(names: readonly string[]): void
  /** Removes what was written; does nothing after `commit`. */
  discard(): void
}

export interface FinalFolderOptions {
  /** The time of all files in a ZIP file. */
  readonly modifiedAtMs: number
}

/**
 * Gathers files beside the path that is asked for: one that ends in `.zip` becomes a ZIP file and replaces one that
 * had the name, any other a folder, which must not be there.
 *
 * @throws {StateError} `USAGE` when nothing can be written there
 */
export function createFinalFolder(path: string, { modifiedAtMs }: FinalFolderOptions): FinalFolder {
  const isZip = path.toLowerCase().endsWith('.zip')
  if (isZip) refuseFolder(path)
  const scratch = attemptWrite(path, () => mkdtempSync(join(dirname(path), `.${basename(path)}.part-`)))
  let isThere = true

  function discard(): void {
    if (isThere) rmSync(scratch, { recursive: true, force: true })
    isThere = false
  }

  return {
    openPart: (name) => attemptWrite(path, () => openSync(join(scratch, name), 'wx', 0o600)),
    commit(names) {
      if (!isZip) {
        attemptWrite(path, () => renameSync(scratch, path))
        isThere = false
        return
      }
      const file = createFinalFile(path)
      try {
        writeZip(file, scratch, { names, modifiedAtMs })
        file.commit()
      } finally {
        file.discard()
        discard()
      }
    },
    discard,
  }
}

const CHUNK_BYTES = 256 * 1024

/** Sizes have 32 bits in a ZIP file as it is written here. */
const MAX_ZIP_BYTES = 0xffffffff

/** Piece by piece: a rollout may be larger than the memory. */
function writeZip(
  file: FinalFile,
  folder: string,
  { names, modifiedAtMs }: FinalFolderOptions & { names: readonly string[] },
): void {
  const zip = new Zip((error, bytes) => {
    if (error) throw error
    file.write(bytes)
  })
  const buffer = Buffer.alloc(CHUNK_BYTES)
  for (const name of names) {
    const entry = new ZipDeflate(name, { level: 6 })
    entry.mtime = modifiedAtMs
    zip.add(entry)
    const descriptor = openSync(join(folder, name), 'r')
    try {
      let total = 0
      for (let length = -1; length !== 0; ) {
        length = readSync(descriptor, buffer)
        total += length
        if (total > MAX_ZIP_BYTES) {
          throw new StateError('USAGE', `${name} is larger than 4 GiB, which a ZIP file cannot hold here`, {
            hint: 'Name a folder instead.',
          })
        }
        // The last piece is empty; fflate keeps what it is given.
        entry.push(new Uint8Array(buffer.subarray(0, length)), length === 0)
      }
    } finally {
      closeSync(descriptor)
    }
  }
  zip.end()
}
