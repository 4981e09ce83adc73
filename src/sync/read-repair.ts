import { StateError } from '../errors.js'
import { isSamePath } from '../model/paths.js'
import type { FindThreadPathOptions, SyncFailure } from '../model/sync.js'
import type { ThreadMetadata } from '../model/thread.js'
import { findRolloutPath, findThread } from '../query/threads/find.js'
import { normalizeCwd } from '../rollout/cwd.js'
import { extractRollout } from '../rollout/extract.js'
import { indexRollouts, type LocateProblem, locateRollout, rootsOf } from '../rollout/locate.js'
import { repairThread } from '../store/threads.js'
import { storeRollouts } from './backfill.js'
import { extractSettings, type OnDiscrepancy, type SyncTarget } from './target.js'

export interface ReadRepairOptions {
  defaultProvider: string
  onDiscrepancy: OnDiscrepancy
  /** Called when a row could not be repaired; what was read is still right. */
  onFailure?: ((failure: SyncFailure) => void) | undefined
}

const FIND_STAGE = 'find_thread_path_by_id_str_in_subdir'
const REPAIR_STAGE = 'read_repair_rollout_path'

/**
 * The rollout on disk of a thread, plain or compressed: that of its row if the file is there and says that it is
 * this thread's, whatever its name; else one that is named after the thread and says so, and the row is repaired.
 * A row's file that does not say whose it is, is the last resort; one of another thread is never given.
 *
 * @throws {StateError} `ABORTED`
 */
export async function findThreadPath(
  target: SyncTarget,
  id: string,
  options: FindThreadPathOptions & ReadRepairOptions,
): Promise<string | undefined> {
  const { archivedOnly, onDiscrepancy, signal } = options
  const recordedPath = findRolloutPath(target.threads, id, archivedOnly)
  let isHidden = false
  const onProblem = (problem: LocateProblem) => {
    if (problem.kind === 'hidden') isHidden = true
    if (problem.kind === 'missing') onDiscrepancy(FIND_STAGE, 'stale_db_path')
    if (problem.kind === 'otherThread' && problem.isRecorded) onDiscrepancy(FIND_STAGE, 'mismatched_db_path')
  }
  const index = () => indexRollouts(target.codexHome, { roots: rootsOf(archivedOnly), signal })
  const found = await locateRollout({ codexHome: target.codexHome, id, recordedPath, index, onProblem })
  if (!found || found.foundBy === 'unverified') return found?.path
  const isRecorded = recordedPath !== undefined && isSamePath(found.path.replace(/\.zst$/, ''), recordedPath)
  // What cannot be seen here may be the thread's own file all the same: its row stays.
  if (!isRecorded && !isHidden) {
    onDiscrepancy(FIND_STAGE, 'falling_back')
    await repairRow(target, id, found, options)
  }
  return found.path
}

/**
 * Makes the row of a thread name this file of it, and be archived or not as the file is; makes the row where
 * there is none. A read can go on without it, so a write that fails is reported and not thrown.
 */
export async function repairRow(
  target: SyncTarget,
  id: string,
  file: { path: string; isArchived: boolean },
  { defaultProvider, onDiscrepancy, onFailure }: ReadRepairOptions,
): Promise<void> {
  try {
    const row = findThread(target.threads, id)
    if (row) {
      const changes: Partial<ThreadMetadata> = {}
      const rolloutPath = file.path.replace(/\.zst$/, '')
      const cwd = normalizeCwd(row.cwd)
      const { isArchived } = file
      if (!isSamePath(row.rolloutPath, rolloutPath)) changes.rolloutPath = rolloutPath
      if (row.cwd !== cwd) changes.cwd = cwd
      if (row.isArchived !== isArchived) {
        changes.archivedAtSeconds = isArchived ? Math.floor(row.updatedAtMs / 1000) : null
      }
      if (Object.keys(changes).length === 0) return
      onDiscrepancy(REPAIR_STAGE, 'upsert_needed (fast path)')
      repairThread(target.threadTable, id, changes)
      return
    }
    onDiscrepancy(REPAIR_STAGE, 'upsert_needed (slow path)')
    const read = { result: await extractRollout(file, extractSettings(target, defaultProvider)) }
    for (const { result } of target.state.transaction(() => storeRollouts(target, [read]))) {
      if (result.kind === 'failed') onFailure?.({ path: file.path, reason: result.reason })
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onFailure?.({ path: file.path, reason: `its row could not be repaired: ${error.message}` })
  }
}

/** `findThreadPath` where there is no database to ask. */
export async function findThreadPathOnDisk(
  codexHome: string,
  id: string,
  { archivedOnly, signal }: FindThreadPathOptions,
): Promise<string | undefined> {
  const index = () => indexRollouts(codexHome, { roots: rootsOf(archivedOnly), signal })
  const found = await locateRollout({ codexHome, id, recordedPath: undefined, index, onProblem: () => {} })
  return found?.path
}
