import type { MemoryPipeline, MemoryState } from '../model/memory.js'
import type { ThreadRow } from '../model/thread.js'
import {
  type MemoryJobRow,
  type MemoryRow,
  type MemorySources,
  readMemories,
  readMemoryJobs,
} from '../query/memories.js'
import type { StoredRow } from '../query/stored-rows.js'
import { findThreads } from '../query/threads/find.js'
import type { ThreadTable } from '../query/threads/table.js'
import type { MemoryHome } from './memory-home.js'
import type { MemoryAnswer, MemoryJob, StoredMemory } from './memory-reason.js'
import { explainMemory, stateOfMemory } from './memory-reason.js'

/** All that is known of the memories of a home. */
export interface Memories {
  readonly home: MemoryHome
  readonly nowMs: number
  readonly sources: MemorySources
  readonly threads: ThreadTable | undefined
}

/** A memory with its thread, its job and where it stands. */
export type MemoryEntry = MemoryRow & {
  readonly cwd: string | null
  readonly title: string | null
  readonly memory_mode: string | null
  /** 1 or 0, as it is stored. */
  readonly archived: number | null
  readonly state: MemoryState | null
  /** Whether a session reads this pipeline. */
  readonly in_use: number
  readonly job_status: StoredRow[string]
  readonly job_retry_remaining: StoredRow[string]
  readonly job_last_error: StoredRow[string]
}

export interface MemoryQuery {
  readonly threadId?: string
  /** Exact text, as threads store it. */
  readonly cwd?: string
  /** `inUse`: those that a session reads; a thread then has one. */
  readonly pipelines: 'inUse' | 'all' | MemoryPipeline
}

/** Newest first. */
export function listMemories(memories: Memories, query: MemoryQuery): MemoryEntry[] {
  const { home, sources, threads, nowMs } = memories
  const pipeline = query.pipelines === 'inUse' ? home.inUse : query.pipelines
  // Where only one pipeline has a database there is nothing to choose: its rows are all that was ever remembered.
  const isOnlyOne = new Set(sources.pipelines.map((source) => source.pipeline)).size < 2
  const rows = readMemories(sources, {
    ...(query.threadId !== undefined && { threadId: query.threadId }),
    ...(pipeline !== 'all' && !(isOnlyOne && query.pipelines === 'inUse') && { pipeline }),
  })
  const threadsById = readThreads(
    threads,
    rows.map(({ thread_id }) => thread_id),
  )
  const jobs = indexJobs(readMemoryJobs(sources))
  return rows
    .map((row) => {
      const thread = threadsById.get(row.thread_id)
      const job = row.pipeline === null ? undefined : jobs.get(`${row.pipeline} ${row.thread_id}`)
      return {
        ...row,
        cwd: thread?.cwd ?? null,
        title: thread?.title ?? null,
        memory_mode: thread?.memoryMode ?? null,
        archived: thread ? Number(thread.isArchived) : null,
        state: row.pipeline === null ? null : stateOfMemory(toStoredMemory(row), thread, home, nowMs),
        in_use: Number(row.pipeline === null || row.pipeline === home.inUse),
        job_status: job?.status,
        job_retry_remaining: job?.retry_remaining,
        job_last_error: job?.last_error,
      }
    })
    .filter(({ cwd }) => query.cwd === undefined || cwd === query.cwd)
}

/** Why a thread has no memory in the pipeline that a session reads. */
export function memoryReason(memories: Memories, threadId: string): MemoryAnswer {
  const { home, sources, threads, nowMs } = memories
  const rows = readMemories(sources, { threadId })
  const jobs = indexJobs(readMemoryJobs(sources))
  return explain(home, nowMs, readThreads(threads, [threadId]).get(threadId), threadId, rows, jobs)
}

/** Every thread without a memory, with its reason; newest first. */
export function listMissingMemories(
  memories: Memories,
  all: readonly ThreadRow[],
): { thread: ThreadRow; answer: MemoryAnswer }[] {
  const { home, sources, nowMs } = memories
  const rows = Map.groupBy(readMemories(sources), ({ thread_id }) => thread_id)
  const jobs = indexJobs(readMemoryJobs(sources))
  return all
    .map((thread) => ({
      thread,
      answer: explain(home, nowMs, thread, thread.id, rows.get(thread.id) ?? [], jobs),
    }))
    .filter(({ answer }) => answer.reason !== 'has-memory')
}

