/** A row with any other makes the thread list of Codex fail. */
export const HISTORY_MODES = ['legacy', 'paginated'] as const

/**
 * What a rollout says about its thread, and what a writer stores: the columns of `threads` that are derived
 * from the rollout file. Columns that only the database has (name, section, project …) are in
 * `ThreadRow` only, so a metadata upsert cannot overwrite them.
 */
export interface ThreadMetadata {
  /** Lower-case hyphenated UUID. */
  id: string
  /** Absolute path of the plain `.jsonl` name, even where only `.jsonl.zst` is on disk. */
  rolloutPath: string
  /** Unix milliseconds, UTC. */
  createdAtMs: number
  /** Unix milliseconds, UTC: the rollout file's modification time. */
  updatedAtMs: number
  /** The stored text: a plain word (`cli`, `vscode`, `exec` …) or compact JSON (`{"subagent":"review"}`). */
  source: string
  modelProvider: string
  cwd: string
  /** Empty when there is none; never truncated, may span lines. */
  title: string
  /** JSON text: a sandbox policy (to 0.135) or a permission profile (from 0.136). */
  sandboxPolicy: string
  /** A word or JSON text. */
  approvalMode: string
  /** Last `total_token_usage.total_tokens`, never negative. */
  tokensUsed: number
  /** `null` when the thread has no user message. */
  firstUserMessage: string | null
  /** Text shown in lists; `null` when none. Its own column since migration 32. */
  preview: string | null
  /** `true` once a user message was seen; a column that only 0.93 to 0.98 fill. */
  hasUserEvent: boolean
  /** Unix seconds, `null` while active. */
  archivedAtSeconds: number | null
  gitSha: string | null
  gitBranch: string | null
  gitOriginUrl: string | null
  /** Empty when unknown. */
  cliVersion: string
  agentNickname: string | null
  agentRole: string | null
  agentPath: string | null
  model: string | null
  reasoningEffort: string | null
  threadSource: string | null
  /** `legacy` or `paginated`; only ever upgraded. */
  historyMode: string
  originator: string | null
  creatorUserId: string | null
  creatorAccountId: string | null
  /** `memory_mode` of the last session_meta that has one; `null` when none has. An upsert stores it on insert only. */
  memoryMode: string | null
}

/**
 * A row of `threads` in our names, whatever the layout: a column that the layout lacks reads as `null`.
 * JSON columns stay as their stored text.
 */
export interface ThreadRow {
  id: string
  rolloutPath: string
  /** Unix milliseconds; a layout that stores only seconds gives whole seconds × 1000. */
  createdAtMs: number
  updatedAtMs: number
  /** Start of the last turn, unix milliseconds. */
  recencyAtMs: number | null
  source: string
  modelProvider: string
  cwd: string
  title: string
  sandboxPolicy: string
  approvalMode: string
  tokensUsed: number
  hasUserEvent: boolean | null
  isArchived: boolean
  archivedAtSeconds: number | null
  gitSha: string | null
  gitBranch: string | null
  gitOriginUrl: string | null
  cliVersion: string | null
  firstUserMessage: string | null
  agentNickname: string | null
  agentRole: string | null
  memoryMode: string | null
  model: string | null
  reasoningEffort: string | null
  agentPath: string | null
  threadSource: string | null
  preview: string | null
  historyMode: string | null
  /** Explicit name of a paginated thread. */
  name: string | null
  isPinned: boolean | null
  threadSectionId: string | null
  sectionPosition: number | null
  sectionEnteredAtMs: number | null
  projectId: string | null
  originator: string | null
  daybreakEnabled: boolean | null
  creatorUserId: string | null
  creatorAccountId: string | null
  attachedThreadParentId: string | null
}

/** One tool that the client of a thread brought along; rows of `thread_dynamic_tools`, 0.95 to 0.135. */
export interface DynamicTool {
  /** 0-based. */
  position: number
  name: string
  description: string
  /** JSON text. */
  inputSchema: string
  /** `null` where the layout lacks the column (before migration 19). */
  deferLoading: boolean | null
  namespace: string | null
}
