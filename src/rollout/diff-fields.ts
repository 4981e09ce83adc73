import type { ThreadMetadata } from '../model/thread.js'

/** Times as layouts without milliseconds keep them: cut to whole seconds. */
export function cutToSeconds(metadata: ThreadMetadata): ThreadMetadata {
  return {
    ...metadata,
    createdAtMs: Math.floor(metadata.createdAtMs / 1000) * 1000,
    updatedAtMs: Math.floor(metadata.updatedAtMs / 1000) * 1000,
  }
}

/** What `diffFields` compares, in its order. */
export const DIFF_FIELDS = [
  'id',
  'rolloutPath',
  'createdAtMs',
  'updatedAtMs',
  'source',
  'agentNickname',
  'agentRole',
  'agentPath',
  'modelProvider',
  'model',
  'reasoningEffort',
  'cwd',
  'cliVersion',
  'title',
  'preview',
  'sandboxPolicy',
  'approvalMode',
  'tokensUsed',
  'firstUserMessage',
  'archivedAtSeconds',
  'gitSha',
  'gitBranch',
  'gitOriginUrl',
] as const satisfies readonly (keyof ThreadMetadata)[]

export type DiffField = (typeof DIFF_FIELDS)[number]

/** Those that `state_4.sqlite` has columns for. */
export const SEED_DIFF_FIELDS: readonly DiffField[] = DIFF_FIELDS.filter(
  (field) =>
    !['agentNickname', 'agentRole', 'agentPath', 'model', 'reasoningEffort', 'preview'].includes(field),
)

/**
 * The fields in which two accounts of a thread differ. Give it the fields that both can have; times are compared
 * as they are, so cut them first where one side knows only whole seconds.
 */
export function diffFields(
  one: Pick<ThreadMetadata, DiffField>,
  other: Pick<ThreadMetadata, DiffField>,
  fields: readonly DiffField[] = DIFF_FIELDS,
): DiffField[] {
  return fields.filter((field) => one[field] !== other[field])
}