function explain(
  home: MemoryHome,
  nowMs: number,
  thread: ThreadRow | undefined,
  threadId: string,
  rows: readonly MemoryRow[],
  jobs: ReadonlyMap<string, MemoryJobRow>,
): MemoryAnswer {
  const pipeline = home.inUse
  const row = rows.find((memory) => memory.pipeline === pipeline || memory.pipeline === null)
  const job = jobs.get(`${pipeline} ${threadId}`)
  return explainMemory({
    home,
    nowMs,
    thread,
    pipeline,
    memory: row && toStoredMemory(row),
    job: job && toMemoryJob(job),
    isInOtherPipeline: rows.some((memory) => memory.pipeline !== null && memory.pipeline !== pipeline),
  })
}

function indexJobs(jobs: readonly MemoryJobRow[]): ReadonlyMap<string, MemoryJobRow> {
  return new Map(
    jobs.filter(({ kind }) => kind === 'memory_stage1').map((job) => [`${job.pipeline} ${job.job_key}`, job]),
  )
}

function readThreads(
  threads: ThreadTable | undefined,
  ids: readonly string[],
): ReadonlyMap<string, ThreadRow> {
  return new Map(threads ? findThreads(threads, ids).map((thread) => [thread.id, thread]) : [])
}

function toStoredMemory(row: MemoryRow): StoredMemory {
  return {
    sourceUpdatedAtSeconds: row.remembered_at,
    lastUsageSeconds: toNumber(row.last_usage),
    isSelected: row.selected_for_phase2 === undefined ? null : row.selected_for_phase2 === 1,
    selectedSourceUpdatedAtSeconds: toNumber(row.selected_for_phase2_source_updated_at),
  }
}

function toMemoryJob(row: MemoryJobRow): MemoryJob {
  return {
    status: String(row.status),
    leaseUntilSeconds: toNumber(row.lease_until),
    retryAtSeconds: toNumber(row.retry_at),
    retryRemaining: toNumber(row.retry_remaining) ?? 0,
    lastError: typeof row.last_error === 'string' ? row.last_error : null,
    startedAtSeconds: toNumber(row.started_at),
    inputWatermark: toNumber(row.input_watermark),
    lastSuccessWatermark: toNumber(row.last_success_watermark),
  }
}

function toNumber(value: StoredRow[string]): number | null {
  return typeof value === 'number' ? value : null
}

/** How a job of a memory pipeline stands, in words a person can use. */
export function describeMemoryJob(job: MemoryJobRow, nowMs: number, hasThread: boolean): string {
  const { status, lastError, leaseUntilSeconds, retryRemaining, retryAtSeconds, startedAtSeconds } =
    toMemoryJob(job)
  const nowSeconds = nowMs / 1000
  if (job.kind === 'memory_stage1' && !hasThread) return 'orphan: its thread has no row'
  switch (status) {
    case 'running':
      return leaseUntilSeconds !== null && leaseUntilSeconds > nowSeconds
        ? `running since ${ago(startedAtSeconds, nowSeconds)}, lease for ${span(leaseUntilSeconds - nowSeconds)} more`
        : `began ${ago(startedAtSeconds, nowSeconds)} and did not end; its lease has run out`
    case 'pending':
      return 'waiting for the next start'
    case 'error':
      if (retryRemaining <= 0) return `given up after 3 tries${lastError === null ? '' : `: ${lastError}`}`
      return `failed ${Math.max(1, 3 - retryRemaining)} of 3 times, next try ${
        retryAtSeconds !== null && retryAtSeconds > nowSeconds
          ? `in ${span(retryAtSeconds - nowSeconds)}`
          : 'at the next start'
      }`
    case 'done':
      return 'done'
    default:
      return status
  }
}

function ago(seconds: number | null, nowSeconds: number): string {
  return seconds === null ? 'at an unknown time' : `${span(nowSeconds - seconds)} ago`
}

function span(seconds: number): string {
  const minutes = Math.max(0, Math.round(seconds / 60))
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`
}
