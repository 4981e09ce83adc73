import { basename } from 'node:path'
import type { WriteConnection } from '../db/open.js'
import { chooseRules } from '../rollout/choose-rules.js'
import type { ExtractSettings } from '../rollout/extract.js'
import type { MetadataRules } from '../rollout/rules.js'
import { parseDatabaseFilename } from '../schema/files.js'
import { listTables, readMigrations } from '../schema/inspect.js'
import { openThreadTable, type ThreadTable } from '../store/threads.js'

/** A state database that rollouts are written to, and what has to be known of it for that. */
export interface SyncTarget {
  /** Holds `sessions/` and `archived_sessions/`. */
  codexHome: string
  state: WriteConnection
  threadTable: ThreadTable
  newestMigration: number
  rules: MetadataRules
  hasBackfillState: boolean
  /** Whether the releases of this database keep a client's tools in it (0.95 to 0.135). */
  storesTools: boolean
}

/** Migration 35 is of 0.135, the last release that stores a session_meta's tools. */
const FIRST_WITHOUT_TOOLS = 35

/** @throws {StateError} `DB_NO_TABLE`, `SCHEMA_UNKNOWN` */
export function attachTarget(state: WriteConnection, codexHome: string): SyncTarget {
  const newestMigration = readMigrations(state).at(-1)?.version ?? 0
  const threadTable = openThreadTable(state)
  return {
    codexHome,
    state,
    threadTable,
    newestMigration,
    rules: chooseRules(newestMigration, parseDatabaseFilename(basename(state.path))?.generation),
    hasBackfillState: listTables(state).includes('backfill_state'),
    storesTools: threadTable.hasDynamicTools && newestMigration < FIRST_WITHOUT_TOOLS,
  }
}

/** Told that database and rollouts do not agree, under Codex's names for where and why. */
export type OnDiscrepancy = (stage: string, reason: string) => void

export function extractSettings(
  { rules, newestMigration }: SyncTarget,
  defaultProvider: string,
): ExtractSettings {
  // A backfill does so from 0.108; 0.106 made the last of the migrations that it has.
  return { defaultProvider, rules, normalizesCwd: newestMigration >= 18 }
}
