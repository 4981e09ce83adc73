import { StateError } from '../errors.js'
import type {
  Memory,
  MemoryAnswer,
  MemoryListQuery,
  MemoryPipeline,
  MemoryRules,
  MemoryState,
} from '../model/memory.js'
import type { ThreadRow } from '../model/thread.js'
import {
  type MemoryJobRow,
  type MemoryRow,
  type MemorySources,
  type OpenFirst,
  openMemorySources,
  readMemories,
  readMemoryJobs,
} from '../query/memories.js'
import type { StoredRow } from '../query/stored-rows.js'
import { findThreads } from '../query/threads/find.js'
import type { ThreadTable } from '../query/threads/table.js'
import type { DatabaseFile } from '../schema/files.js'
import { readConfigTable } from '../schema/home.js'
import { findMemoryFault } from '../schema/memory-settings.js'
import type { MissingPart } from './memory-files.js'
import { describeMemoryHome, findMemoryVersion, type MemoryHome } from './memory-home.js'
import type { MemoryJob, StoredMemory } from './memory-reason.js'
import { explainMemory, isPrunable, stateOfMemory, triesOf } from './memory-reason.js'

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

/** What has to be known of a home to tell of its memories. */
export interface MemoryPlaces {
  readonly codexHome: string
  readonly databases: readonly DatabaseFile[]
  readonly threads: ThreadTable | undefined
  readonly nowMs: number
  readonly open: OpenFirst
  readonly onNotice: (text: string) => void
}

