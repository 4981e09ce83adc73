import type { ThreadRow } from '../model/thread.js'
import type { ColumnSources } from './columns.js'

export const THREAD_TABLE = 'threads'

/**
 * A time has a spelling in milliseconds (since migrations 25 and 39) and one in seconds; which of the two a
 * property resolved to tells its unit (`isMillisColumn`).
 */
export const THREAD_COLUMNS: ColumnSources<ThreadRow> = {
  id: ['id'],
  rolloutPath: ['rollout_path'],
  createdAtMs: ['created_at_ms', 'created_at'],
  updatedAtMs: ['updated_at_ms', 'updated_at'],
  recencyAtMs: ['recency_at_ms', 'recency_at'],
  source: ['source'],
  modelProvider: ['model_provider'],
  cwd: ['cwd'],
  title: ['title'],
  sandboxPolicy: ['sandbox_policy'],
  approvalMode: ['approval_mode'],
  tokensUsed: ['tokens_used'],
  hasUserEvent: ['has_user_event'],
  isArchived: ['archived'],
  archivedAtSeconds: ['archived_at'],
  gitSha: ['git_sha'],
  gitBranch: ['git_branch'],
  gitOriginUrl: ['git_origin_url'],
  cliVersion: ['cli_version'],
  firstUserMessage: ['first_user_message'],
  agentNickname: ['agent_nickname'],
  agentRole: ['agent_role'],
  memoryMode: ['memory_mode'],
  model: ['model'],
  reasoningEffort: ['reasoning_effort'],
  agentPath: ['agent_path'],
  threadSource: ['thread_source'],
  preview: ['preview'],
  historyMode: ['history_mode'],
  name: ['name'],
  isPinned: ['is_pinned'],
  threadSectionId: ['thread_section_id'],
  sectionPosition: ['section_position'],
  sectionEnteredAtMs: ['section_entered_at_ms'],
  projectId: ['project_id'],
  originator: ['originator'],
  daybreakEnabled: ['daybreak_enabled'],
  creatorUserId: ['creator_user_id'],
  creatorAccountId: ['creator_account_id'],
  attachedThreadParentId: ['attached_thread_parent_id'],
}

export function isMillisColumn(column: string | undefined): boolean {
  return column?.endsWith('_ms') ?? false
}
