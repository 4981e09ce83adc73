import type { Memory, MemoryAnswer, MemoryListQuery, MemoryPipeline, MemoryState } from '../model/memory.js'
import type { ThreadRow } from '../model/thread.js'
import { type MemoryRow, readMemories } from '../query/memories.js'
import type { StoredRow } from '../query/stored-rows.js'
import type { MissingPart } from './memory-files.js'
import { explainMemory, stateOfMemory } from './memory-reason.js'
import {
  findThreadsById,
  isUnderWay,
  readThreadJobs,
  type ThreadJobs,
  toMemoryJob,
  toNumber,
  toStoredMemory,
  toText,
} from './memory-rows.js'
import { type Memories, pipelineShown } from './open-memories.js'

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

/** Newest first. */
export function listMemories(memories: Memories, query: MemoryListQuery = {}): MemoryEntry[] {
  const { home, sources, threads, nowMs } = memories
  const { threadId, cwds, states, isUsed, pipelines = 'inUse' } = query
  const pipeline = pipelines === 'inUse' ? pipelineShown(memories) : pipelines
  const rows = readMemories(sources, {
    ...(threadId !== undefined && { threadId }),
    ...(pipeline !== 'all' && { pipeline }),
  })
  const threadsById = findThreadsById(
    threads,
    rows.map(({ thread_id }) => thread_id),
  )
  const jobs = readThreadJobs(memories)
  return rows
    .map((row): MemoryEntry => {
      const thread = threadsById.get(row.thread_id)
      const job = row.pipeline === null ? undefined : jobs.find(row.thread_id, row.pipeline)
      const isKnown = thread !== undefined || threads === undefined
      return {
        ...row,
        cwd: thread?.cwd ?? null,
        title: thread?.title ?? null,
        memory_mode: thread?.memoryMode ?? null,
        archived: thread ? Number(thread.isArchived) : null,
        state:
          row.pipeline === null
            ? null
            : stateOfMemory(toStoredMemory(row), isKnown ? thread : null, home, nowMs),
        in_use: Number(row.pipeline === null || row.pipeline === home.inUse),
        job_status: job?.status,
        job_retry_remaining: job?.retry_remaining,
        job_last_error: job?.last_error,
      }
    })
    .filter(
      ({ cwd, state, archived, usage_count }) =>
        (cwds === undefined || (cwd !== null && cwds.includes(cwd))) &&
        (states === undefined ||
          (state !== null && states.includes(state)) ||
          (archived === 1 && states.includes('archived'))) &&
        (isUsed === undefined || isUsed === Number(usage_count ?? 0) > 0),
    )
}

/** The same under our names. */
export function toMemory(entry: MemoryEntry): Memory {
  return {
    threadId: entry.thread_id,
    pipeline: entry.pipeline,
    isInUse: entry.in_use === 1,
    state: entry.state,
    isArchived: entry.archived === null ? null : entry.archived === 1,
    cwd: entry.cwd,
    title: entry.title,
    summary: String(entry.summary ?? ''),
    rawMemory: toText(entry.raw_memory),
    slug: toText(entry.rollout_slug) || null,
    rememberedAtSeconds: entry.remembered_at,
    generatedAtSeconds: toNumber(entry.generated_at),
    usageCount: toNumber(entry.usage_count),
    lastUsageSeconds: toNumber(entry.last_usage),
    database: entry.database,
  }
}

/** Why a thread has no memory in the pipeline that a session reads. */
export function memoryReason(memories: Memories, threadId: string): MemoryAnswer {
  const { sources, threads } = memories
  const rows = readMemories(sources, { threadId })
  const jobs = readThreadJobs(memories)
  return explain(memories, findThreadsById(threads, [threadId]).get(threadId), threadId, rows, jobs)
}

/** Every thread without a memory, with its reason; newest first. */
export function listMissingMemories(
  memories: Memories,
  all: readonly ThreadRow[],
): { thread: ThreadRow; answer: MemoryAnswer }[] {
  const { sources } = memories
  const rows = Map.groupBy(readMemories(sources), ({ thread_id }) => thread_id)
  const jobs = readThreadJobs(memories)
  return all
    .map((thread) => ({
      thread,
      answer: explain(memories, thread, thread.id, rows.get(thread.id) ?? [], jobs),
    }))
    .filter(({ answer }) => answer.reason !== 'has-memory')
}

/** What is gone of a thread that a text tells of; nothing can be said where its database is not there. */
export function findMissingPart({
  sources,
  threads,
}: Memories): (threadId: string, pipeline: MemoryPipeline) => MissingPart | null {
  const remembered = new Set(
    readMemories(sources).map(({ thread_id, pipeline }) => `${pipeline} ${thread_id}`),
  )
  const known = new Set(sources.pipelines.map(({ pipeline }) => pipeline))
  return (threadId, pipeline) => {
    if (threads && findThreadsById(threads, [threadId]).size === 0) return 'thread'
    return known.has(pipeline) && !remembered.has(`${pipeline} ${threadId}`) ? 'memory' : null
  }
}

function explain(
  { home, nowMs }: Memories,
  thread: ThreadRow | undefined,
  threadId: string,
  rows: readonly MemoryRow[],
  jobs: ThreadJobs,
): MemoryAnswer {
  const pipeline = home.inUse
  const row = rows.find((memory) => memory.pipeline === pipeline || memory.pipeline === null)
  const job = jobs.find(threadId, pipeline)
  return explainMemory({
    home,
    nowMs,
    thread,
    pipeline,
    memory: row && toStoredMemory(row),
    job: job && toMemoryJob(job),
    isInOtherPipeline: rows.some((memory) => memory.pipeline !== null && memory.pipeline !== pipeline),
    runningCount: jobs.underWayCount - (job && isUnderWay(job, nowMs) ? 1 : 0),
  })
}
