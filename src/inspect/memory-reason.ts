import type {
  MemoryAnswer,
  MemoryCheck,
  MemoryFault,
  MemoryPipeline,
  MemoryReason,
  MemoryState,
} from '../model/memory.js'
import { INTERACTIVE_SOURCES } from '../model/releases.js'
import type { ThreadRow } from '../model/thread.js'
import { findMemoryFault } from '../schema/memory-settings.js'
import { type MemoryHome, whyOff } from './memory-home.js'

/** A job of the first phase, as stored; seconds are Unix seconds, UTC. */
export interface MemoryJob {
  readonly status: string
  readonly leaseUntilSeconds: number | null
  readonly retryAtSeconds: number | null
  readonly retryRemaining: number
  readonly lastError: string | null
  readonly startedAtSeconds: number | null
  readonly finishedAtSeconds: number | null
  readonly inputWatermark: number | null
  readonly lastSuccessWatermark: number | null
}

/** A memory of a thread, as stored. */
export interface StoredMemory {
  /** `null` where the row does not tell. */
  readonly sourceUpdatedAtSeconds: number | null
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
  /** Jobs of the first phase that are under way in this pipeline, with a lease that holds. */
  readonly runningCount: number
}

const DAY_SECONDS = 86_400
const HOUR_SECONDS = 3600

/**
 * Why a thread has no memory. Each check knows one condition and its reason; the first that fails gives the answer.
 * They stand in the order in which they decide: a thread that is left out for good before one that is only early.
 */
