import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WriteConnection } from '../db/connection.js'
import { StateError } from '../errors.js'
import type { BackfillOptions, BackfillResult, SyncCounts, SyncOptions } from '../model/sync.js'
import type { ThreadMetadata } from '../model/thread.js'
import { findThread } from '../query/threads/find.js'
import { describeBadLines } from '../rollout/extract.js'
import { compareWatermarks, listRollouts } from '../rollout/list.js'
import { type ReadRollout, readRolloutBatches } from '../rollout/read-batches.js'
import {
  checkpointBackfill,
  claimBackfill,
  markBackfillComplete,
  readBackfillState,
  releaseBackfill,
} from '../store/backfill.js'
import { persistDynamicTools } from '../store/dynamic-tools.js'
import { setMemoryMode, upsertThread } from '../store/threads.js'
import { extractSettings, type SyncTarget } from './target.js'

export interface Clock {
  /** Unix milliseconds. */
  now: () => number
}

export interface LeaseOptions {
  /** Whether the lease that stands belongs to nobody any more, as far as can be told; default: it is believed. */
  isAbandoned?: (() => boolean) | undefined
}

const WAIT_MS = 30_000
const POLL_MS = 1000

/**
 * Reads the rollouts of the home into the database, unless that has been done: from the last checkpoint on, in
 * order of their watermarks, batch by batch. Where another process is at it, waits for that one, and takes over
 * when its lease ends.
 *
 * @throws {StateError} `BACKFILL_TIMEOUT` when the other one is not done in time; `ABORTED`; and as every write
 */
export async function backfill(
  target: SyncTarget,
  options: BackfillOptions & Clock & LeaseOptions,
): Promise<BackfillResult> {
  const { waitMs = WAIT_MS, pollMs = POLL_MS, signal } = options
  // Not the clock of the lease: that one may be set.
  const deadlineMs = performance.now() + waitMs
  for (let hasWaited = false; ; hasWaited = true) {
    const { status, updatedAtSeconds } = readBackfillState(target.state, nowSeconds(options))
    if (status === 'complete') return { kind: hasWaited ? 'waited' : 'alreadyComplete' }
    const isOwn = keptLeases.get(target) === updatedAtSeconds
    if (status === 'running' && (isOwn || options.isAbandoned?.()))
      releaseBackfill(target.state, nowSeconds(options))
    if (claimBackfill(target.state, nowSeconds(options))) {
      const counts = await runClaimed(target, options)
      if (counts) return { kind: 'ran', ...counts }
      continue
    }
    if (!hasWaited) options.onWait?.()
    const remainingMs = deadlineMs - performance.now()
    if (remainingMs <= 0) {
      throw new StateError(
        'BACKFILL_TIMEOUT',
        `timed out waiting for state db backfill at ${target.state.path} after ${waitMs / 1000}s (status: ${status})`,
        { hint: 'Another process has the lease; it ends 900 s after its last sign of life.' },
      )
    }
    try {
      await sleep(Math.min(pollMs, remainingMs), undefined, { signal })
    } catch {
      throw new StateError('ABORTED', 'waiting for another backfill was aborted', { cause: signal?.reason })
    }
  }
}

/** `undefined` when the lease was lost to another process, which stood still for less long than this one. */
async function runClaimed(target: SyncTarget, options: SyncOptions & Clock): Promise<SyncCounts | undefined> {
  const { state } = target
  const startedMs = performance.now()
  const counts = { scanned: 0, upserted: 0, failed: 0 }
  let watermark = readBackfillState(state, nowSeconds(options)).lastWatermark
  try {
    const { files, unreadable } = await listRollouts(target.codexHome, { signal: options.signal })
    for (const { path, reason } of unreadable) options.onFailure?.({ path, reason })
    const start = watermark
    const pending =
      start === null ? files : files.filter((file) => compareWatermarks(file.watermark, start) > 0)
    options.onProgress?.({ done: 0, total: pending.length })
    const settings = extractSettings(target, options.defaultProvider)
    for await (const batch of readRolloutBatches(pending, settings, options)) {
      const reached = batch.at(-1)!.file.watermark
      const stored = storeBatch(state, () => {
        if (!holdsLease(target, watermark, options)) return undefined
        const stored = storeRollouts(target, batch)
        checkpointBackfill(state, reached, nowSeconds(options))
        return stored
      })
      if (!stored) return undefined
      // Not before it is stored: of what is rolled back the lease would be taken for another's.
      watermark = reached
      counts.scanned += batch.length
      counts.failed += reportFailures(stored, options)
      counts.upserted = counts.scanned - counts.failed
      options.onProgress?.({ done: counts.scanned, total: pending.length })
    }
    markBackfillComplete(state, watermark ?? undefined, nowSeconds(options))
    return { ...counts, durationMs: Math.round(performance.now() - startedMs) }
  } catch (error) {
    tryRelease(target, watermark, options)
    throw error
  }
}

