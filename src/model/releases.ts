import type { ThreadRow } from './thread.js'

/**
 * How one span of Codex releases reads a rollout. Releases differ in what they make of the same line, and a row
 * is expected to look as if the release that owns the database had written it.
 *
 * Where a rule only fills a column that older layouts lack (model, preview, agent path …) it needs no switch: the
 * value is always extracted, and a writer leaves out what the layout has no column for.
 */
export interface MetadataRules {
  /** A user-role `response_item` sets the title as well, so injected context can become it (to 0.95). */
  titleFromResponseItems: boolean
  /** `hasUserEvent` is filled (to 0.98); later releases leave the column at 0. */
  marksUserEvents: boolean
  /** Each turn's cwd replaces the thread's (to 0.105); else it only fills an empty one. */
  cwdFollowsTurns: boolean
  /** The keys of a `thread_spawn` source in the order they are written; those after `depth` may be `null`. */
  threadSpawnKeys: readonly string[]
  /** A rename replaces the title (0.120 to 0.129). */
  titleFollowsNames: boolean
  /** Stores the permission profile, derived from the sandbox policy where a line has none (from 0.136). */
  storesPermissionProfile: boolean
  /** The stored text of a thread that never had a turn. */
  defaultSandboxPolicy: string
  /** `on-failure` is read as `on-request` (from 0.143). */
  onFailureIsOnRequest: boolean
  /** A message that is only audio is shown as `[Audio]` (from 0.145). */
  showsAudio: boolean
  /** Threads of the approval reviewer get fixed texts and no user message (from 0.157). */
  namesGuardianThreads: boolean
}

/** What the Codex releases of one span have in common: what they keep, list, cut and count. */
export interface Release extends MetadataRules {
  /** The first release of the span, without its patch level. */
  since: string
  /** The newest migration of a state database that this release leaves. */
  migration: number
  /** The number in the name of its state database. */
  generation: number
  /** A column of `threads` that came with this span: tells it where no migrations are recorded. */
  brought?: keyof ThreadRow

  // What it lists.

  /** What tells that a thread has something to show, and so whether it is listed. */
  content: 'hasUserEvent' | 'firstUserMessage' | 'preview'
  /** Archived threads are listed without anything to show, too (from 0.159). */
  listsEmptyArchived: boolean
  /**
   * Each entry of a list is made from the head of the rollout (to 0.98): without a message that its user typed
   * before the event that reports it, a thread is left out.
   */
  listsFromHeads: boolean
  /** Lists of some sources and providers, as the picker asks for, are made from the heads (from 0.124). */
  filteredFromHeads: boolean
  /** In those, values of git that the row has go before those of the head (from 0.129). */
  listsGitOfRows: boolean
  /** What a list does with a row whose rollout is gone: shows it, deletes it (0.100 to 0.146), leaves it out. */
  missingRollouts: 'shown' | 'deleted' | 'skipped'
  /** Lists look through the files as well, and give a thread without a row one (0.100 to 0.147). */
  scansFiles: boolean
  /** Threads of the same time come in the order of their rows (from 0.122), and not by id. */
  sortsByTimeAlone: boolean
  /** The picker finds a folder in any spelling of it (0.106 to 0.125), and not by its text. */
  matchesFolderSpellings: boolean
  /** A thread shown inside another one is left out of lists (from 0.165). */
  hidesAttached: boolean

  // What it stores.

  /** Folders are stored as they really are, by a running Codex (from 0.99) and by a backfill (from 0.108). */
  normalizesLiveCwd: boolean
  normalizesBackfilledCwd: boolean
  /** Values of git that are there stay, and a client can set others (from 0.108). */
  keepsGit: boolean
  /** They stay also where an upsert brings none (from 0.129). */
  mergesGit: boolean
  /**
   * An upsert leaves a title that is not the first message (from 0.120, of whose rows no column tells, so from 0.117:
   * between the two nothing set one). Codex itself lost it at the next reconcile until 0.137.
   */
  keepsTitles: boolean
  /** The name of a thread that is not paginated is its title (from 0.121). */
  namesAreTitles: boolean
  /** The tools of a session_meta have rows of their own (0.95 to 0.135). */
  storesTools: boolean
  /** Times are kept to the millisecond, and those of change are unique (from 0.121). */
  hasUniqueTimes: boolean
  /** A running Codex writes its clock as time of change, and not the file's (from 0.131). */
  touchesRows: boolean
  /** Logs have a database of their own (from 0.113). */
  hasLogDatabase: boolean
}

/** What a thread without any restriction is allowed, as a profile and as seen in rows of 0.136 on. */
export const DISABLED_PROFILE = '{"type":"disabled"}'

