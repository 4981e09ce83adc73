/** A row of `thread_memory`, which only 0.97, 0.98 and our own generation have. */
export interface ThreadMemory {
  threadId: string
  traceSummary: string
  memorySummary: string
  /** Unix seconds; every write moves it forward. */
  updatedAtSeconds: number
}

/**
 * The two ways in which Codex makes memories: `v1` in the state database, later in `memories_1.sqlite`, with its files in
 * `memories/`; `v2` (0.155 on) in `memories_v2_1.sqlite` and `memories_v2/`.
 */
export const MEMORY_PIPELINES = ['v1', 'v2'] as const
export type MemoryPipeline = (typeof MEMORY_PIPELINES)[number]

/** Where a memory stands. */
export const MEMORY_STATES = [
  /** Was part of the last consolidation, as it is now: it is in the summary. */
  'consolidated',
  /** Not consolidated yet. */
  'waiting',
  /** An older text of it was consolidated; the newer one waits. */
  'newer-waiting',
  /** Its thread was taken out of memories after it was made; it leaves the summary at the next consolidation. */
  'disabled',
  'polluted',
  /** Not used for so long that consolidation leaves it out; from 0.113 on the next start removes it. */
  'unused',
  /** Its thread has no row, so nothing takes it up any more. */
  'orphan',
  /** The layout does not say (to 0.104). */
  'unknown',
] as const
export type MemoryState = (typeof MEMORY_STATES)[number]

/** A memory of a thread, of whichever era. Times are Unix seconds, UTC. */
export interface Memory {
  threadId: string
  /** `null` in `thread_memory` (0.97, 0.98), which is of neither. */
  pipeline: MemoryPipeline | null
  /** Whether sessions read this pipeline. */
  isInUse: boolean
  /** `null` in `thread_memory`, which knows none. */
  state: MemoryState | null
  /** Of its thread; `null` when that has no row. */
  isArchived: boolean | null
  cwd: string | null
  title: string | null
  summary: string
  /** Empty in v2, always; `null` where the layout has none. */
  rawMemory: string | null
  slug: string | null
  /** When the thread was last gone on with, of all that is remembered of it; `null` where its row does not tell. */
  rememberedAtSeconds: number | null
  generatedAtSeconds: number | null
  /** How often answers cited it; `null` where none did, or nothing counts. */
  usageCount: number | null
  lastUsageSeconds: number | null
  /** The path of the database that holds it. */
  database: string
}

/** Which memories are asked for. */
export interface MemoryListQuery {
  threadId?: string | undefined
  /** Exact texts, as threads store them. */
  cwds?: readonly string[] | undefined
  /** `inUse` (default): those that sessions read, one for each thread at most. */
  pipelines?: 'inUse' | 'all' | MemoryPipeline | undefined
  /** Any of these; `archived` is said of a thread beside its state. */
  states?: readonly (MemoryState | 'archived')[] | undefined
  /** Whether an answer ever cited it. */
  isUsed?: boolean | undefined
}

/** Why a thread has no memory, or that it has one. */
export const MEMORY_REASONS = [
  'has-memory',
  'feature-off',
  'no-row',
  'archived',
  'source',
  'no-message',
  'disabled',
  'polluted',
  'running',
  'given-up',
  'failed',
  'found-nothing',
  'pruned',
  'too-old',
  'not-idle',
  'other-pipeline',
  'not-come-up',
] as const
export type MemoryReason = (typeof MEMORY_REASONS)[number]

export const MEMORY_CHECK_OUTCOMES = ['pass', 'fail', 'not known'] as const

