import { readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parseDatabaseFilename } from '../schema/files.js'

/**
 * Removes the state databases that generation `current` replaced, from the folder itself: regular files named
 * `state.sqlite` or `state_<number>.sqlite` with a lower number, and their `-wal`, `-shm` and `-journal`.
 *
 * Codex to 0.130 removed every other number, higher ones as well. A higher one is what a newer program works
 * with, so here it stays: a deliberate difference.
 *
 * A file that cannot be removed is reported and left.
 */
export function removeLegacyStateFiles(
  folder: string,
  current: number,
  onWarning: (message: string) => void,
): void {
  let entries: { name: string; isFile(): boolean }[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    onWarning(`cannot look for older state databases in ${folder}: ${(error as Error).message}`)
    return
  }
  for (const entry of entries) {
    if (!entry.isFile() || !isLegacyStateFile(entry.name, current)) continue
    const path = join(folder, entry.name)
    try {
      unlinkSync(path)
    } catch (error) {
      onWarning(`cannot remove the older state database ${path}: ${(error as Error).message}`)
    }
  }
}

function isLegacyStateFile(name: string, current: number): boolean {
  const parsed = parseDatabaseFilename(name.replace(/-(?:wal|shm|journal)$/, ''))
  return parsed?.role === 'state' && parsed.generation < current
}
