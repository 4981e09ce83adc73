import type { ThreadRow } from '../model/thread.js'
import type { Field, RecordKind } from './fields.js'

/** A thread as it is listed. */
export interface ThreadEntry {
  thread: ThreadRow
  /** What its user called it: the column of paginated threads, else `session_index.jsonl`. */
  name: string | null
  /** Continues the list after this thread; `null` outside of a list. */
  cursor: string | null
}

type ThreadField = Field<ThreadEntry>

function column(
  name: string,
  property: keyof ThreadRow,
  kind: ThreadField['kind'] = 'text',
  cell?: ThreadField['cell'],
): ThreadField {
  return { name, kind, value: ({ thread }) => thread[property], ...(cell ? { cell } : {}) }
}

/** In the order of JSON: what a reader looks for first, then the columns as they stand in the table. */
export const THREAD_FIELDS: readonly ThreadField[] = [
  column('id', 'id', 'id'),
  { name: 'name', kind: 'text', value: ({ name }) => name },
  column('title', 'title'),
  column('preview', 'preview'),
  column('first_user_message', 'firstUserMessage'),
  column('created_at', 'createdAtMs', 'time'),
  column('updated_at', 'updatedAtMs', 'time'),
  column('recency_at', 'recencyAtMs', 'time'),
  column('archived', 'isArchived', 'flag', ({ thread }) => (thread.isArchived ? 'archived' : '')),
  {
    name: 'archived_at',
    kind: 'time',
    value: ({ thread }) => (thread.archivedAtSeconds === null ? null : thread.archivedAtSeconds * 1000),
  },
  column('source', 'source', 'wordOrJson', ({ thread }) => formatSource(thread.source)),
  column('thread_source', 'threadSource'),
  { ...column('model_provider', 'modelProvider'), heading: 'PROVIDER' },
  column('model', 'model'),
  column('reasoning_effort', 'reasoningEffort'),
  column('cwd', 'cwd', 'path'),
  column('git_sha', 'gitSha'),
  column('git_branch', 'gitBranch'),
  column('git_origin_url', 'gitOriginUrl'),
  column('tokens_used', 'tokensUsed', 'number'),
  column('cli_version', 'cliVersion'),
  column('originator', 'originator'),
  column('sandbox_policy', 'sandboxPolicy', 'json'),
  column('approval_mode', 'approvalMode', 'wordOrJson'),
  column('memory_mode', 'memoryMode'),
  column('history_mode', 'historyMode'),
  column('has_user_event', 'hasUserEvent', 'flag'),
  column('agent_nickname', 'agentNickname'),
  column('agent_role', 'agentRole'),
  column('agent_path', 'agentPath'),
  column('is_pinned', 'isPinned', 'flag'),
  column('thread_section_id', 'threadSectionId'),
  column('section_position', 'sectionPosition', 'number'),
  column('section_entered_at_ms', 'sectionEnteredAtMs', 'time'),
  column('project_id', 'projectId'),
  column('daybreak_enabled', 'daybreakEnabled', 'flag'),
  column('creator_user_id', 'creatorUserId'),
  column('creator_account_id', 'creatorAccountId'),
  column('attached_thread_parent_id', 'attachedThreadParentId', 'id'),
  column('rollout_path', 'rolloutPath', 'path'),
  { name: 'label', kind: 'text', value: labelOf, heading: 'TITLE' },
  { name: 'cursor', kind: 'text', value: ({ cursor }) => cursor },
]

export const THREAD_KIND: RecordKind<ThreadEntry> = {
  noun: 'thread',
  fields: THREAD_FIELDS,
  shown: ['id', 'updated_at', 'archived', 'source', 'model_provider', 'cwd', 'label'],
  nameOf: ({ thread }) => thread.id,
}

/** What a list calls a thread. */
export function labelOf({ thread, name }: Pick<ThreadEntry, 'thread' | 'name'>): string {
  return name || thread.title || thread.preview || thread.firstUserMessage || ''
}

/** `cli`; of a JSON source what it says last: `review`, `thread_spawn`, `guardian`. */
export function formatSource(stored: string): string {
  if (!stored.startsWith('{')) return stored
  try {
    const [kind, inner] = Object.entries(JSON.parse(stored))[0] ?? ['']
    if (typeof inner === 'string') return `${kind}:${inner}`
    const [innerKind, value] = Object.entries(inner ?? {})[0] ?? ['']
    return `${kind}:${typeof value === 'string' ? value : innerKind}`
  } catch {
    return stored
  }
}
