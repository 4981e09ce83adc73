import type { ReadConnection } from '../db/connection.js'
import type { StateError } from '../errors.js'
import { quoteIdentifier } from '../schema/columns.js'
import type { DatabaseFile } from '../schema/files.js'
import { listTables, readColumns } from '../schema/inspect.js'
import { readEachDatabase } from './each-database.js'

/** Rows of one table that belong to a thread. */
export interface ThreadPlace {
  database: string
  table: string
  rowCount: number
}

/** Columns that hold a thread's id; of a table's, any that says so counts. */
const ID_COLUMN = /(^|_)thread_id$|_thread_parent_id$/

/** Columns that hold it under another name. */
const OTHER_ID_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  threads: ['id'],
  jobs: ['job_key', 'worker_id'],
}

/** Every table of every database that has rows of this thread. */
export function findThreadPlaces(
  databases: readonly DatabaseFile[],
  threadId: string,
  onNotice: (text: string) => void,
  onFailure?: (failure: StateError) => void,
): ThreadPlace[] {
  const read = (connection: ReadConnection, { path }: DatabaseFile) => findIn(connection, path, threadId)
  return [...readEachDatabase(databases, onNotice, read, onFailure)].flat()
}

function findIn(connection: ReadConnection, database: string, threadId: string): ThreadPlace[] {
  const places: ThreadPlace[] = []
  for (const table of listTables(connection)) {
    const columns = readColumns(connection, table)
      .map(({ name }) => name)
      .filter((name) => ID_COLUMN.test(name) || OTHER_ID_COLUMNS[table]?.includes(name))
    if (columns.length === 0) continue
    const condition = columns.map((name) => `${quoteIdentifier(name)} = ?`).join(' OR ')
    const found = connection.get<{ n: number }>(
      `SELECT count(*) AS n FROM ${quoteIdentifier(table)} WHERE ${condition}`,
      ...columns.map(() => threadId),
    )
    if (found && found.n > 0) places.push({ database, table, rowCount: found.n })
  }
  return places
}
