export * from './errors.js'
export * from './model/backfill.js'
export * from './model/log.js'
export * from './model/memory.js'
export {
  CURRENT_RULES,
  DISABLED_PROFILE,
  METADATA_RULES,
  type MetadataRules,
  READ_ONLY_POLICY,
  READ_ONLY_PROFILE,
  SEED_RULES,
} from './model/releases.js'
export type * from './model/sync.js'
export * from './model/telemetry.js'
export type * from './model/thread.js'
export * from './model/thread-page.js'
export * from './model/turn.js'
export { decodeCursor, encodeCursor } from './query/cursor.js'
export { metadataFromRow } from './query/threads/find.js'
export { anchorFromItem } from './query/threads/list.js'
export { builderFromItems, buildMetadata, type ThreadBuilder } from './rollout/builder.js'
export { normalizeCwd } from './rollout/cwd.js'
export * from './rollout/list.js'
export {
  applyRolloutItem,
  cutToSeconds,
  DIFF_FIELDS,
  type DiffField,
  diffFields,
  extractMetadata,
  extractMetadataFromLines,
  type LineCounts,
  type MetadataOptions,
  type RolloutExtract,
  type RolloutOrigin,
  SEED_DIFF_FIELDS,
} from './rollout/metadata.js'
export * from './rollout/parse.js'
export * from './rollout/read.js'
export {
  type RateLimits,
  type ReadTokensOptions,
  type ResponseTokens,
  type RolloutTokens,
  readRolloutTokens,
  readTokenLedger,
  type TotalDifference,
  type UnreadableRollout,
} from './rollout/tokens.js'
export { type ReadTurnsOptions, readTurns, type ThreadTurns } from './rollout/turns.js'
export * from './runtime.js'
export { stateDbFilename, stateDbPath } from './schema/files.js'
export * from './state-store.js'
