import { type OpenReadOnlyOptions, openReadOnly, type ReadConnection } from '../db/open.js'
import { candidatesFor, type DatabaseFile, type TABLE_HOMES } from '../schema/files.js'
import { readColumnNames } from '../schema/inspect.js'

/** A database that holds the table that was asked for. */
export interface OpenTable {
  file: DatabaseFile
  connection: ReadConnection
  /** The table's columns as stored. */
  columns: ReadonlySet<string>
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
  table: keyof typeof TABLE_HOMES,
  options: OpenReadOnlyOptions = {},
): OpenTable | undefined {
  for (const file of candidatesFor(table, files)) {
    const connection = openReadOnly(file.path, options)
    const columns = readColumnNames(connection, table)
    if (columns.size > 0) return { file, connection, columns }
    connection.close()
  }
  return undefined
}
