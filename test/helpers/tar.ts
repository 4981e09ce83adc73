import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const BLOCK_BYTES = 512

/**
 * Unpacks an archive of files and folders as GNU tar writes it, with modes and times; not every machine has a tar.
 *
 * @throws {Error} for what no fixture has
 */
export function unpackTar(archive: Buffer, folder: string): void {
  let longName: string | undefined
  for (let at = 0; archive[at]; ) {
    const header = archive.subarray(at, at + BLOCK_BYTES)
    const text = (from: number, to: number) => header.toString('utf8', from, to).replace(/\0.*/s, '')
    const number = (from: number, to: number) => Number.parseInt(text(from, to), 8)
    const sizeBytes = number(124, 136)
    const begin = at + BLOCK_BYTES
    const content = archive.subarray(begin, begin + sizeBytes)
    const path = join(folder, longName ?? text(0, 100))
    longName = undefined
    const mode = number(100, 108)
    const type = text(156, 157)
    if (type === 'L') longName = content.toString().replace(/\0$/, '')
    else if (type === '5') mkdirSync(path, { recursive: true, mode })
    else if (type === '0') {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content, { mode })
      utimesSync(path, number(136, 148), number(136, 148))
    } else throw new Error(`unknown type '${type}' of ${path}`)
    at = begin + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES
  }
}
