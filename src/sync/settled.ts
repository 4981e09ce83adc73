import { statSync } from 'node:fs'
import { normalizePath } from '../model/paths.js'
import { readThreadFiles } from '../query/threads/find.js'
import type { RolloutFile } from '../rollout/list.js'
import type { SyncTarget } from './target.js'

/**
 * The rollouts that the database may not have right: without a row of that path and thread, with one that is
 * older than the file or archived where the file is not. In a database that nobody else writes to the others need
 * not be read again. Times are compared in whole seconds, as all layouts have them.
 */
export function selectUnsettled({ threads }: SyncTarget, files: readonly RolloutFile[]): RolloutFile[] {
  const rows = readThreadFiles(threads)
  return files.filter(({ path, root, name }) => {
    const row = rows.get(normalizePath(path.replace(/\.zst$/, '')))
    if (!row) return true
    if (row.isArchived !== (root === 'archived_sessions')) return true
    if (name?.threadId !== row.id) return true
    const modifiedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    return Math.floor(modifiedMs / 1000) > row.updatedAtSeconds
  })
}
