import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * Every file below a folder with the digest of its bytes. The bytes of a `-shm` are left out: they are lock
 * marks that any reader of a live database sets.
 */
export function describeFolder(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.map((entry) => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(files.map((path) => [relative(folder, path), describeFile(path)]))
}

function describeFile(path: string): string {
  const stat = lstatSync(path)
  if (!stat.isFile()) return 'not a file'
  if (path.endsWith('-shm')) return 'lock marks'
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
  return `${stat.mode.toString(8)} ${stat.mtimeMs} ${digest}`
}
