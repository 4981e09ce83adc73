import type { WriteConnection } from '../db/connection.js'
import type { Release } from '../model/releases.js'
import { describeThreadTable, type ThreadTable } from '../query/threads/table.js'
import type { ExtractSettings } from '../rollout/extract.js'
import { listTables } from '../schema/inspect.js'
import { openThreadTable, type WritableThreadTable } from '../store/thread-table.js'

/** A state database that rollouts are written to, and what has to be known of it for that. */
export interface SyncTarget {
  /** Holds `sessions/` and `archived_sessions/`. */
  codexHome: string
  state: WriteConnection
  /** The same table for reading and for writing. */
  threads: ThreadTable
  threadTable: WritableThreadTable
  rules: Release
  hasBackfillState: boolean
  /** Whether the releases of this database keep a client's tools in it (0.95 to 0.135). */
  storesTools: boolean
}

/**
 * @param given the releases that are to use it, where something else than its own rows tells
 * @throws {StateError} `DB_NO_TABLE`, `SCHEMA_UNKNOWN`
 */
export function attachTarget(state: WriteConnection, codexHome: string, given?: Release): SyncTarget {
  const threads = describeThreadTable(state)
  const release = given ?? threads.release
  const threadTable = openThreadTable(state, release)
  return {
    codexHome,
    state,
    threads,
    threadTable,
    rules: release,
    hasBackfillState: listTables(state).includes('backfill_state'),
    storesTools: threadTable.hasDynamicTools && release.storesTools,
  }
}

/** Called when database and rollouts do not agree, under Codex's names for where and why. */
export type OnDiscrepancy = (stage: string, reason: string) => void

export function extractSettings({ rules }: SyncTarget, defaultProvider: string): ExtractSettings {
  return { defaultProvider, rules, normalizesCwd: rules.normalizesBackfilledCwd }
}
