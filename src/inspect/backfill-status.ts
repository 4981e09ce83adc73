import { leaseState } from '../model/backfill.js'
import type { OpenTable } from '../query/databases.js'
import { readRows } from '../query/stored-rows.js'
import { hasThread } from '../query/threads/find.js'
import type { ThreadTable } from '../query/threads/table.js'
import { judgeRolloutContent, type RolloutContent } from '../rollout/content.js'
import { compareWatermarks, listRollouts } from '../rollout/list.js'
import { readOwner } from '../rollout/locate.js'
import { resolveRolloutFile } from '../rollout/read.js'
import { hasRolloutFolder } from '../rollout/roots.js'

export const BACKFILL_VERDICTS = [
  'complete',
  'complete but unindexed',
  'running',
  'stale',
  'never ran',
  'unknown',
] as const

export interface BackfillReport {
  /** Whether there is a table of it: 0.93 to 0.98, which did it once, when the file was new, have none. */
  hasState: boolean
  /** Whether there is a table of threads: without one there is no state database at all. */
  hasThreads: boolean
  /** `null` without a table, and where the table has lost its row: Codex puts one back, as `pending`. */
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
  /** Of the two: written before September 2025, in a form that no Codex with a database reads. */
  olderCount: number
  /** Of the two: damaged or empty, so that Codex can read no line of them. */
  brokenCount: number
  /** Of the two: may not be read here, which says nothing about them. */
  unreadableFileCount: number
  unreadableFolderCount: number
  /** The newest without a row, at most `MAX_UNINDEXED`. */
  unindexed: readonly UnindexedRollout[]
  /** Whether there is a folder of rollouts. */
  hasRolloutFolder: boolean
}

export interface UnindexedRollout {
  path: string
  /** `null` where neither name nor content tell. */
  threadId: string | null
  content: RolloutContent
}

const MAX_UNINDEXED = 10

export async function readBackfillStatus(
  codexHome: string,
  state: OpenTable | undefined,
  threads: ThreadTable | undefined,
): Promise<BackfillReport> {
  const row = state && readRows(state.connection, 'backfill_state', 'WHERE id = 1')[0]
  const lastWatermark = typeof row?.last_watermark === 'string' ? row.last_watermark : null
  const { files, unreadable } = await listRollouts(codexHome)
  let doneCount = 0
  let failedCount = 0
  const unindexed: UnindexedRollout[] = []
  const without = { usable: 0, 'older form': 0, empty: 0, damaged: 0, unreadable: 0 }
  for (const { path, watermark, name } of files) {
    const id = name?.threadId ?? (await readIdFrom(path))
    if (id !== null && threads && hasThread(threads, id)) {
      doneCount += 1
      continue
    }
    if (lastWatermark !== null && compareWatermarks(watermark, lastWatermark) <= 0) failedCount += 1
    const content = await judgeRolloutContent(path)
    without[content] += 1
    unindexed.push({ path, threadId: id, content })
    if (unindexed.length > MAX_UNINDEXED) unindexed.shift()
  }
  return {
    hasState: state !== undefined,
    hasThreads: threads !== undefined,
    status: row === undefined ? null : String(row.status),
    lastWatermark,
    lastSuccessSeconds: numberOrNull(row?.last_success_at),
    updatedSeconds: numberOrNull(row?.updated_at),
    fileCount: files.length,
    doneCount,
    failedCount,
    leftCount: files.length - doneCount - failedCount,
    olderCount: without['older form'],
    brokenCount: without.empty + without.damaged,
    unreadableFileCount: without.unreadable,
    unreadableFolderCount: unreadable.length,
    unindexed: unindexed.toReversed(),
    hasRolloutFolder: hasRolloutFolder(codexHome),
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

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** What becomes of the files without a row. */
export function describeUnindexed(status: BackfillReport): string {
  const { olderCount, brokenCount, unreadableFileCount, failedCount, leftCount } = status
  const unindexed = failedCount + leftCount
  const addable = unindexed - olderCount - brokenCount - unreadableFileCount
  if (addable === unindexed)
    return `Codex adds ${unindexed === 1 ? 'it when it lists or resumes it' : 'them when it lists or resumes them'}`
  const one = (number: number, singular: string, plural: string) =>
    `${number} ${number === 1 ? singular : plural}`
  const parts = [
    addable > 0 &&
      `Codex adds ${one(addable, 'when it lists or resumes it', 'when it lists or resumes them')}`,
    brokenCount > 0 &&
      one(
        brokenCount,
        'is damaged or empty: Codex never adds it',
        'are damaged or empty: Codex never adds them',
      ),
    olderCount > 0 &&
      `${one(olderCount, 'was', 'were')} written before September 2025: no Codex with a database reads such`,
    unreadableFileCount > 0 && `${unreadableFileCount} cannot be read here`,
  ]
  return parts.filter((part) => part !== false).join('; ')
}

/**
 * What the state means, in one sentence.
 *
 * @param hasHolder whether any process has the database open; `null` where that cannot be known
 */
export function judgeBackfill(
  status: BackfillReport,
  nowSeconds: number,
  hasHolder: boolean | null,
): { verdict: (typeof BACKFILL_VERDICTS)[number]; sentence: string } {
  const unindexed = status.failedCount + status.leftCount
  const files = (number: number) => count(number, 'file')
  if (status.status === null) {
    const reason = status.hasState
      ? 'the table backfill_state has lost its row: the next Codex that starts puts one back, and imports all rollouts'
      : status.hasThreads
        ? 'this database keeps no state of it (Codex keeps one from 0.99 on)'
        : 'there is no state database here'
    const rest =
      unindexed === 0 ? 'no rollout lacks a row' : `${files(unindexed)} of ${status.fileCount} have no row`
    return { verdict: 'unknown', sentence: `${reason}; ${rest}` }
  }
  const claimsAll = status.status === 'complete' || (status.status === 'pending' && unindexed === 0)
  if (status.unreadableFolderCount > 0 && claimsAll) {
    const folders = count(status.unreadableFolderCount, 'folder')
    return {
      verdict: 'unknown',
      sentence: `its status is '${status.status}', but ${folders} of rollouts cannot be looked into: what lies there is not known`,
    }
  }
  if (status.status === 'complete') {
    if (unindexed > 0) {
      return {
        verdict: unindexed > status.olderCount ? 'complete but unindexed' : 'complete',
        sentence: `complete, but ${files(unindexed)} unindexed: ${describeUnindexed(status)}`,
      }
    }
    return {
      verdict: 'complete',
      sentence:
        status.fileCount === 0 ? 'complete, and no rollout is here' : 'complete: every rollout has a row',
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
