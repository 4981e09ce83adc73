import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { ReadConnection, SqlValue, WriteConnection } from '../db/connection.js'
import { openReadOnly } from '../db/open-read.js'
import { openReadWrite } from '../db/open-write.js'
import { StateError } from '../errors.js'
import { quoteIdentifier } from '../schema/columns.js'
import { listTables } from '../schema/inspect.js'
import { copyDatabase, listCopies } from './home-copies.js'

/** The tables of the projection; the cursor last, as a trigger empties another table when it goes. */
const TABLES = [
  'thread_items',
  'thread_turns',
  'thread_realtime_items',
  'thread_history_projection_state',
] as const

const CURSOR_TABLE = 'thread_history_projection_state'

export type RowCounts = Partial<Record<(typeof TABLES)[number], number>>

/** How many rows the projection of a rollout has. */
export function countProjection(connection: ReadConnection, rolloutId: string): RowCounts {
  return Object.fromEntries(
    tablesOf(connection).map((table) => [
      table,
      connection.get<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE thread_id = ?`, rolloutId)?.n ??
        0,
    ]),
  )
}

/**
 * Deletes the projection of one rollout, so that Codex makes it anew when it resumes the thread. All four tables in one
 * transaction: rows that stay behind without their cursor would stand in the way of new ones. A copy is made first.
 *
 * @param cursor as it was when the thread was judged
 * @throws {StateError} `INVALID` when Codex wrote meanwhile; nothing is changed then
 */
export async function resetProjection(
  path: string,
  rolloutId: string,
  cursor: { offset: number; ordinal: number } | null,
  nowMs: number,
): Promise<{ copyPath: string; deleted: RowCounts }> {
  const database = openReadWrite(path)
  try {
    const copyPath = await copyDatabase(database, nowMs)
    try {
      const deleted = database.transaction(() => {
        const now = readCursor(database, rolloutId)
        if (now?.offset !== cursor?.offset || now?.ordinal !== cursor?.ordinal)
          throw new StateError('INVALID', 'Codex projected this thread meanwhile; nothing was changed', {
            hint: 'Look at it again.',
          })
        return deleteRows(database, rolloutId)
      })
      return { copyPath, deleted }
    } catch (error) {
      // Nothing was changed, so it is a copy of nothing.
      rmSync(dirname(copyPath), { recursive: true, force: true })
      throw error
    }
  } finally {
    database.close()
  }
}

/**
 * Writes the rows of a rollout back that the newest copy has of it, while Codex has not projected it anew.
 *
 * @param onUnreadable is told of a newer copy that cannot be read, and why
 * @throws {StateError} `NOT_FOUND` without such a copy, `INVALID` when there is a cursor, and rows that are not those
 * of the copy
 */
export function undoReset(
  path: string,
  rolloutId: string,
  onUnreadable: (reason: string) => void,
): { copyPath: string; restored: RowCounts } {
  const copy = listCopies(path).find((each) => hasRows(each.path, rolloutId, onUnreadable))
  if (!copy) throw new StateError('NOT_FOUND', `no copy beside ${path} has rows of ${rolloutId}`)
  const saved = openReadOnly(copy.path)
  const database = openReadWrite(path)
  try {
    const restored = database.transaction(() => {
      if (hasSameRows(database, saved, rolloutId))
        throw new StateError('INVALID', `the rows of ${copy.path} are all there; nothing was changed`)
      // Rows made anew can end where the old ones did: a cursor at the same place tells nothing.
      if (readCursor(database, rolloutId) !== undefined)
        throw new StateError('INVALID', 'Codex has projected this thread anew; nothing was changed', {
          hint: `The rows from before are in ${copy.path}.`,
        })
      deleteRows(database, rolloutId)
      return copyRows(saved, database, rolloutId)
    })
    return { copyPath: copy.path, restored }
  } finally {
    saved.close()
    database.close()
  }
}

function tablesOf(connection: ReadConnection): (typeof TABLES)[number][] {
  const stored = listTables(connection)
  return TABLES.filter((table) => stored.includes(table))
}

function readCursor(connection: ReadConnection, rolloutId: string) {
  return connection.get<{ offset: number; ordinal: number }>(
    `SELECT next_rollout_byte_offset AS offset, next_rollout_ordinal AS ordinal
       FROM ${CURSOR_TABLE} WHERE thread_id = ?`,
    rolloutId,
  )
}

function deleteRows(database: WriteConnection, rolloutId: string): RowCounts {
  const counts = countProjection(database, rolloutId)
  for (const table of tablesOf(database)) database.run(`DELETE FROM ${table} WHERE thread_id = ?`, rolloutId)
  return counts
}

function hasRows(path: string, rolloutId: string, onUnreadable: (reason: string) => void): boolean {
  let copy: ReadConnection | undefined
  try {
    copy = openReadOnly(path)
    return Object.values(countProjection(copy, rolloutId)).some((count) => count > 0)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onUnreadable(error.message)
    return false
  } finally {
    copy?.close()
  }
}

function hasSameRows(a: ReadConnection, b: ReadConnection, rolloutId: string): boolean {
  return tablesOf(b).every((table) => {
    const [left, right] = [a, b].map((side) =>
      side
        .all<Record<string, SqlValue>>(
          `SELECT * FROM ${table} WHERE thread_id = ? ORDER BY 1, 2, 3`,
          rolloutId,
        )
        // Of two drivers the rows have other prototypes.
        .map((row) => Object.entries(row)),
    )
    return isDeepStrictEqual(left, right)
  })
}

function copyRows(from: ReadConnection, to: WriteConnection, rolloutId: string): RowCounts {
  const counts: RowCounts = {}
  // The cursor's row first: other rows may refer to it.
  for (const table of tablesOf(from).toReversed()) {
    const rows = from.all<Record<string, SqlValue>>(`SELECT * FROM ${table} WHERE thread_id = ?`, rolloutId)
    for (const row of rows) {
      const names = Object.keys(row)
      to.run(
        `INSERT INTO ${table} (${names.map(quoteIdentifier).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
        ...Object.values(row),
      )
    }
    counts[table] = rows.length
  }
  return counts
}
