import type { WriteConnection } from '../db/connection.js'
import { StateError } from '../errors.js'
import { HISTORY_MODES, type ThreadMetadata } from '../model/thread.js'
import { columnSql } from '../schema/columns.js'
import type { DatabaseRole } from '../schema/files.js'
import { listTables } from '../schema/inspect.js'
import { parseSpawnParent, THREAD_TABLE } from '../schema/threads.js'
import { deleteMemoryOfThread } from './memories.js'
import { KEPT, type StoredValue, storedColumns, timeColumns } from './thread-columns.js'
import type { WritableThreadTable } from './thread-table.js'
import { allocateUpdatedAt } from './updated-at.js'

/**
 * Inserts or replaces a thread's metadata, in every column that the file has for it, both units of a time in
 * step. What a user or a later release set stays: name, recency, section, project; `memory_mode` after the
 * insert; a title that is not the first message, values of git, and the originator and creator, in files of
 * releases that keep them; `history_mode` only ever rises; an empty preview does not replace one.
 *
 * @throws {StateError} `INVALID` for a history mode that no release knows
 */
export function upsertThread(table: WritableThreadTable, metadata: ThreadMetadata): void {
  const { db } = table
  db.transaction(() => {
    refuseUnknownMode(table, metadata)
    const updatedAtMs = allocateUpdatedAt(table, metadata.id, metadata.updatedAtMs)
    const stored = storedColumns(table, { ...metadata, updatedAtMs })
    const assignments = stored.flatMap(({ name, column }) => {
      const kept = KEPT[name]
      if (kept === 'always') return []
      return `${column} = ${kept ? kept(column, table, metadata) : `excluded.${column}`}`
    })
    insert(table, stored, `DO UPDATE SET ${assignments.join(', ')}`)
    insertSpawnEdge(table, metadata)
  })
}

/** Inserts a thread that has no row yet; `false` when it has one, which stays as it is. */
export function insertThread(table: WritableThreadTable, metadata: ThreadMetadata): boolean {
  return table.db.transaction(() => {
    refuseUnknownMode(table, metadata)
    const updatedAtMs = allocateUpdatedAt(table, metadata.id, metadata.updatedAtMs)
    const isNew = insert(table, storedColumns(table, { ...metadata, updatedAtMs }), 'DO NOTHING') === 1
    if (isNew) insertSpawnEdge(table, metadata)
    return isNew
  })
}

/** One that a later release stored stays what it is. */
function refuseUnknownMode({ db, columns }: WritableThreadTable, { id, historyMode }: ThreadMetadata): void {
  if (columns.historyMode === undefined || (HISTORY_MODES as readonly string[]).includes(historyMode)) return
  const stored = db.get<{ mode: string }>(
    `SELECT ${columns.historyMode} AS mode FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`,
    id,
  )
  if (stored?.mode !== historyMode)
    throw new StateError(
      'INVALID',
      `thread ${id} has the unknown history mode ${JSON.stringify(historyMode)}`,
    )
}

/**
 * Takes over the memory mode that a rollout tells, as Codex does after an upsert from 0.108 on: else a thread that
 * opted out is used for memories again. Of a paginated thread the row has the say; and what was found to have taken
 * in foreign content is not made clean by an older word.
 */
export function setMemoryMode({ db, columns }: WritableThreadTable, id: string, mode: string): void {
  if (columns.memoryMode === undefined) return
  const isLegacy = columns.historyMode === undefined ? 'TRUE' : `${columns.historyMode} <> 'paginated'`
  db.run(
    `UPDATE ${THREAD_TABLE} SET ${columns.memoryMode} = ?
     WHERE ${columnSql(columns.id)} = ? AND ${isLegacy} AND NOT (${columns.memoryMode} = 'polluted' AND ? = 'enabled')`,
    mode,
    id,
    mode,
  )
}

/** Sets these values of a row, as they are, and no others. */
export function repairThread(table: WritableThreadTable, id: string, changes: Partial<ThreadMetadata>): void {
  const { db, columns } = table
  const names: ReadonlySet<string> = new Set([
    ...Object.keys(changes),
    ...('archivedAtSeconds' in changes ? ['isArchived'] : []),
  ])
  const stored = storedColumns(table, changes as ThreadMetadata).filter(({ name }) => names.has(name))
  if (stored.length === 0) return
  db.run(
    `UPDATE ${THREAD_TABLE} SET ${stored.map(({ column }) => `${column} = ?`).join(', ')} WHERE ${columnSql(columns.id)} = ?`,
    ...stored.map(({ value }) => value),
    id,
  )
}