/** The profile that stands for a read-only policy. */
export const READ_ONLY_PROFILE =
  '{"type":"managed","file_system":{"type":"restricted","entries":[{"path":{"type":"special","value":{"kind":"root"}},"access":"read"}]},"network":"restricted"}'

export const READ_ONLY_POLICY = '{"type":"read-only"}'

/** What the picker shows: sessions that people began. The custom ones are Codex's own apps (0.116 on). */
export const INTERACTIVE_SOURCES = ['cli', 'vscode', '{"custom":"atlas"}', '{"custom":"chatgpt"}'] as const

const FIRST = {
  since: '0.93',
  migration: 3,
  generation: 0,
  titleFromResponseItems: true,
  marksUserEvents: true,
  cwdFollowsTurns: true,
  threadSpawnKeys: ['parent_thread_id', 'depth'],
  titleFollowsNames: false,
  storesPermissionProfile: false,
  defaultSandboxPolicy: READ_ONLY_POLICY,
  onFailureIsOnRequest: false,
  showsAudio: false,
  namesGuardianThreads: false,
  content: 'hasUserEvent',
  listsEmptyArchived: false,
  listsFromHeads: true,
  filteredFromHeads: false,
  listsGitOfRows: false,
  missingRollouts: 'shown',
  scansFiles: false,
  sortsByTimeAlone: false,
  matchesFolderSpellings: false,
  hidesAttached: false,
  normalizesLiveCwd: false,
  normalizesBackfilledCwd: false,
  keepsGit: false,
  mergesGit: false,
  keepsTitles: false,
  namesAreTitles: false,
  storesTools: false,
  hasUniqueTimes: false,
  touchesRows: false,
  hasLogDatabase: false,
} as const satisfies Release

/** What each span changed, oldest first; all else is as in the one before. */
const CHANGES = [
  { since: '0.95', migration: 4, storesTools: true },
  { since: '0.96', migration: 4, generation: 2, titleFromResponseItems: false },
  {
    since: '0.99',
    migration: 8,
    generation: 4,
    brought: 'firstUserMessage',
    marksUserEvents: false,
    content: 'firstUserMessage',
    listsFromHeads: false,
    normalizesLiveCwd: true,
  },
  { since: '0.100', migration: 8, generation: 5, missingRollouts: 'deleted', scansFiles: true },
  {
    since: '0.105',
    migration: 17,
    brought: 'agentNickname',
    threadSpawnKeys: ['parent_thread_id', 'depth', 'agent_nickname', 'agent_role'],
  },
  {
    since: '0.106',
    migration: 18,
    brought: 'memoryMode',
    cwdFollowsTurns: false,
    matchesFolderSpellings: true,
  },
  { since: '0.108', migration: 18, normalizesBackfilledCwd: true, keepsGit: true },
  { since: '0.113', migration: 18, hasLogDatabase: true },
  {
    since: '0.117',
    migration: 22,
    brought: 'agentPath',
    keepsTitles: true,
    threadSpawnKeys: ['parent_thread_id', 'depth', 'agent_path', 'agent_nickname', 'agent_role'],
  },
  { since: '0.120', migration: 24, titleFollowsNames: true },
  { since: '0.121', migration: 25, hasUniqueTimes: true, namesAreTitles: true },
  { since: '0.122', migration: 25, sortsByTimeAlone: true },
  { since: '0.124', migration: 27, filteredFromHeads: true },
  { since: '0.126', migration: 29, matchesFolderSpellings: false },
  { since: '0.129', migration: 30, brought: 'threadSource', listsGitOfRows: true, mergesGit: true },
  { since: '0.130', migration: 31, titleFollowsNames: false },
  { since: '0.131', migration: 32, brought: 'preview', content: 'preview', touchesRows: true },
  { since: '0.135', migration: 35 },
  { since: '0.136', migration: 35, storesPermissionProfile: true, storesTools: false },
  { since: '0.143', migration: 40, brought: 'historyMode', onFailureIsOnRequest: true },
  { since: '0.145', migration: 42, brought: 'name', showsAudio: true },
  {
    since: '0.147',
    migration: 46,
    brought: 'threadSectionId',
    missingRollouts: 'skipped',
  },
  { since: '0.148', migration: 48, scansFiles: false },
  { since: '0.157', migration: 57, brought: 'creatorUserId', namesGuardianThreads: true },
  { since: '0.159', migration: 58, listsEmptyArchived: true },
  {
    since: '0.165',
    migration: 62,
    brought: 'attachedThreadParentId',
    hidesAttached: true,
    // Still the policy in 0.160 and the profile in 0.169; in which release it changed is not known.
    defaultSandboxPolicy: READ_ONLY_PROFILE,
  },
] as const satisfies readonly (Pick<Release, 'since' | 'migration'> & Partial<Release>)[]

