/**
 * How one span of Codex releases reads a rollout. Releases differ in what they make of the same line, and a row
 * is expected to look as if the release that owns the database had written it; so the caller picks the rules, and
 * no code asks for a version.
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
  /** A message of audio alone is shown as `[Audio]` (from 0.145). */
  showsAudio: boolean
  /** Threads of the approval reviewer get fixed texts and no user message (from 0.157). */
  namesGuardianThreads: boolean
}

/** What a thread without any restriction is allowed, as a profile and as seen in rows of 0.136 on. */
export const DISABLED_PROFILE = '{"type":"disabled"}'

/** The profile that stands for a read-only policy. */
export const READ_ONLY_PROFILE =
  '{"type":"managed","file_system":{"type":"restricted","entries":[{"path":{"type":"special","value":{"kind":"root"}},"access":"read"}]},"network":"restricted"}'

export const READ_ONLY_POLICY = '{"type":"read-only"}'

const since93: MetadataRules = {
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
}
const since96: MetadataRules = { ...since93, titleFromResponseItems: false }
const since99: MetadataRules = { ...since96, marksUserEvents: false }
const since105: MetadataRules = {
  ...since99,
  threadSpawnKeys: ['parent_thread_id', 'depth', 'agent_nickname', 'agent_role'],
}
const since106: MetadataRules = { ...since105, cwdFollowsTurns: false }
const since117: MetadataRules = {
  ...since106,
  threadSpawnKeys: ['parent_thread_id', 'depth', 'agent_path', 'agent_nickname', 'agent_role'],
}
const since120: MetadataRules = { ...since117, titleFollowsNames: true }
const since130: MetadataRules = { ...since120, titleFollowsNames: false }
const since136: MetadataRules = { ...since130, storesPermissionProfile: true }
const since143: MetadataRules = { ...since136, onFailureIsOnRequest: true }
const since145: MetadataRules = { ...since143, showsAudio: true }
const since157: MetadataRules = {
  ...since145,
  namesGuardianThreads: true,
  // Still the policy in 0.140 and the profile in 0.169; in which release it changed is not known.
  defaultSandboxPolicy: READ_ONLY_PROFILE,
}

/** The rules by the first release that has them, oldest first. */
export const METADATA_RULES = {
  '0.93': since93,
  '0.96': since96,
  '0.99': since99,
  '0.105': since105,
  '0.106': since106,
  '0.117': since117,
  '0.120': since120,
  '0.130': since130,
  '0.136': since136,
  '0.143': since143,
  '0.145': since145,
  '0.157': since157,
} as const

/** The rules of `state_4.sqlite`, which our own databases follow. */
export const SEED_RULES: MetadataRules = METADATA_RULES['0.99']

/** The rules of the newest release that was looked at, 0.169. */
export const CURRENT_RULES: MetadataRules = METADATA_RULES['0.157']
