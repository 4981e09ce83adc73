import { countRows } from '../query/stored-rows.js'
import { DATABASE_ROLES, type DatabaseFile } from '../schema/files.js'
import { listTables, readColumns } from '../schema/inspect.js'
import { TABLE_WORDS } from '../schema/table-words.js'
import { readEachDatabase } from './each-database.js'

export interface HomeTable {
  name: string
  database: string
  rowCount: number
  /** `false` for a table in a file that a newer one has replaced. */
  isCurrent: boolean
  /** What it holds; `null` for a table that is not known. */
  words: string | null
}

/** Every table of every database that can be read, in the order of the databases. */
export function listHomeTables(
  databases: readonly DatabaseFile[],
  onNotice: (text: string) => void,
): HomeTable[] {
  // Of what nobody knows, none replaces another.
  const newest = new Set(DATABASE_ROLES.map((role) => databases.find((file) => file.role === role)))
  const isCurrent = (file: DatabaseFile) => newest.has(file) || file.age === 'unknown'
  const tables = readEachDatabase(databases, onNotice, (connection, file) =>
    listTables(connection).map((name) => ({
      name,
      database: file.path,
      rowCount: countRows(connection, name),
      isCurrent: isCurrent(file),
      words: TABLE_WORDS[name] ?? null,
    })),
  )
  return [...tables].flat()
}

/** The first database that has a table of this name, and the table's columns. */
export function findHomeTable(
  databases: readonly DatabaseFile[],
  name: string,
  onNotice: (text: string) => void,
): { database: string; columns: string[] } | undefined {
  const found = readEachDatabase(databases, onNotice, (connection, { path }) =>
    listTables(connection).includes(name)
      ? { database: path, columns: readColumns(connection, name).map((column) => column.name) }
      : undefined,
  )
  for (const table of found) if (table) return table
  return undefined
}