export function explainMemory(question: MemoryQuestion): MemoryAnswer {
  const { home, memory, thread, pipeline, isInOtherPipeline } = question
  // Where there are none at all, no other condition means anything.
  const looked = home.rules.features.length === 0 ? CHECKS.slice(0, 1) : CHECKS
  const results = looked.map((check) => ({ name: check.name, ...check.look(question) }))
  const checks = results.map(({ reason: _, ...check }) => check)
  if (memory) {
    const isOlder =
      thread !== undefined && secondsOf(thread) > (memory.sourceUpdatedAtSeconds ?? secondsOf(thread))
    const text = isOlder ? 'it has a memory, and was gone on with since' : 'it has a memory'
    return { reason: 'has-memory', text, checks }
  }
  const failed = results.find(({ outcome }) => outcome === 'fail')
  const other = pipeline === 'v1' ? 'v2' : 'v1'
  const elsewhere = `it has one in the other pipeline (${other}), which is not read`
  if (failed?.reason !== undefined) {
    const text = isInOtherPipeline ? `${failed.detail}; ${elsewhere}` : failed.detail
    return { reason: failed.reason, text, checks }
  }
  if (isInOtherPipeline) return { reason: 'other-pipeline', text: elsewhere, checks }
  const { maxPerStartup } = home.settings ?? home.rules
  const when = home.rules.startsAt === 'first turn' ? 'the first turn of a session' : 'the start of a session'
  return {
    reason: 'not-come-up',
    text: `not come up yet: ${when} takes up at most ${maxPerStartup}, the newest first`,
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
    look({ home }) {
      const off = whyOff(home)
      const [feature] = home.rules.features
      if (off !== undefined) {
        return fail('feature-off', off, feature && `set features.${feature} = true, or start Codex with it`)
      }
      return home.settings === undefined
        ? unknown('config.toml cannot be used')
        : pass(`features.${feature} is on`)
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
          : fail('source', `source ${wordOf(thread.source)} is not interactive`),
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
    look({ thread, home: { rules, settings, version } }) {
      if (thread === undefined) return unknown('no row')
      if (!rules.obeysModes || thread.memoryMode === null) return pass('this release obeys no memory_mode')
      if (thread.memoryMode === 'polluted')
        return fail('polluted', 'memory_mode is polluted: it used a web search or an MCP server')
      if (thread.memoryMode !== 'enabled')
        return fail(
          'disabled',
          withFault(`memory_mode is ${thread.memoryMode}`, 'disabled', version),
          settings?.generatesMemories === false
            ? 'set its memory mode to enabled in Codex; new threads are disabled while memories.generate_memories is false'
            : 'set its memory mode to enabled in Codex',
        )
      return pass(withFault('memory_mode is enabled', 'enabled', version))
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
  {
    name: 'memory',
    look({ thread, memory }) {
      if (memory === undefined) return pass('it has no memory yet')
      if (thread === undefined) return unknown('no row')
      if (memory.sourceUpdatedAtSeconds === null) return unknown('of when its memory is, is not stored')
      return memory.sourceUpdatedAtSeconds >= secondsOf(thread)
        ? {
            outcome: 'fail',
            detail: 'nothing to do: its memory is as new as the thread',
            change: 'go on with the thread',
          }
        : pass('its memory is older than the thread')
    },
  },
  {
    name: 'room',
    look({ runningCount, home }) {
      const { maxPerStartup } = home.settings ?? home.rules
      return runningCount < maxPerStartup
        ? pass(`${runningCount} of at most ${maxPerStartup} jobs are under way`)
        : {
            outcome: 'fail',
            detail: `${runningCount} jobs are under way, and no more than ${maxPerStartup} may be`,
          }
    },
  },
  {
    name: 'session',
    look: () => unknown('whether it is the running thread, which is left out'),
  },
  {
    name: 'limits',
    look: ({ home: { rules } }) =>
      rules.sparesRateLimit
        ? unknown('with a ChatGPT login, whether enough of its rate limit is left')
        : pass('this release asks for no rest of a rate limit'),
  },
]

function secondsOf(thread: ThreadRow): number {
  return Math.floor(thread.updatedAtMs / 1000)
}

function withFault(text: string, shows: MemoryFault['shows'], version: string | undefined): string {
  const fault = findMemoryFault(shows, version)
  return fault === undefined ? text : `${text} (${fault})`
}

/** A stored source is a word, or an object with one key. */
function wordOf(source: string): string {
  return /^\{"(\w+)":/.exec(source)?.[1] ?? source
}

function lookAtJob({ thread, job, memory, home, nowMs }: MemoryQuestion): Look {
  if (job === undefined) return pass('no job has it yet')
  const nowSeconds = nowMs / 1000
  const updatedAt = thread === undefined ? null : secondsOf(thread)
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
    const error = job.lastError === null ? '' : `: ${job.lastError.replace(/[.\s]+$/, '')}`
    if (job.retryRemaining <= 0) {
      return fail('given-up', `given up after 3 tries${error}`, 'go on with the thread: it is tried again')
    }
    const isPast = job.retryAtSeconds !== null && job.retryAtSeconds <= nowSeconds
    const next = isPast ? 'the next start' : iso(job.retryAtSeconds)
    return fail('failed', `failed ${triesOf(job)} of 3, next try at ${next}${error}`)
  }
  const isDone =
    job.lastSuccessWatermark !== null && (updatedAt === null || job.lastSuccessWatermark >= updatedAt)
  if (isDone && memory === undefined) {
    return isPrunable(job, home, nowMs)
      ? fail(
          'pruned',
          `removed as unused for longer than max_unused_days (${unusedDaysOf(home)}), or there was nothing worth keeping`,
          'go on with the thread',
        )
      : fail('found-nothing', 'looked through; nothing was worth keeping', 'go on with the thread')
  }
  return pass('no job stands in the way')
}

/** How many of its three tries a job has failed in. */
export function triesOf({ retryRemaining }: MemoryJob): number {
  return Math.max(1, 3 - retryRemaining)
}

function iso(seconds: number | null): string {
  return seconds === null ? 'an unknown time' : new Date(seconds * 1000).toISOString().replace('.000', '')
}

/** Whether what a job that is done once made can have been removed as unused since. */
export function isPrunable({ lastSuccessWatermark }: MemoryJob, home: MemoryHome, nowMs: number): boolean {
  const unusedDays = unusedDaysOf(home)
  if (!home.rules.prunesUnused || unusedDays === null) return false
  return nowMs / 1000 - (lastSuccessWatermark ?? 0) > unusedDays * DAY_SECONDS
}

function unusedDaysOf({ settings, rules }: MemoryHome): number | null {
  return settings ? settings.maxUnusedDays : rules.maxUnusedDays
}

/**
 * Where a memory that is there stands.
 *
 * @param thread `null` when it has no row; `undefined` where that is not known
 */
export function stateOfMemory(
  memory: StoredMemory,
  thread: ThreadRow | null | undefined,
  home: MemoryHome,
  nowMs: number,
): MemoryState {
  if (thread === null) return 'orphan'
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
  const unusedDays = unusedDaysOf(home)
  const usedAt = memory.lastUsageSeconds ?? memory.sourceUpdatedAtSeconds
  const isUnused = unusedDays !== null && usedAt !== null && nowMs / 1000 - usedAt > unusedDays * DAY_SECONDS
  return isUnused ? 'unused' : 'waiting'
}
