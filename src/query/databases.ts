import type { ReadConnection } from '../db/connection.js'
import { type OpenReadOnlyOptions, openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { candidatesFor, type DatabaseFile, nameOfTable, type TableName } from '../schema/files.js'
import { describeTable, type StoredTable } from '../schema/inspect.js'

/** A database that holds the table that was asked for. */
export interface OpenTable {
  file: DatabaseFile
  connection: ReadConnection
  /** The names of the table's columns. */
  columns: ReadonlySet<string>
}

/** The same as it was found. */
export interface OpenedTable extends OpenTable {
  stored: StoredTable
}

/** Codex makes none, and the rows of a recursive one may never end: no read of SQLite's can be stopped. */
function refuseView(path: string, table: string): never {
  throw new StateError('DB_NO_TABLE', `${table} is a view in ${path}, not a table: it is not read`)
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
): OpenedTable | undefined {
  const name = nameOfTable(table)
  for (const file of candidatesFor(table, files)) {
    const connection = openReadOnly(file.path, options)
    try {
      const stored = describeTable(connection, name)
      if (stored.isView) refuseView(file.path, name)
      if (stored.columns.length > 0) {
        return { file, connection, columns: new Set(stored.columns.map((column) => column.name)), stored }
      }
    } catch (error) {
      connection.close()
      throw error
    }
    connection.close()
  }
  return undefined
}
