import { leaseState } from '../model/backfill.js'
import type { OpenTable } from '../query/databases.js'
import { readRows } from '../query/stored-rows.js'
import { hasThread } from '../query/threads/find.js'
import type { ThreadTable } from '../query/threads/table.js'
import { compareWatermarks, listRollouts, parseRolloutName } from '../rollout/list.js'
import { readOwner } from '../rollout/locate.js'
import { resolveRolloutFile } from '../rollout/read.js'

export const BACKFILL_VERDICTS = [
  'complete',
  'complete but unindexed',
  'running',
  'stale',
  'never ran',
  'unknown',
] as const

export interface BackfillStatus {
  /** `null` in layouts without a state of it (0.93 to 0.98, which did it once, when the file was new). */
  status: string | null
  lastWatermark: string | null
  lastSuccessSeconds: number | null
  updatedSeconds: number | null
  /** Rollouts on disk. */
  fileCount: number
  /** Those that have a row. */
  doneCount: number
  /** Without a row, and passed by the watermark: Codex does not try them again. */
  failedCount: number
  /** Without a row, still to come. */
  leftCount: number
  unreadableFolderCount: number
}

export async function readBackfillStatus(
  codexHome: string,
  state: OpenTable | undefined,
  threads: ThreadTable | undefined,
): Promise<BackfillStatus> {
  const row = state && readRows(state.connection, 'backfill_state', 'WHERE id = 1')[0]
  const lastWatermark = typeof row?.last_watermark === 'string' ? row.last_watermark : null
  const { files, unreadable } = await listRollouts(codexHome)
  let doneCount = 0
  let failedCount = 0
  for (const { path, watermark } of files) {
    const id = parseRolloutName(path)?.threadId ?? (await readIdFrom(path))
    if (id !== null && threads && hasThread(threads, id)) doneCount += 1
    else if (lastWatermark !== null && compareWatermarks(watermark, lastWatermark) <= 0) failedCount += 1
  }
  return {
    status: typeof row?.status === 'string' ? row.status : null,
    lastWatermark,
    lastSuccessSeconds: numberOrNull(row?.last_success_at),
    updatedSeconds: numberOrNull(row?.updated_at),
    fileCount: files.length,
    doneCount,
    failedCount,
    leftCount: files.length - doneCount - failedCount,
    unreadableFolderCount: unreadable.length,
  }
}

async function readIdFrom(path: string): Promise<string | null> {
  try {
    return await readOwner(resolveRolloutFile(path))
  } catch {
    // What cannot be read has no row either way.
    return null
  }
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/**
 * What the state means, in one sentence.
 *
 * @param hasHolder whether any process has the database open; `null` where that cannot be known
 */
export function judgeBackfill(
  status: BackfillStatus,
  nowSeconds: number,
  hasHolder: boolean | null,
): { verdict: (typeof BACKFILL_VERDICTS)[number]; sentence: string } {
  const unindexed = status.failedCount + status.leftCount
  const files = (count: number) => `${count} ${count === 1 ? 'file' : 'files'}`
  if (status.status === null) {
    return {
      verdict: 'unknown',
      sentence: `this layout keeps no state of it (0.93 to 0.98); ${files(unindexed)} of ${status.fileCount} have no row`,
    }
  }
  if (status.status === 'complete') {
    return unindexed === 0
      ? { verdict: 'complete', sentence: 'complete: every rollout has a row' }
      : {
          verdict: 'complete but unindexed',
          sentence: `complete, but ${files(unindexed)} unindexed: Codex adds them when it lists or resumes them`,
        }
  }
  if (status.status === 'running') {
    const lease = leaseState(
      { status: status.status, updatedAtSeconds: status.updatedSeconds ?? 0 },
      nowSeconds,
    )
    if (lease.kind !== 'held') {
      return {
        verdict: 'stale',
        sentence: 'stale: it was begun and left; the next Codex that starts may go on with it',
      }
    }
    if (hasHolder === false) {
      return {
        verdict: 'stale',
        sentence: `stale: nobody has the database open, but its lease keeps others away for another ${Math.ceil(lease.remainingSeconds / 60)} min`,
      }
    }
    return { verdict: 'running', sentence: `running: ${files(status.leftCount)} to go` }
  }
  if (status.status === 'pending') {
    return {
      verdict: 'never ran',
      sentence:
        unindexed === 0
          ? 'never ran, and no rollout lacks a row'
          : `never ran: ${files(unindexed)} of ${status.fileCount} have no row`,
    }
  }
  return { verdict: 'unknown', sentence: `its status is '${status.status}', which Codex refuses to read` }
}
