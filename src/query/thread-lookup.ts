import { columnSql } from '../schema/columns.js'
import { escapeLike, type ThreadTable } from './thread-list.js'

/**
 * Ids of the threads that a text can mean: the one with this id, else those whose id begins so and those whose
 * title or name it is (ASCII letters in any case), `namedIds` included.
 */
export function findThreadIds(
  { table, columns }: ThreadTable,
  text: string,
  namedIds: readonly string[],
  limit: number,
): string[] {
  const { connection } = table
  const id = text.toLowerCase()
  const exact = connection.get<{ id: string }>('SELECT id FROM threads WHERE id = ?', id)
  if (exact) return [exact.id]
  if (text === '') return []
  const rows = connection.all<{ id: string }>(
    `SELECT id FROM threads
     WHERE id LIKE ? ESCAPE '\\' OR ${columnSql(columns.title)} = ? COLLATE NOCASE
       OR ${columnSql(columns.name)} = ? COLLATE NOCASE OR id IN (SELECT value FROM json_each(?))
     ORDER BY id DESC LIMIT ?`,
    `${escapeLike(id)}%`,
    text,
    text,
    JSON.stringify(namedIds),
    limit,
  )
  return rows.map((row) => row.id)
}
