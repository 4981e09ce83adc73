import { columnSql } from '../schema/columns.js'
import { isMillisColumn, THREAD_TABLE } from '../schema/threads.js'
import type { WritableThreadTable } from './thread-table.js'

/**
 * Files with milliseconds want them unique: 0.122 to 0.141 go from page to page only by them, and would lose a
 * thread between two. A time above all that were given out is taken as it is, one that is a second or more below
 * is history, and one in between becomes the next free one. A thread that already has that time keeps it.
 * Codex takes history as it is; here it becomes the next free time too, as files that were restored from an
 * archive often have whole seconds.
 */
export function allocateUpdatedAt(table: WritableThreadTable, id: string, candidateMs: number): number {
  const { db, columns } = table
  const column = columns.updatedAtMs
  if (!isMillisColumn(column)) return candidateMs
  const own = db.get<{ ms: number }>(
    `SELECT ${column} AS ms FROM ${THREAD_TABLE} WHERE ${columnSql(columns.id)} = ?`,
    id,
  )
  if (own?.ms === candidateMs) return candidateMs
  if (candidateMs <= table.updatedAtMark - 1000) return findFreeTime(table, candidateMs)
  table.updatedAtMark = Math.max(candidateMs, table.updatedAtMark + 1)
  return table.updatedAtMark
}

function findFreeTime({ db, columns, pastTimes }: WritableThreadTable, candidateMs: number): number {
  let ms = (pastTimes.get(candidateMs) ?? candidateMs - 1) + 1
  while (db.get(`SELECT 1 FROM ${THREAD_TABLE} WHERE ${columns.updatedAtMs} = ?`, ms)) ms += 1
  pastTimes.set(candidateMs, ms)
  return ms
}