/** One condition that a thread has to meet before Codex makes a memory of it. */
export interface MemoryCheck {
  readonly name: string
  readonly outcome: (typeof MEMORY_CHECK_OUTCOMES)[number]
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

/** What the memories of one span of releases are made by; numbers are the defaults of its settings. */
export interface MemoryRules {
  /** The first release of the span. */
  since: string
  /** What turns them on under `[features]`, the present name first; none before 0.99. */
  features: readonly string[]
  /** Another feature has to be on as well (to 0.104). */
  alsoNeeds: string | null
  /** Numbers under `[memories]` are obeyed (from 0.103; before, the defaults are fixed). */
  readsNumbers: boolean
  /** The tables are in the state database (to 0.134), or in one of their own. */
  isInState: boolean
  /** A second pipeline can be chosen (from 0.155). */
  hasTwoPipelines: boolean
  /** Without `memories.version` it is v1 where the folder `memories/` is, else v2 (from 0.165). */
  choosesByFolder: boolean
  /** `threads.memory_mode` is obeyed (from 0.107). */
  obeysModes: boolean
  minIdleHours: number
  maxAgeDays: number
  /** So many threads are taken up at one start. */
  maxPerStartup: number
  /** A memory that was not used for so long is left out of consolidation; `null` before 0.106, where none is. */
  maxUnusedDays: number | null
  /** … and removed at a start (from 0.113). */
  prunesUnused: boolean
  /** When a session looks for threads to remember. */
  startsAt: 'thread start' | 'first turn'
  /** Consolidation rests for 6 hours after a success, and before a retry (from 0.128); before, it runs when there is news. */
  rests: boolean
  /** From this share of its rate limit on, a ChatGPT login starts nothing (from 0.128). */
  sparesRateLimit: boolean
  /** The summary that a session is given is cut at so many tokens. */
  givenTokens: number
  /** The summary has to begin with the line `v1` (from 0.140). */
  needsFormatMark: boolean
}

const FIRST = {
  since: '0.93',
  features: [],
  alsoNeeds: null,
  readsNumbers: false,
  isInState: true,
  hasTwoPipelines: false,
  choosesByFolder: false,
  obeysModes: false,
  minIdleHours: 12,
  maxAgeDays: 30,
  maxPerStartup: 64,
  maxUnusedDays: null,
  prunesUnused: false,
  startsAt: 'thread start',
  rests: false,
  sparesRateLimit: false,
  givenTokens: 5000,
  needsFormatMark: false,
} as const satisfies MemoryRules

const CHANGES: readonly (Partial<MemoryRules> & { since: string })[] = [
  { since: '0.99', features: ['memory_tool'], alsoNeeds: 'sqlite' },
  { since: '0.103', readsNumbers: true },
  { since: '0.104', maxPerStartup: 8 },
  { since: '0.105', features: ['memories', 'memory_tool'], alsoNeeds: null },
  { since: '0.106', minIdleHours: 6, maxPerStartup: 16, maxUnusedDays: 30 },
  { since: '0.107', obeysModes: true },
  { since: '0.113', prunesUnused: true },
  { since: '0.128', startsAt: 'first turn', rests: true, sparesRateLimit: true },
  { since: '0.135', isInState: false },
  { since: '0.140', maxAgeDays: 10, maxPerStartup: 2, givenTokens: 2500, needsFormatMark: true },
  { since: '0.155', hasTwoPipelines: true },
  { since: '0.165', choosesByFolder: true },
]

/** Oldest first. */
export const MEMORY_RULES: readonly MemoryRules[] = spread(FIRST)

/** Each span is the one before with its changes. */
function spread(first: MemoryRules): MemoryRules[] {
  const rules = [first]
  for (const change of CHANGES) rules.push({ ...(rules.at(-1) ?? first), ...change })
  return rules
}

/** What `config.toml` says of memories, with the release's defaults for what it leaves out. */
export interface MemorySettings {
  /** Off in every release unless it is turned on. */
  isOn: boolean
  usesMemories: boolean
  generatesMemories: boolean
  minIdleHours: number
  maxAgeDays: number
  maxPerStartup: number
  maxUnusedDays: number | null
  version: MemoryPipeline | undefined
  /** Both pipelines are filled; one is read. */
  writesBoth: boolean
}

/** A fault of some releases that shows in a home and looks like a choice of its user. */
export interface MemoryFault {
  /** Where a user meets it. */
  readonly shows: 'enabled' | 'disabled' | 'orphan'
  readonly since: string
  /** The first release without it. */
  readonly until: string
  readonly text: string
}

export const MEMORY_FAULTS: readonly MemoryFault[] = [
  {
    shows: 'enabled',
    since: '0.124',
    // 0.128 was seen without it; between the two no release was tried.
    until: '0.128',
    text: '0.124 and 0.125 write enabled over polluted whenever they list threads, so it may have been polluted',
  },
  {
    shows: 'disabled',
    since: '0.107',
    until: '0.125',
    text: '`codex debug clear-memories` of 0.118 and 0.120 disables every thread, so its user need not have done it',
  },
  {
    shows: 'orphan',
    since: '0.99',
    until: '0.128',
    text: 'to 0.125 Codex does not notice when a rollout is removed by hand: the job and the text stay until something else is consolidated',
  },
]
