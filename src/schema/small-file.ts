import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { explainFileError, isMissing } from '../model/file-error.js'

export type SmallFile =
  | { kind: 'missing' }
  /** `reason`: in words that follow "cannot read …: ". */
  | { kind: 'unreadable'; reason: string }
  /** `isCut`: there is more before these bytes. */
  | { kind: 'read'; bytes: Buffer; isCut: boolean }

/**
 * The end of a file that is small in every healthy home, at most `maxBytes` of it. What people put in its place (a
 * named pipe, a folder, gigabytes) neither stops the program nor fills its memory.
 */
export function readSmallFile(path: string, maxBytes: number): SmallFile {
  let fd: number
  try {
    // Without O_NONBLOCK the opening of a named pipe waits for a writer.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    return isMissing(error) ? { kind: 'missing' } : { kind: 'unreadable', reason: explainFileError(error) }
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) {
      return {
        kind: 'unreadable',
        reason: stats.isDirectory() ? 'it is a folder' : 'it is not a regular file',
      }
    }
    const start = Math.max(0, stats.size - maxBytes)
    const bytes = Buffer.alloc(stats.size - start)
    const length = readSync(fd, bytes, 0, bytes.length, start)
    return { kind: 'read', bytes: bytes.subarray(0, length), isCut: start > 0 }
  } catch (error) {
    return { kind: 'unreadable', reason: explainFileError(error) }
  } finally {
    closeSync(fd)
  }
}
