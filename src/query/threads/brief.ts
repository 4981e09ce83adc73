import { asTextSql, columnSql } from '../../schema/columns.js'
import { THREAD_TABLE, toEpochMs } from '../../schema/threads.js'
import type { ThreadTable } from './table.js'

/** What it takes to name a thread and to order it among others. */
export interface ThreadBrief {
  id: string
  /** `null` without one. */
  title: string | null
  name: string | null
  cwd: string
  /** Unix milliseconds. */
  updatedAtMs: number
}

const TITLE_CHARACTERS = 1000

/** Every thread that has a row. */
export function readThreadBriefs({ connection, columns }: ThreadTable): ThreadBrief[] {
  const title = columns.title === undefined ? columns.firstUserMessage : columns.title
  return connection
    .all<ThreadBrief>(
      `SELECT ${asTextSql(columns.id)} AS id, substr(${asTextSql(title)}, 1, ${TITLE_CHARACTERS}) AS title,
              ${asTextSql(columns.name)} AS name, coalesce(${asTextSql(columns.cwd)}, '') AS cwd,
              ${columnSql(columns.updatedAtMs)} AS updatedAtMs
       FROM ${THREAD_TABLE}`,
    )
    .map((row) => ({
      ...row,
      updatedAtMs: typeof row.updatedAtMs === 'number' ? toEpochMs(row.updatedAtMs, columns.updatedAtMs) : 0,
    }))
}
