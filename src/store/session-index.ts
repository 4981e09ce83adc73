import { closeSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { StateError } from '../errors.js'
import { NEWLINE } from '../model/bytes.js'

const FILE = 'session_index.jsonl'

/**
 * Appends the name of a thread to `session_index.jsonl`, which all releases read. A line that another program left
 * without its end is ended first: glued together, both would be lost.
 *
 * @throws {StateError} `DB_READONLY`
 */
export function appendSessionName(
  codexHome: string,
  { id, name, atMs }: { id: string; name: string; atMs: number },
): void {
  const path = join(codexHome, FILE)
  const line = { id, thread_name: name, updated_at: new Date(atMs).toISOString() }
  try {
    // Opening a named pipe would wait for a reader.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new Error('it is not a file')
    const fd = openSync(path, 'a+')
    try {
      const text = `${endsInLine(fd) ? '' : '\n'}${JSON.stringify(line)}\n`
      const bytes = Buffer.from(text)
      // One write, so that two processes do not mix their lines.
      if (writeSync(fd, bytes) !== bytes.length) throw new Error('the disk is full')
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw new StateError('DB_READONLY', `cannot write ${path}: ${(error as Error).message}`, { cause: error })
  }
}

function endsInLine(fd: number): boolean {
  const { size } = fstatSync(fd)
  if (size === 0) return true
  const last = Buffer.alloc(1)
  readSync(fd, last, 0, 1, size - 1)
  return last[0] === NEWLINE
}
