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
  /** Not used for so long that the next start removes it. */
  'unused',
  /** The layout does not say (to 0.104). */
  'unknown',
] as const
export type MemoryState = (typeof MEMORY_STATES)[number]

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

/** What the memories of one span of releases are made by; numbers are the defaults of its settings. */
export interface MemoryRules {
  /** The first release of the span. */
  since: string
  /** What turns them on under `[features]`, the present name first; none before 0.99. */
  features: readonly string[]
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
  /** A memory that was not used for so long is left out of consolidation (from 0.106). */
  maxUnusedDays: number
  /** … and removed at a start (from 0.113). */
  prunesUnused: boolean
  /** When a session looks for threads to remember. */
  startsAt: 'thread start' | 'first turn'
  /** The summary that a session is given is cut at so many tokens. */
  givenTokens: number
  /** The summary has to begin with the line `v1` (from 0.140). */
  needsFormatMark: boolean
}

const FIRST = {
  since: '0.93',
  features: [],
  isInState: true,
  hasTwoPipelines: false,
  choosesByFolder: false,
  obeysModes: false,
  minIdleHours: 12,
  maxAgeDays: 30,
  maxPerStartup: 64,
  maxUnusedDays: 30,
  prunesUnused: false,
  startsAt: 'thread start',
  givenTokens: 5000,
  needsFormatMark: false,
} as const satisfies MemoryRules

const CHANGES: readonly (Partial<MemoryRules> & { since: string })[] = [
  { since: '0.99', features: ['memory_tool'] },
  { since: '0.104', maxPerStartup: 8 },
  { since: '0.105', features: ['memories', 'memory_tool'] },
  { since: '0.106', minIdleHours: 6, maxPerStartup: 16 },
  { since: '0.107', obeysModes: true },
  { since: '0.113', prunesUnused: true },
  { since: '0.128', startsAt: 'first turn' },
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
  maxUnusedDays: number
  version: MemoryPipeline | undefined
  /** Both pipelines are filled; one is read. */
  writesBoth: boolean
}
