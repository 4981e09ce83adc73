import type { ReadConnection } from '../db/connection.js'
import { readColumnNames } from '../schema/inspect.js'

/** What the projection holds of one rollout. */
export interface ProjectedRows {
  cursor: { offset: number; ordinal: number } | null
  turns: Map<string, { ordinal: number; status: string }>
  /** By turn and item id, as one key. */
  items: Map<string, number>
}

/** Whether a database has the tables of the projection. */
export function hasProjection(connection: ReadConnection): boolean {
  return readColumnNames(connection, 'thread_turns').size > 0
}

/**
 * The rows of a rollout, in one read: the cursor never stands before rows that were written with it.
 *
 * @param rolloutId stands in the column `thread_id`.
 */
export function readProjectedRows(connection: ReadConnection, rolloutId: string): ProjectedRows {
  const rows = connection.all<{
    kind: 0 | 1 | 2
    turnId: string
    /** Of a turn its status. */
    itemId: string
    ordinal: number
    offset: number
  }>(
    `SELECT 0 AS kind, '' AS turnId, '' AS itemId, next_rollout_ordinal AS ordinal,
            next_rollout_byte_offset AS offset
       FROM thread_history_projection_state WHERE thread_id = ?
     UNION ALL
     SELECT 1, turn_id, status, rollout_ordinal, 0 FROM thread_turns WHERE thread_id = ?
     UNION ALL
     SELECT 2, turn_id, item_id, rollout_ordinal, 0 FROM thread_items WHERE thread_id = ?`,
    rolloutId,
    rolloutId,
    rolloutId,
  )
  const found: ProjectedRows = { cursor: null, turns: new Map(), items: new Map() }
  for (const { kind, turnId, itemId, ordinal, offset } of rows) {
    if (kind === 0) found.cursor = { offset, ordinal }
    else if (kind === 1) found.turns.set(turnId, { ordinal, status: itemId })
    else found.items.set(`${turnId} ${itemId}`, ordinal)
  }
  return found
}

/** Where the projection of a rollout ends. */
export interface ProjectionEnd {
  offset: number
  ordinal: number
  /** The turn whose row was made last; `null` without a row. */
  turnId: string | null
  status: string | null
  /** Of the line that made the first turn's row. */
  firstOrdinal: number | null
}

/** By rollout id, for all that have a cursor. */
export function readProjectionEnds(connection: ReadConnection): Map<string, ProjectionEnd> {
  // Two looks into the index for each thread: grouping would read the rows of all turns.
  const rows = connection.all<ProjectionEnd & { id: string }>(
    `SELECT p.thread_id AS id, next_rollout_byte_offset AS offset, next_rollout_ordinal AS ordinal,
            t.turn_id AS turnId, t.status AS status,
            (SELECT min(rollout_ordinal) FROM thread_turns WHERE thread_id = p.thread_id) AS firstOrdinal
       FROM thread_history_projection_state AS p
       LEFT JOIN thread_turns AS t ON t.thread_id = p.thread_id
        AND t.rollout_ordinal = (SELECT max(rollout_ordinal) FROM thread_turns WHERE thread_id = p.thread_id)`,
  )
  return new Map(rows.map((row) => [row.id, row]))
}
