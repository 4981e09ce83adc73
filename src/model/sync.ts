import type { BackfillCounts } from './telemetry.js'
import type { ThreadPageQuery } from './thread-page.js'

/** How far a run through rollouts is; reported after each batch. */
export interface SyncProgress {
  /** Rollouts read in this run, those that failed included. */
  done: number
  /** Rollouts that this run has to read. */
  total: number
}

/** A rollout or folder that could not be read. It stops nothing. */
export interface SyncFailure {
  path: string
  reason: string
}

export interface SyncOptions {
  /** Stands for a provider that a rollout does not name. */
  defaultProvider: string
  onProgress?: ((progress: SyncProgress) => void) | undefined
  onFailure?: ((failure: SyncFailure) => void) | undefined
  /** Of a rollout that is stored although lines of it cannot be read: which, and why. */
  onBadLines?: ((failure: SyncFailure) => void) | undefined
  /** Looked at between rollouts; what was stored until then stays. */
  signal?: AbortSignal | undefined
  /**
   * Threads that read beside this one. Default: one for each core, at most 4; none where there is little to
   * read (to 200 rollouts of 32 MiB together).
   */
  workerCount?: number | undefined
}

export interface BackfillOptions extends SyncOptions {
  /** How long somebody else's backfill is waited for, in milliseconds; default 30_000, as Codex. */
  waitMs?: number | undefined
  /** How often to look meanwhile, in milliseconds; default 1000. */
  pollMs?: number | undefined
  /** Called once, when the wait begins. */
  onWait?: (() => void) | undefined
}

/** What a run through rollouts did. */
export interface SyncCounts extends BackfillCounts {
  /** Rollouts looked at; those that are not among `upserted` are among `failed`. */
  scanned: number
}

/** How a backfill came to be complete: it was before, by this call, or by another process meanwhile. */
export type BackfillResult = { kind: 'alreadyComplete' } | ({ kind: 'ran' } & SyncCounts) | { kind: 'waited' }

export interface FindThreadPathOptions {
  /** `true`: only below `archived_sessions/`; `false`: only below `sessions/`; default both. */
  archivedOnly?: boolean | undefined
  signal?: AbortSignal | undefined
}

export type ThreadListQuery = ThreadPageQuery & { signal?: AbortSignal | undefined }
