import type { MemoryRules } from '../model/memory.js'
import { type MemoryJobRow, readMemories, readMemoryJobs } from '../query/memories.js'
import { findMemoryFault } from '../schema/memory-settings.js'
import type { MemoryHome } from './memory-home.js'
import { isPrunable, type MemoryJob, triesOf } from './memory-reason.js'
import { EXTRACTION, findThreadsById, isUnderWay, toMemoryJob } from './memory-rows.js'
import { type Memories, pipelineShown } from './open-memories.js'

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
  const known = findThreadsById(
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
      return { state: 'unknown', words: status || 'its status is not stored' }
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
