import type { MemoryPipeline, MemoryReason, MemoryState } from '../model/memory.js'
import { INTERACTIVE_SOURCES } from '../model/releases.js'
import type { ThreadRow } from '../model/thread.js'
import type { MemoryHome } from './memory-home.js'

/** A job of the first phase, as stored; seconds are Unix seconds, UTC. */
export interface MemoryJob {
  readonly status: string
  readonly leaseUntilSeconds: number | null
  readonly retryAtSeconds: number | null
  readonly retryRemaining: number
  readonly lastError: string | null
  readonly startedAtSeconds: number | null
  readonly inputWatermark: number | null
  readonly lastSuccessWatermark: number | null
}

/** A memory of a thread, as stored. */
export interface StoredMemory {
  readonly sourceUpdatedAtSeconds: number
  readonly lastUsageSeconds: number | null
  /** `null` where the layout has no such column. */
  readonly isSelected: boolean | null
  readonly selectedSourceUpdatedAtSeconds: number | null
}

export interface MemoryQuestion {
  readonly home: MemoryHome
  readonly nowMs: number
  /** `undefined` when the thread has no row. */
  readonly thread: ThreadRow | undefined
  readonly pipeline: MemoryPipeline
  readonly memory: StoredMemory | undefined
  readonly job: MemoryJob | undefined
  readonly isInOtherPipeline: boolean
}

/** One condition that a thread has to meet before Codex makes a memory of it. */
export interface MemoryCheck {
  readonly name: string
  readonly outcome: 'pass' | 'fail' | 'not known'
  readonly detail: string
  /** What would change it. */
  readonly change?: string
}

export interface MemoryAnswer {
  readonly reason: MemoryReason
  /** The reason in words. */
  readonly text: string
  readonly checks: readonly MemoryCheck[]
}

const DAY_SECONDS = 86_400
const HOUR_SECONDS = 3600

/**
 * Why a thread has no memory. Each check knows one condition and its reason; the first that fails gives the answer.
 * They stand in the order in which they decide: a thread that is left out for good before one that is only early.
 */
export function explainMemory(question: MemoryQuestion): MemoryAnswer {
  const results = CHECKS.map((check) => ({ name: check.name, ...check.look(question) }))
  const checks = results.map(({ reason: _, ...check }) => check)
  const failed = results.find(({ outcome }) => outcome === 'fail')
  if (question.memory) {
    return { reason: 'has-memory', text: 'it has a memory', checks }
  }
  if (failed) return { reason: failed.reason ?? 'not-come-up', text: failed.detail, checks }
  if (question.isInOtherPipeline) {
    const other = question.pipeline === 'v1' ? 'v2' : 'v1'
    return { reason: 'other-pipeline', text: `its memory is in the other pipeline (${other})`, checks }
  }
  const { maxPerStartup } = question.home.rules
  return {
    reason: 'not-come-up',
    text: `not come up yet: ${question.home.settings?.maxPerStartup ?? maxPerStartup} threads are taken up at a start`,
    checks,
  }
}

type Look = Omit<MemoryCheck, 'name'> & { reason?: MemoryReason }

interface Check {
  readonly name: string
  look(question: MemoryQuestion): Look
}

const pass = (detail: string): Look => ({ outcome: 'pass', detail })
const unknown = (detail: string): Look => ({ outcome: 'not known', detail })
const fail = (reason: MemoryReason, detail: string, change?: string): Look => ({
  outcome: 'fail',
  reason,
  detail,
  ...(change !== undefined && { change }),
})