/**
 * One transaction, with one in it for each rollout. SQLite writes the pages aside that an inner one is about to change: in
 * memory, as else these writes to a temporary file, of no use to anybody, are 18 of 20 of all.
 */
export function storeBatch<T>(state: WriteConnection, store: () => T): T {
  state.exec('PRAGMA temp_store = MEMORY')
  try {
    return state.transaction(store)
  } finally {
    state.exec('PRAGMA temp_store = DEFAULT')
  }
}

/** A process that stood still for the length of a lease may find that another one went on without it. */
function holdsLease({ state }: SyncTarget, watermark: string | null, clock: Clock): boolean {
  const { status, lastWatermark } = readBackfillState(state, nowSeconds(clock))
  return status === 'running' && lastWatermark === watermark
}

/**
 * Leases that could not be given back (on a full disk nothing can be written), by when they were last renewed: any
 * other process that took one over since has renewed it at another time.
 */
const keptLeases = new WeakMap<SyncTarget, number>()

/** What went wrong matters more than that another process has to wait for the lease. */
function tryRelease(target: SyncTarget, watermark: string | null, clock: Clock): void {
  try {
    if (!holdsLease(target, watermark, clock)) return
    keptLeases.set(target, readBackfillState(target.state, nowSeconds(clock)).updatedAtSeconds)
    releaseBackfill(target.state, nowSeconds(clock))
    keptLeases.delete(target)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
}

/**
 * Inserts or replaces the rows of rollouts, with their tools; to be called in a transaction. What the database does
 * not take of one rollout stops no other: that one is given back as failed.
 */
export function storeRollouts<Read extends Pick<ReadRollout, 'result'>>(
  target: SyncTarget,
  batch: readonly Read[],
): Read[] {
  return batch.map((read) => {
    if (read.result.kind === 'failed') return read
    const { metadata, dynamicTools } = read.result
    const reason = refusalOf(target, () => {
      upsertThread(target.threadTable, keepGit(target, metadata))
      if (metadata.memoryMode !== null) setMemoryMode(target.threadTable, metadata.id, metadata.memoryMode)
      if (target.storesTools) persistDynamicTools(target.state, metadata.id, dynamicTools)
    })
    return reason === undefined ? read : { ...read, result: { kind: 'failed', reason } }
  })
}

/**
 * Writes what belongs to one thread, all of it or nothing, and gives the reason when that thread itself is why it
 * cannot be written; any other failure is thrown.
 */
export function refusalOf({ state }: SyncTarget, write: () => void): string | undefined {
  try {
    state.transaction(write)
    return undefined
  } catch (error) {
    if (!(error instanceof StateError) || !['DB_TOO_BIG', 'INVALID'].includes(error.code)) throw error
    return `it cannot be stored: ${error.message}`
  }
}

/** A file without git says nothing against what the row has: Codex merges them here since 0.108. */
function keepGit({ threads }: SyncTarget, metadata: ThreadMetadata): ThreadMetadata {
  const { gitSha, gitBranch, gitOriginUrl } = metadata
  if (gitSha !== null && gitBranch !== null && gitOriginUrl !== null) return metadata
  const row = findThread(threads, metadata.id)
  if (!row) return metadata
  return {
    ...metadata,
    gitSha: gitSha ?? row.gitSha,
    gitBranch: gitBranch ?? row.gitBranch,
    gitOriginUrl: gitOriginUrl ?? row.gitOriginUrl,
  }
}

/** The number of failed ones. */
export function reportFailures(
  batch: readonly ReadRollout[],
  { onFailure, onBadLines }: Pick<SyncOptions, 'onFailure' | 'onBadLines'>,
): number {
  let count = 0
  for (const { file, result } of batch) {
    if (result.kind !== 'failed') {
      const reason = describeBadLines(result.badLines)
      if (reason !== null) onBadLines?.({ path: file.path, reason })
      continue
    }
    count += 1
    onFailure?.({ path: file.path, reason: result.reason })
  }
  return count
}

function nowSeconds({ now }: Clock): number {
  return Math.floor(now() / 1000)
}
