import type { ThreadRow } from '../model/thread.js'
import { type ColumnSources, columnSql } from './columns.js'

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

/** Texts that a row of every release has. A damaged row, or a layout to come, may lack them: they read as empty. */
export const REQUIRED_TEXTS = [
  'rolloutPath',
  'source',
  'modelProvider',
  'cwd',
  'title',
  'sandboxPolicy',
  'approvalMode',
] as const satisfies readonly (keyof ThreadRow)[]

/** Texts that a row may be without. */
export const OPTIONAL_TEXTS = [
  'gitSha',
  'gitBranch',
  'gitOriginUrl',
  'cliVersion',
  'firstUserMessage',
  'agentNickname',
  'agentRole',
  'memoryMode',
  'model',
  'reasoningEffort',
  'agentPath',
  'threadSource',
  'preview',
  'historyMode',
  'name',
  'threadSectionId',
  'projectId',
  'originator',
  'creatorUserId',
  'creatorAccountId',
  'attachedThreadParentId',
] as const satisfies readonly (keyof ThreadRow)[]

/** Columns that every release has, in our names: where one is missing, the layout is one that is not known. */
export const REQUIRED_PROPERTIES = [
  ...REQUIRED_TEXTS,
  'createdAtMs',
  'updatedAtMs',
  'tokensUsed',
  'isArchived',
] as const satisfies readonly (keyof ThreadRow)[]

// The unit of a stored time: of a column, and of the value in it.

export function isMillisColumn(column: string | undefined): boolean {
  return column?.endsWith('_ms') ?? false
}

/** 2020-01-01: a smaller number in a column of milliseconds was written as seconds, and Codex takes it so. */
export const SMALLEST_MILLIS = 1_577_836_800_000

/** Unix milliseconds of a stored time. */
export function toEpochMs(stored: number, column: string | undefined): number {
  return isMillisColumn(column) && stored >= SMALLEST_MILLIS ? stored : stored * 1000
}

/** `toEpochMs` as SQL. */
export function epochMsSql(column: string | undefined): string {
  const sql = columnSql(column)
  return isMillisColumn(column) ? `iif(${sql} >= ${SMALLEST_MILLIS}, ${sql}, ${sql} * 1000)` : `${sql} * 1000`
}

/** An instant in the unit of a stored column. */
export function toStoredTime(
  epochMs: number,
  column: string | undefined,
  rounding: 'ceil' | 'floor',
): number {
  return isMillisColumn(column) ? epochMs : Math[rounding](epochMs / 1000)
}

/**
 * The condition that a stored time is not before, or not after, an instant. An index on the column serves it: of a
 * column that may hold both units it is one range of them, which begins with the seconds only where there are such.
 */
export function timeBoundSql(
  column: string,
  bound: 'notBefore' | 'notAfter',
  epochMs: number,
): { sql: string; params: number[] } {
  const operator = bound === 'notBefore' ? '>=' : '<='
  const rounding = bound === 'notBefore' ? 'ceil' : 'floor'
  const stored = toStoredTime(epochMs, column, rounding)
  if (!isMillisColumn(column)) return { sql: `${column} ${operator} ?`, params: [stored] }
  const seconds = Math[rounding](epochMs / 1000)
  if (bound === 'notAfter') {
    const sql = `${column} <= ? AND (${column} <= ? OR ${column} >= ${SMALLEST_MILLIS})`
    return { sql, params: [stored, seconds] }
  }
  const hasSeconds = `EXISTS (SELECT 1 FROM ${THREAD_TABLE} WHERE ${column} >= ? AND ${column} < ${SMALLEST_MILLIS})`
  return {
    sql: `${column} >= iif(${hasSeconds}, ?, ?) AND (${column} >= ? OR ${column} < ${SMALLEST_MILLIS})`,
    params: [seconds, seconds, stored, stored],
  }
}

/** Who spawned a thread, by its stored source; `undefined` of one that was not spawned. */
export function parseSpawnParent(source: string): string | undefined {
  if (!source.startsWith('{')) return undefined
  try {
    const id = JSON.parse(source)?.subagent?.thread_spawn?.parent_thread_id
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}