const CHECKS: readonly Check[] = [
  {
    name: 'feature',
    look({ home: { settings, rules } }) {
      const [feature] = rules.features
      if (feature === undefined) return fail('feature-off', 'this release has no memories')
      if (settings === undefined) return unknown('config.toml cannot be used')
      return settings.isOn
        ? pass(`features.${feature} is on`)
        : fail(
            'feature-off',
            `memories are off in this home: features.${feature} in config.toml`,
            `set features.${feature} = true`,
          )
    },
  },
  {
    name: 'row',
    look: ({ thread }) =>
      thread
        ? pass('it has a row')
        : fail('no-row', 'it has no row: it was started and never used, or deleted'),
  },
  {
    name: 'archived',
    look: ({ thread }) =>
      thread === undefined
        ? unknown('no row')
        : thread.isArchived
          ? fail('archived', 'it is archived', 'unarchive it')
          : pass('it is not archived'),
  },
  {
    name: 'source',
    look: ({ thread }) =>
      thread === undefined
        ? unknown('no row')
        : INTERACTIVE_SOURCES.some((source) => source === thread.source)
          ? pass(`source ${thread.source} is interactive`)
          : fail('source', `source ${thread.source} is not interactive`),
  },
  {
    name: 'message',
    look: ({ thread }) =>
      thread === undefined
        ? unknown('no row')
        : thread.firstUserMessage || thread.preview
          ? pass('it has a message of its user')
          : fail('no-message', 'it has no message of its user'),
  },
  {
    name: 'mode',
    look({ thread, home: { rules } }) {
      if (thread === undefined) return unknown('no row')
      if (!rules.obeysModes || thread.memoryMode === null) return pass('this release has no modes')
      if (thread.memoryMode === 'polluted')
        return fail('polluted', 'memory_mode is polluted: it used a web search or an MCP server')
      if (thread.memoryMode !== 'enabled')
        return fail(
          'disabled',
          `memory_mode is ${thread.memoryMode}`,
          'set its memory mode to enabled in Codex',
        )
      return pass('memory_mode is enabled')
    },
  },
  {
    name: 'job',
    look(question) {
      return lookAtJob(question)
    },
  },
  {
    name: 'age',
    look({ thread, home, nowMs }) {
      if (thread === undefined) return unknown('no row')
      const days = home.settings?.maxAgeDays ?? home.rules.maxAgeDays
      const ageDays = (nowMs - thread.updatedAtMs) / 1000 / DAY_SECONDS
      return ageDays > days
        ? fail(
            'too-old',
            `older than max_rollout_age_days (${days})`,
            'go on with the thread, or raise the setting',
          )
        : pass(`not older than max_rollout_age_days (${days})`)
    },
  },
  {
    name: 'idle',
    look({ thread, home, nowMs }) {
      if (thread === undefined) return unknown('no row')
      const hours = home.settings?.minIdleHours ?? home.rules.minIdleHours
      const idleHours = (nowMs - thread.updatedAtMs) / 1000 / HOUR_SECONDS
      return idleHours < hours
        ? fail(
            'not-idle',
            `idle for ${Math.max(0, Math.floor(idleHours))} h, less than min_rollout_idle_hours (${hours})`,
            'leave it alone for that long',
          )
        : pass(`idle for longer than min_rollout_idle_hours (${hours})`)
    },
  },
]

function lookAtJob({ thread, job, memory, home, nowMs }: MemoryQuestion): Look {
  if (job === undefined) return pass('no job has it yet')
  const nowSeconds = nowMs / 1000
  const updatedAt = thread === undefined ? null : Math.floor(thread.updatedAtMs / 1000)
  const isNewer = updatedAt !== null && job.inputWatermark !== null && updatedAt > job.inputWatermark
  if (job.status === 'running') {
    const isHeld = job.leaseUntilSeconds !== null && job.leaseUntilSeconds > nowSeconds
    return isHeld
      ? fail(
          'running',
          `a job has been at it since ${iso(job.startedAtSeconds)}, lease until ${iso(job.leaseUntilSeconds)}`,
        )
      : fail(
          'running',
          `a job began at ${iso(job.startedAtSeconds)} and did not end; its lease has run out`,
          'the next start of Codex takes it over',
        )
  }
  if (job.status === 'error' && !isNewer) {
    const error = job.lastError === null ? '' : `: ${job.lastError}`
    if (job.retryRemaining <= 0) {
      return fail('given-up', `given up after 3 tries${error}`, 'go on with the thread: it is tried again')
    }
    const tries = Math.max(1, 3 - job.retryRemaining)
    return fail('failed', `failed ${tries} of 3 times, next try after ${iso(job.retryAtSeconds)}${error}`)
  }
  const isDone =
    job.lastSuccessWatermark !== null && (updatedAt === null || job.lastSuccessWatermark >= updatedAt)
  if (isDone && memory === undefined) {
    const unusedDays = home.settings?.maxUnusedDays ?? home.rules.maxUnusedDays
    const isOld = nowSeconds - job.lastSuccessWatermark > unusedDays * DAY_SECONDS
    return home.rules.prunesUnused && isOld
      ? fail(
          'pruned',
          `removed as unused for longer than max_unused_days (${unusedDays}), or there was nothing worth keeping`,
          'go on with the thread',
        )
      : fail('found-nothing', 'looked through; nothing was worth keeping', 'go on with the thread')
  }
  return pass('no job stands in the way')
}

function iso(seconds: number | null): string {
  return seconds === null ? 'an unknown time' : new Date(seconds * 1000).toISOString().replace('.000', '')
}

/** Where a memory that is there stands. */
export function stateOfMemory(
  memory: StoredMemory,
  thread: ThreadRow | undefined,
  home: MemoryHome,
  nowMs: number,
): MemoryState {
  const mode = home.rules.obeysModes ? (thread?.memoryMode ?? null) : null
  if (mode === 'polluted') return 'polluted'
  if (mode !== null && mode !== 'enabled') return 'disabled'
  if (memory.isSelected === null) return 'unknown'
  if (memory.isSelected) {
    return memory.selectedSourceUpdatedAtSeconds !== null &&
      memory.selectedSourceUpdatedAtSeconds !== memory.sourceUpdatedAtSeconds
      ? 'newer-waiting'
      : 'consolidated'
  }
  const unusedDays = home.settings?.maxUnusedDays ?? home.rules.maxUnusedDays
  const usedAt = memory.lastUsageSeconds ?? memory.sourceUpdatedAtSeconds
  return nowMs / 1000 - usedAt > unusedDays * DAY_SECONDS ? 'unused' : 'waiting'
}
