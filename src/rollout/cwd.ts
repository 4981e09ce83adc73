import { realpathSync } from 'node:fs'
import { isAbsolute } from 'node:path'

/**
 * A cwd as Codex stores it from 0.108 in a backfill, and from 0.99 elsewhere: canonical where the folder exists
 * on this machine, and without Windows' verbatim prefix.
 */
export function normalizeCwd(cwd: string): string {
  return stripVerbatimPrefix(isAbsolute(cwd) ? canonicalize(cwd) : cwd)
}

function canonicalize(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    // Gone, or of another machine: the text is all there is.
    return path
  }
}

function stripVerbatimPrefix(path: string): string {
  return path.replace(/^\\\\\?\\UNC\\/, '\\\\').replace(/^\\\\\?\\(?=[A-Za-z]:)/, '')
}
