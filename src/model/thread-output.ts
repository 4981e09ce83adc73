import type { ThreadRow } from './thread.js'

/** What a stored value means, and so how it is printed. `wordOrJson` is a plain word or a JSON object. */
export type ThreadFieldKind =
  | 'text'
  | 'id'
  | 'path'
  | 'number'
  | 'flag'
  | 'millis'
  | 'seconds'
  | 'json'
  | 'wordOrJson'

/** A field that is a column, or one of some that are made of several. */
export type ThreadField =
  | { property: keyof ThreadRow; kind: ThreadFieldKind }
  /** What its user called it: the column of paginated threads, else `session_index.jsonl`. */
  | { made: 'name' }
  /** What a list calls it: name, title, preview or first message, whichever is there first. */
  | { made: 'label' }
  /** Continues the list after this thread. */
  | { made: 'cursor' }
  /** What it used by its rollout, where that was read; else what its row says. */
  | { made: 'totalTokens' }
  /** Which of both it is. */
  | { made: 'tokensFrom' }

/**
 * The fields of a thread as it is printed: what a reader looks for first, then the columns as they stand in the
 * table. Each has a form in SQL (query/threads/json.ts) and one in JavaScript (format/thread-fields.ts).
 */
export const THREAD_OUTPUT = {
  id: { property: 'id', kind: 'id' },
  name: { made: 'name' },
  title: { property: 'title', kind: 'text' },
  preview: { property: 'preview', kind: 'text' },
  first_user_message: { property: 'firstUserMessage', kind: 'text' },
  created_at: { property: 'createdAtMs', kind: 'millis' },
  updated_at: { property: 'updatedAtMs', kind: 'millis' },
  recency_at: { property: 'recencyAtMs', kind: 'millis' },
  archived: { property: 'isArchived', kind: 'flag' },
  archived_at: { property: 'archivedAtSeconds', kind: 'seconds' },
  source: { property: 'source', kind: 'wordOrJson' },
  thread_source: { property: 'threadSource', kind: 'text' },
  model_provider: { property: 'modelProvider', kind: 'text' },
  model: { property: 'model', kind: 'text' },
  reasoning_effort: { property: 'reasoningEffort', kind: 'text' },
  cwd: { property: 'cwd', kind: 'path' },
  git_sha: { property: 'gitSha', kind: 'text' },
  git_branch: { property: 'gitBranch', kind: 'text' },
  git_origin_url: { property: 'gitOriginUrl', kind: 'text' },
  tokens_used: { property: 'tokensUsed', kind: 'number' },
  total_tokens: { made: 'totalTokens' },
  tokens_from: { made: 'tokensFrom' },
  cli_version: { property: 'cliVersion', kind: 'text' },
  originator: { property: 'originator', kind: 'text' },
  sandbox_policy: { property: 'sandboxPolicy', kind: 'json' },
  approval_mode: { property: 'approvalMode', kind: 'wordOrJson' },
  memory_mode: { property: 'memoryMode', kind: 'text' },
  history_mode: { property: 'historyMode', kind: 'text' },
  has_user_event: { property: 'hasUserEvent', kind: 'flag' },
  agent_nickname: { property: 'agentNickname', kind: 'text' },
  agent_role: { property: 'agentRole', kind: 'text' },
  agent_path: { property: 'agentPath', kind: 'text' },
  is_pinned: { property: 'isPinned', kind: 'flag' },
  thread_section_id: { property: 'threadSectionId', kind: 'text' },
  section_position: { property: 'sectionPosition', kind: 'number' },
  section_entered_at_ms: { property: 'sectionEnteredAtMs', kind: 'millis' },
  project_id: { property: 'projectId', kind: 'text' },
  daybreak_enabled: { property: 'daybreakEnabled', kind: 'flag' },
  creator_user_id: { property: 'creatorUserId', kind: 'text' },
  creator_account_id: { property: 'creatorAccountId', kind: 'text' },
  attached_thread_parent_id: { property: 'attachedThreadParentId', kind: 'id' },
  rollout_path: { property: 'rolloutPath', kind: 'path' },
  label: { made: 'label' },
  cursor: { made: 'cursor' },
} as const satisfies Record<string, ThreadField>

export type ThreadFieldName = keyof typeof THREAD_OUTPUT