function insert(
  { db, columns }: WritableThreadTable,
  stored: readonly StoredValue[],
  onConflict: string,
): number {
  return db.run(
    `INSERT INTO ${THREAD_TABLE} (${stored.map(({ column }) => column).join(', ')})
     VALUES (${stored.map(() => '?').join(', ')}) ON CONFLICT (${columnSql(columns.id)}) ${onConflict}`,
    ...stored.map(({ value }) => value),
  )
}

function insertSpawnEdge({ db, hasSpawnEdges }: WritableThreadTable, { id, source }: ThreadMetadata): void {
  const parentId = hasSpawnEdges ? parseSpawnParent(source) : undefined
  if (parentId === undefined) return
  db.run(
    `INSERT OR IGNORE INTO thread_spawn_edges (parent_thread_id, child_thread_id, status) VALUES (?, ?, 'open')`,
    parentId,
    id,
  )
}

export interface ArchiveChange {
  /** Where the file is now. */
  rolloutPath: string
  /** Unix seconds, `null` for a thread that is active again. */
  archivedAtSeconds: number | null
  /** The file's modification time; `undefined` when there is none, and the row keeps its own. */
  updatedAtMs: number | undefined
}

/** `false` when there is no such thread. */
export function moveThread(table: WritableThreadTable, id: string, change: ArchiveChange): boolean {
  const { db, columns } = table
  return db.transaction(() => {
    const times =
      change.updatedAtMs === undefined
        ? []
        : timeColumns(table, 'updatedAtMs', allocateUpdatedAt(table, id, change.updatedAtMs))
    const assignments = [
      { column: columns.rolloutPath, value: change.rolloutPath },
      { column: columns.isArchived, value: change.archivedAtSeconds === null ? 0 : 1 },
      { column: columns.archivedAtSeconds, value: change.archivedAtSeconds },
      ...times,
    ].filter(({ column }) => column !== undefined)
    const changed = db.run(
      `UPDATE ${THREAD_TABLE} SET ${assignments.map(({ column }) => `${column} = ?`).join(', ')} WHERE ${columnSql(columns.id)} = ?`,
      ...assignments.map(({ value }) => value),
      id,
    )
    return changed === 1
  })
}

/**
 * Puts a thread's name where the releases of this file look for it: paginated threads have a column of their own
 * (0.145), others their title (from 0.121 on). Files before that have no place for it; names are in
 * `session_index.jsonl` alone.
 *
 * @returns `false` when there is no such thread
 */
export function renameThread(
  { db, columns, release }: WritableThreadTable,
  id: string,
  name: string,
): boolean {
  return db.transaction(() => {
    const historyMode = columns.historyMode === undefined ? `'legacy'` : columns.historyMode
    const row = db.get<{ mode: string }>(
      `SELECT ${historyMode} AS mode FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`,
      id,
    )
    if (!row) return false
    if (row.mode === 'paginated' && columns.name !== undefined) {
      db.run(
        `UPDATE ${THREAD_TABLE} SET ${columns.name} = ? WHERE ${columnSql(columns.id)} = ?`,
        name || null,
        id,
      )
    } else if (release.namesAreTitles) {
      // Without a name the title is again what it was made from.
      db.run(
        `UPDATE ${THREAD_TABLE} SET ${columns.title} = coalesce(?, ${columnSql(columns.firstUserMessage)}, '')
         WHERE ${columnSql(columns.id)} = ?`,
        name || null,
        id,
      )
    }
    return true
  })
}

/** With all rows that hang on it in the same file; `false` when there is no such thread. */
export function deleteThread(
  { db, columns, hasSpawnEdges, hasReadReceipts }: WritableThreadTable,
  id: string,
): boolean {
  return db.transaction(() => {
    // These two have no foreign key; the rest goes by cascade.
    if (hasSpawnEdges)
      db.run('DELETE FROM thread_spawn_edges WHERE parent_thread_id = ? OR child_thread_id = ?', id, id)
    if (hasReadReceipts) db.run('DELETE FROM thread_read_receipts WHERE thread_id = ?', id)
    return db.run(`DELETE FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`, id) === 1
  })
}

/** Where rows about a thread are outside the state database; Codex from 0.140 on deletes them too. */
export const ROWS_ELSEWHERE: readonly {
  readonly role: DatabaseRole
  remove(db: WriteConnection, id: string, nowSeconds: number): void
}[] = [
  { role: 'queue', remove: (db, id) => deleteRowsOfThread(db, 'queued_items', id) },
  { role: 'memories', remove: deleteMemoryOfThread },
  { role: 'memories_v2', remove: deleteMemoryOfThread },
  { role: 'goals', remove: (db, id) => deleteRowsOfThread(db, 'thread_goals', id) },
]

function deleteRowsOfThread(db: WriteConnection, table: string, id: string): void {
  if (listTables(db).includes(table)) db.run(`DELETE FROM ${table} WHERE thread_id = ?`, id)
}
