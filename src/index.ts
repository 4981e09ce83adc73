export { STATE_ERROR_CODES, StateError, type StateErrorCode } from './errors.js'
export { BACKFILL_STATUSES, type BackfillState, type BackfillStatus } from './model/backfill.js'
export {
  LOG_LEVELS,
  type LogLevel,
  type LogRow,
  type LogRowFilter,
  type LogRowQuery,
  type NewLogRow,
} from './model/log.js'
export {
  MEMORY_CHECK_OUTCOMES,
  MEMORY_PIPELINES,
  MEMORY_REASONS,
  MEMORY_STATES,
  type Memory,
  type MemoryAnswer,
  type MemoryCheck,
  type MemoryListQuery,
  type MemoryPipeline,
  type MemoryReason,
  type MemoryState,
  type ThreadMemory,
} from './model/memory.js'
export { CURRENT_RULES, METADATA_RULES, type MetadataRules, SEED_RULES } from './model/releases.js'
export type {
  BackfillOptions,
  BackfillResult,
  FindThreadPathOptions,
  SyncCounts,
  SyncFailure,
  SyncOptions,
  SyncProgress,
  ThreadListQuery,
} from './model/sync.js'
export {
  type BackfillCounts,
  TELEMETRY_METRICS,
  type Telemetry,
  type TelemetryCount,
} from './model/telemetry.js'
export { type DynamicTool, HISTORY_MODES, type ThreadMetadata, type ThreadRow } from './model/thread.js'
export {
  THREAD_SORT_KEYS,
  type ThreadAnchor,
  type ThreadFilter,
  type ThreadPage,
  type ThreadPageQuery,
  type ThreadSortKey,
} from './model/thread-page.js'
export {
  CALL_STATES,
  type CallState,
  type FileUpdate,
  type ItemTimes,
  NOTE_KINDS,
  type NoteKind,
  REFUSERS,
  type Refusal,
  type Refuser,
  type ThreadItem,
  type TokenUsage,
  type ToolCall,
  TURN_OUTCOMES,
  TURN_STATUSES,
  type Turn,
  type TurnEntry,
  type TurnError,
  type TurnNote,
  type TurnOutcome,
  type TurnStatus,
  type UserInput,
} from './model/turn.js'
export { decodeCursor, encodeCursor } from './query/threads/cursor.js'
export { metadataFromRow } from './query/threads/find.js'
export { anchorFromItem } from './query/threads/page.js'
export { applyRolloutItem, type RolloutOrigin } from './rollout/apply-item.js'
export { builderFromItems, buildMetadata, type ThreadBuilder } from './rollout/builder.js'
export { normalizeCwd } from './rollout/cwd.js'
export { DIFF_FIELDS, type DiffField, diffFields, SEED_DIFF_FIELDS } from './rollout/diff-fields.js'
export {
  compareWatermarks,
  type ListRolloutsOptions,
  listRollouts,
  parseRolloutName,
  type RolloutFile,
  type RolloutName,
  type UnreadableFolder,
  watermarkOf,
} from './rollout/list.js'
export {
  extractMetadata,
  type LineCounts,
  type MetadataOptions,
  type RolloutExtract,
} from './rollout/metadata.js'
export {
  type MalformedLine,
  parseRolloutLine,
  type RolloutItem,
  type RolloutLine,
  type SessionMetaItem,
  type ThreadSettingsItem,
  type TurnContextItem,
} from './rollout/parse.js'
export type { RateLimits } from './rollout/rate-limits.js'
export { type ReadRolloutOptions, type RolloutFileFacts, readRolloutLines } from './rollout/read.js'
export { ROLLOUT_ROOTS, type RolloutRoot } from './rollout/roots.js'
export {
  type ReadTokensOptions,
  type ResponseTokens,
  type RolloutTokens,
  readRolloutTokens,
  readTokenLedger,
  type TotalDifference,
  type UnreadableRollout,
} from './rollout/tokens.js'
export { type ReadTurnsOptions, readTurns, type ThreadTurns } from './rollout/turns.js'
export { type InitOptions, type OpenExistingOptions, type RuntimeOptions, StateRuntime } from './runtime.js'
export { stateDbFilename, stateDbPath } from './schema/files.js'
export { findThreadPath, initStateStore, listThreadsWithFallback, type ThreadSource } from './state-store.js'