export function describeMemories({
  codexHome,
  databases,
  threads,
  nowMs,
  open,
  onNotice,
}: MemoryPlaces): Memories {
  const config = readConfigTable(codexHome, onNotice)
  const home = describeMemoryHome(codexHome, findMemoryVersion(threads), config)
  // What no session reads may be damaged without harm to what one does.
  const deadRole = home.inUse === 'v1' ? 'memories_v2' : 'memories'
  const openUsable: OpenFirst = (table, files) => {
    try {
      return open(table, files)
    } catch (error) {
      const isDead = files.every(({ role }) => role === deadRole)
      if (!(error instanceof StateError) || !isDead) throw error
      onNotice(`${error.message}: memories in it, which no session reads, are left out`)
      return undefined
    }
  }
  return { home, nowMs, sources: openMemorySources(databases, openUsable), threads }
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
  const threadsById = readThreads(
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

/** The pipeline of a plain list: the one in use; where that has no database, whatever was remembered before. */
export function pipelineShown({ home, sources }: Memories): MemoryPipeline | 'all' {
  return sources.pipelines.some(({ pipeline }) => pipeline === home.inUse) ? home.inUse : 'all'
}

/** Why a thread has no memory in the pipeline that a session reads. */
export function memoryReason(memories: Memories, threadId: string): MemoryAnswer {
  const { sources, threads } = memories
  const rows = readMemories(sources, { threadId })
  const jobs = readThreadJobs(memories)
  return explain(memories, readThreads(threads, [threadId]).get(threadId), threadId, rows, jobs)
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
    if (threads && readThreads(threads, [threadId]).size === 0) return 'thread'
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

function isUnderWay({ status, lease_until }: MemoryJobRow, nowMs: number): boolean {
  return status === 'running' && Number(lease_until ?? 0) > nowMs / 1000
}

/** The jobs of threads. */
interface ThreadJobs {
  find(threadId: string, pipeline: MemoryPipeline): MemoryJobRow | undefined
  /** How many are under way in the pipeline in use. */
  readonly underWayCount: number
}

function readThreadJobs({ sources, home, nowMs }: Memories): ThreadJobs {
  const jobs = readMemoryJobs(sources).filter(({ kind }) => kind === EXTRACTION)
  const byKey = new Map(jobs.map((job) => [`${job.pipeline} ${job.job_key}`, job]))
  return {
    find: (threadId, pipeline) => byKey.get(`${pipeline} ${threadId}`),
    underWayCount: jobs.filter((job) => job.pipeline === home.inUse && isUnderWay(job, nowMs)).length,
  }
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
    finishedAtSeconds: toNumber(row.finished_at),
    inputWatermark: toNumber(row.input_watermark),
    lastSuccessWatermark: toNumber(row.last_success_watermark),
  }
}

function toText(value: StoredRow[string]): string | null {
  return typeof value === 'string' ? value : null
}

function toNumber(value: StoredRow[string]): number | null {
  return typeof value === 'number' ? value : null
}

/** Where a job of a memory pipeline stands. */
export const MEMORY_JOB_STATES = [
  'running',
  'lease run out',
  'waiting',
  'failed',
  'given up',
  'found nothing',
  'pruned',
  'done',
  'orphan',
  'unknown',
] as const
export type MemoryJobState = (typeof MEMORY_JOB_STATES)[number]

/** A job with where it stands, in a word and in words that a person can use. */
export type MemoryJobEntry = MemoryJobRow & {
  readonly phase: 'extract' | 'consolidate'
  readonly state: MemoryJobState
  readonly words: string
  /** Of one that runs: whether its lease holds. */
  readonly lease: 'held' | 'run out' | null
  readonly in_use: number
}

export interface MemoryJobQuery {
  readonly pipelines: 'inUse' | 'all'
}

/** The consolidation first, then by thread. */
export function listMemoryJobs(memories: Memories, { pipelines }: MemoryJobQuery): MemoryJobEntry[] {
  const { home, sources, threads, nowMs } = memories
  const shown = pipelines === 'all' ? 'all' : pipelineShown(memories)
  const rows = readMemoryJobs(sources).filter(({ pipeline }) => shown === 'all' || pipeline === shown)
  const known = readThreads(
    threads,
    rows.flatMap(({ kind, job_key }) => (kind === EXTRACTION ? job_key : [])),
  )
  const remembered = new Set(
    readMemories(sources).map(({ thread_id, pipeline }) => `${pipeline} ${thread_id}`),
  )
  return rows.map((job) => {
    const isOfThread = job.kind === EXTRACTION
    const { state, words } =
      isOfThread && threads !== undefined && !known.has(job.job_key)
        ? describeOrphan(home)
        : describeJob(toMemoryJob(job), memories, {
            isOfThread,
            hasMemory: remembered.has(`${job.pipeline} ${job.job_key}`),
          })
    return {
      ...job,
      phase: isOfThread ? 'extract' : 'consolidate',
      state,
      words,
      lease: job.status !== 'running' ? null : isUnderWay(job, nowMs) ? 'held' : 'run out',
      in_use: Number(job.pipeline === home.inUse),
    }
  })
}

const EXTRACTION = 'memory_stage1'

interface JobAnswer {
  state: MemoryJobState
  words: string
}

function describeOrphan({ version }: MemoryHome): JobAnswer {
  const fault = findMemoryFault('orphan', version)
  return { state: 'orphan', words: `its thread has no row${fault === undefined ? '' : `: ${fault}`}` }
}

function describeJob(
  job: MemoryJob,
  { home, nowMs }: Memories,
  { isOfThread, hasMemory }: { isOfThread: boolean; hasMemory: boolean },
): JobAnswer {
  const { status, leaseUntilSeconds, retryRemaining, retryAtSeconds, startedAtSeconds } = job
  const nowSeconds = nowMs / 1000
  const error = job.lastError === null ? '' : `: ${job.lastError}`
  switch (status) {
    case 'running':
      return leaseUntilSeconds !== null && leaseUntilSeconds > nowSeconds
        ? {
            state: 'running',
            words: `since ${ago(startedAtSeconds, nowSeconds)}, lease for ${span(leaseUntilSeconds - nowSeconds)} more`,
          }
        : {
            state: 'lease run out',
            words: `began ${ago(startedAtSeconds, nowSeconds)} and did not end; the next start takes it over`,
          }
    case 'pending':
      return { state: 'waiting', words: 'new memories wait for the next consolidation' }
    case 'error': {
      if (retryRemaining <= 0) {
        return {
          state: 'given up',
          words: `after 3 tries${isOfThread ? ', until the thread goes on' : ''}${error}`,
        }
      }
      const next =
        retryAtSeconds !== null && retryAtSeconds > nowSeconds
          ? `in ${span(retryAtSeconds - nowSeconds)}`
          : 'at the next start'
      return { state: 'failed', words: `${triesOf(job)} of 3 times, next try ${next}${error}` }
    }
    case 'done':
      if (isOfThread) {
        if (hasMemory) return { state: 'done', words: 'it has a memory' }
        return isPrunable(job, home, nowMs)
          ? { state: 'pruned', words: 'its memory was removed as unused, or nothing was worth keeping' }
          : { state: 'found nothing', words: 'nothing was worth keeping' }
      }
      return describeRest(job, home.rules, nowSeconds)
    default:
      return { state: 'unknown', words: status }
  }
}

/** How long a consolidation rests after a success (from 0.128). */
const REST_SECONDS = 6 * 3600

function describeRest(
  { finishedAtSeconds, inputWatermark, lastSuccessWatermark }: MemoryJob,
  rules: MemoryRules,
  nowSeconds: number,
): JobAnswer {
  if (!rules.rests) {
    const isDirty = (inputWatermark ?? 0) > (lastSuccessWatermark ?? 0)
    return isDirty
      ? { state: 'waiting', words: 'new memories wait for the next consolidation' }
      : { state: 'done', words: 'runs again when there is a new memory' }
  }
  const restEnds = (finishedAtSeconds ?? 0) + REST_SECONDS
  return {
    state: 'done',
    words:
      restEnds > nowSeconds
        ? `rests for ${span(restEnds - nowSeconds)} more`
        : 'looks again at the next start',
  }
}

function ago(seconds: number | null, nowSeconds: number): string {
  return seconds === null ? 'an unknown time' : `${span(nowSeconds - seconds)} ago`
}

function span(seconds: number): string {
  const minutes = Math.max(0, Math.round(seconds / 60))
  if (minutes < 120) return `${minutes} min`
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`
}
