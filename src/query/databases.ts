import type { ReadConnection } from '../db/connection.js'
import { type OpenReadOnlyOptions, openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { candidatesFor, type DatabaseFile, nameOfTable, type TableName } from '../schema/files.js'
import { readColumnNames } from '../schema/inspect.js'

/** A database that holds the table that was asked for. */
export interface OpenTable {
  file: DatabaseFile
  connection: ReadConnection
  /** The table's columns as stored. */
  columns: ReadonlySet<string>
}

/** Codex makes none, and the rows of a recursive one may never end: no read of SQLite's can be stopped. */
function refuseView(connection: ReadConnection, table: string): void {
  const view = connection.get(`SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ?`, table)
  if (!view) return
  throw new StateError('DB_NO_TABLE', `${table} is a view in ${connection.path}, not a table: it is not read`)
}

/**
 * Opens the first database, in the order of `TABLE_HOMES` and newest generation first, that has the table.
 * `undefined` when none has. A file that cannot be read is not passed over: an older one would answer with
 * something else than what was asked for.
 *
 * @throws {StateError} as `openReadOnly`
 */
export function openTable(
  files: readonly DatabaseFile[],
  table: TableName,
  options: OpenReadOnlyOptions = {},
): OpenTable | undefined {
  for (const file of candidatesFor(table, files)) {
    const connection = openReadOnly(file.path, options)
    try {
      const columns = readColumnNames(connection, nameOfTable(table))
      if (columns.size > 0) {
        refuseView(connection, nameOfTable(table))
        return { file, connection, columns }
      }
    } catch (error) {
      connection.close()
      throw error
    }
    connection.close()
  }
  return undefined
}
