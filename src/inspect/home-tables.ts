import { basename } from 'node:path'
import { countStoredRows } from '../query/stored-rows.js'
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
      rowCount: countStoredRows(connection, name),
      isCurrent: isCurrent(file),
      words: TABLE_WORDS[name] ?? null,
    })),
  )
  return [...tables].flat()
}

/** One table in one database. */
export interface FoundTable {
  database: string
  table: string
  columns: string[]
}

/**
 * Every database that has a table of this name, in their order. `logs_2.logs` is the one of that database. Rows of
 * one name can lie in several: memories are in the databases of both pipelines.
 */
export function findHomeTables(
  databases: readonly DatabaseFile[],
  name: string,
  onNotice: (text: string) => void,
): FoundTable[] {
  const [, wantedFile, wantedTable = name] = /^([^.]+)(?:\.sqlite3?)?\.([^.]+)$/.exec(name) ?? []
  const found = readEachDatabase(databases, onNotice, (connection, { path }): FoundTable[] => {
    const isWanted = wantedFile === basename(path).replace(/\.[^.]*$/, '')
    return listTables(connection)
      .filter((table) => table === name || (isWanted && table === wantedTable))
      .map((table) => ({
        database: path,
        table,
        columns: readColumns(connection, table).map((column) => column.name),
      }))
  })
  return [...found].flat()
}
