import type { RowId } from '../../model/log.js'
import { columnSql } from '../../schema/columns.js'
import { exactSql, fromExact, keySql, type LogSource, readIds } from './store.js'

/**
 * What the rows with these keys are printed as: their ids, which in a table that was rebuilt without a primary key are
 * not what its rows are ordered by.
 */
export function printIds(source: LogSource, keys: readonly RowId[]): RowId[] {
  const { connection, columns, hasIdAsKey } = source
  if (hasIdAsKey || columns.id === undefined) return [...keys]
  const sql = `SELECT ${exactSql(`CAST(${columnSql(columns.id)} AS INTEGER)`)} AS id FROM logs WHERE ${keySql(source)} = ?`
  return keys.map((key) => {
    const id = connection.get<{ id: RowId | string | null }>(sql, key)?.id ?? null
    return id === null ? key : fromExact(id)
  })
}

/** The keys of the rows that are printed with this id: of a table that was rebuilt there may be several. */
export function findKeys(source: LogSource, id: RowId): RowId[] {
  const { connection, columns, hasIdAsKey } = source
  if (hasIdAsKey || columns.id === undefined) return [id]
  const key = keySql(source)
  return readIds(
    connection,
    `SELECT ${key} AS id FROM logs WHERE ${columnSql(columns.id)} = ? ORDER BY ${key} LIMIT 2`,
    id,
  )
}
