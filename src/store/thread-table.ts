import type { WriteConnection } from '../db/connection.js'
import type { Release } from '../model/releases.js'
import type { ThreadRow } from '../model/thread.js'
import { knownColumns, type ResolvedColumns, readWritableColumns, resolveColumns } from '../schema/columns.js'
import { listTables } from '../schema/inspect.js'
import { isMillisColumn, THREAD_COLUMNS, THREAD_TABLE } from '../schema/threads.js'

export interface WritableThreadTable {
  db: WriteConnection
  columns: ResolvedColumns<ThreadRow>
  /** The releases that write to it. */
  release: Release
  /** Every column of the table, in all spellings: a time may be stored in both units. */
  present: ReadonlySet<string>
  hasDynamicTools: boolean
  hasSpawnEdges: boolean
  hasReadReceipts: boolean
  /** Highest `updatedAtMs` that this process has given out. */
  updatedAtMark: number
  /** For a time in the past, the last one that was given out in its place. */
  pastTimes: Map<number, number>
}

/** @throws {StateError} `DB_NO_TABLE`, `SCHEMA_UNKNOWN` */
export function openThreadTable(db: WriteConnection, release: Release): WritableThreadTable {
  const present = readWritableColumns(db, THREAD_TABLE, knownColumns(THREAD_COLUMNS))
  const tables = listTables(db)
  const columns = resolveColumns(THREAD_COLUMNS, present)
  const highest = isMillisColumn(columns.updatedAtMs)
    ? db.get<{ ms: number | null }>(`SELECT max(${columns.updatedAtMs}) AS ms FROM ${THREAD_TABLE}`)
    : undefined
  return {
    db,
    columns,
    release,
    present,
    hasDynamicTools: tables.includes('thread_dynamic_tools'),
    hasSpawnEdges: tables.includes('thread_spawn_edges'),
    hasReadReceipts: tables.includes('thread_read_receipts'),
    updatedAtMark: highest?.ms ?? 0,
    pastTimes: new Map(),
  }
}
