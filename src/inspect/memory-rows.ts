import type { MemoryPipeline } from '../model/memory.js'
import type { ThreadRow } from '../model/thread.js'
import { type MemoryJobRow, type MemoryRow, readMemoryJobs } from '../query/memories.js'
import type { StoredRow } from '../query/stored-rows.js'
import { findThreads } from '../query/threads/find.js'
import type { ThreadTable } from '../query/threads/table.js'
import type { MemoryJob, StoredMemory } from './memory-reason.js'
import type { Memories } from './open-memories.js'

/** The kind of a job that makes a memory of a thread; the other one consolidates them. */
export const EXTRACTION = 'memory_stage1'

export function isUnderWay({ status, lease_until }: MemoryJobRow, nowMs: number): boolean {
  return status === 'running' && Number(lease_until ?? 0) > nowMs / 1000
}

/** The jobs of threads. */
export interface ThreadJobs {
  find(threadId: string, pipeline: MemoryPipeline): MemoryJobRow | undefined
  /** How many are under way in the pipeline in use. */
  readonly underWayCount: number
}

export function readThreadJobs({ sources, home, nowMs }: Memories): ThreadJobs {
  const jobs = readMemoryJobs(sources).filter(({ kind }) => kind === EXTRACTION)
  const byKey = new Map(jobs.map((job) => [`${job.pipeline} ${job.job_key}`, job]))
  return {
    find: (threadId, pipeline) => byKey.get(`${pipeline} ${threadId}`),
    underWayCount: jobs.filter((job) => job.pipeline === home.inUse && isUnderWay(job, nowMs)).length,
  }
}

export function findThreadsById(
  threads: ThreadTable | undefined,
  ids: readonly string[],
): ReadonlyMap<string, ThreadRow> {
  return new Map(threads ? findThreads(threads, ids).map((thread) => [thread.id, thread]) : [])
}

export function toStoredMemory(row: MemoryRow): StoredMemory {
  return {
    sourceUpdatedAtSeconds: row.remembered_at,
    lastUsageSeconds: toNumber(row.last_usage),
    isSelected: row.selected_for_phase2 === undefined ? null : row.selected_for_phase2 === 1,
    selectedSourceUpdatedAtSeconds: toNumber(row.selected_for_phase2_source_updated_at),
  }
}

export function toMemoryJob(row: MemoryJobRow): MemoryJob {
  return {
    status: toText(row.status) ?? '',
    leaseUntilSeconds: toNumber(row.lease_until),
    retryAtSeconds: toNumber(row.retry_at),
    retryRemaining: toNumber(row.retry_remaining) ?? 0,
    lastError: typeof row.last_error === 'string' ? row.last_error : null,
    startedAtSeconds: toNumber(row.started_at),
    finishedAtSeconds: toNumber(row.finished_at),
    inputWatermark: toNumber(row.input_watermark),
    lastSuccessWatermark: toNumber(row.last_success_watermark),
  }
}

export function toText(value: StoredRow[string]): string | null {
  return typeof value === 'string' ? value : null
}

export function toNumber(value: StoredRow[string]): number | null {
  return typeof value === 'number' ? value : null
}