type Since = typeof FIRST.since | (typeof CHANGES)[number]['since']

/** Oldest first. */
export const RELEASES: readonly Release[] = spread(FIRST, CHANGES)

function spread(first: Release, changes: readonly Partial<Release>[]): Release[] {
  const releases = [first]
  for (const change of changes) {
    const { brought: _, ...before } = releases.at(-1) ?? first
    releases.push({ ...before, ...change })
  }
  return releases
}

/** How each span reads rollouts, by its first release, oldest first. */
export const METADATA_RULES = Object.fromEntries(
  RELEASES.map((release) => [release.since, release]),
) as unknown as Readonly<Record<Since, MetadataRules>>

/** The rules of `state_4.sqlite`, which our own databases follow. */
export const SEED_RULES: MetadataRules = METADATA_RULES['0.99']

/** The rules of the newest release that was looked at, 0.169. */
export const CURRENT_RULES: MetadataRules = RELEASES.at(-1)!

/** State databases before this one hold their logs themselves, whatever log database lies beside them. */
export const FIRST_GENERATION_WITH_LOG_DATABASE = RELEASES.find(
  ({ hasLogDatabase }) => hasLogDatabase,
)!.generation

/**
 * What stays of a partition of the logs (a thread, or the rows outside any thread of one process, or those of no known
 * process), by the database that holds them: its newest rows that together have so many bytes (from 0.105), and so
 * many rows at most (from 0.113, which brought databases of logs).
 */
export const LOG_PARTITIONS = {
  state: { maxBytes: 10_485_760, maxRows: Number.MAX_SAFE_INTEGER },
  logs: { maxBytes: 10_485_760, maxRows: 1000 },
} as const

/** What a state database tells of the release that writes to it. */
export interface ReleaseTraces {
  /** The newest that is recorded; `undefined` where none are. */
  newestMigration: number | undefined
  /** The number in its name, 0 without one; `undefined` for a name that is not Codex's. */
  generation: number | undefined
  /** Properties of a thread that the table has a column for. */
  hasColumn: (name: keyof ThreadRow) => boolean
  /** The newest release that the rows show; asked where the migrations fit several spans. */
  findNewestVersion: () => string | undefined
}

/**
 * The span of releases that write to a database like this one: by its migrations; where those are the same in
 * several spans, by what the rows show. Rows of the earlier span are understood by the later one, so without a
 * trace of the later it is the earlier.
 */
export function chooseRelease(traces: ReleaseTraces): Release {
  const { newestMigration, generation } = traces
  const fitting = RELEASES.filter((release) => generation === undefined || release.generation <= generation)
  const last = fitting.at(-1) ?? FIRST
  if (newestMigration === undefined) {
    const ofGeneration = fitting.filter(
      (release) => generation !== undefined && release.generation === last.generation,
    )
    const byColumn = fitting.findLast(({ brought }) => brought !== undefined && traces.hasColumn(brought))
    const [first = FIRST] = ofGeneration
    return byColumn && RELEASES.indexOf(byColumn) > RELEASES.indexOf(first) ? byColumn : first
  }
  const newest = fitting.findLast(({ migration }) => migration <= newestMigration) ?? FIRST
  const alike = fitting.filter(
    (release) => release.migration === newest.migration && release.generation === newest.generation,
  )
  // Later migrations than the span began with are those of its later releases.
  if (alike.length === 1 || newestMigration > newest.migration) return newest
  const version = traces.findNewestVersion() ?? ''
  return alike.findLast(({ since }) => compareVersions(version, since) >= 0) ?? alike[0] ?? newest
}

/** By their numbers; what is no number counts as 0. */
export function compareVersions(one: string, other: string): number {
  const [ours, theirs] = [one, other].map((version) =>
    version.split('.').map((part) => Number.parseInt(part, 10) || 0),
  )
  for (let index = 0; index < 3; index++) {
    const difference = (ours?.[index] ?? 0) - (theirs?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** How long after an event its row is written: in batches, of an age that changed twice (measured). */
const LOG_FLUSHES = [
  { since: '0.93', ms: 250 },
  { since: '0.113', ms: 2000 },
  { since: '0.149', ms: 10_000 },
] as const

/** The migration that 0.149 brought to the state database. */
const MIGRATION_OF_SLOW_FLUSHES = 49

/** By the newest of what a state database tells; without a trace the longest, which claims least. */
export function chooseLogFlushMs(version: string | undefined, newestMigration: number | undefined): number {
  if (newestMigration !== undefined && newestMigration >= MIGRATION_OF_SLOW_FLUSHES) return 10_000
  if (version === undefined || !/^\d/.test(version)) return 10_000
  return LOG_FLUSHES.findLast(({ since }) => compareVersions(version, since) >= 0)?.ms ?? 10_000
}
