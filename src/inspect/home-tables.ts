import { openReadOnly, type ReadConnection } from '../db/open.js'
import { StateError } from '../errors.js'
import { countRows } from '../query/stored-rows.js'
import type { DatabaseFile } from '../schema/files.js'
import { listTables, readColumns } from '../schema/inspect.js'
import { TABLE_WORDS } from '../schema/table-words.js'

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
  const roles = new Set<string>()
  return databases.flatMap((file) => {
    const isCurrent = !roles.has(file.role)
    roles.add(file.role)
    const tables = readDatabase(file, onNotice, (connection) =>
      listTables(connection).map((name) => ({
        name,
        database: file.path,
        rowCount: countRows(connection, name),
        isCurrent,
        words: TABLE_WORDS[name] ?? null,
      })),
    )
    return tables ?? []
  })
}

/** The first database that has a table of this name, and the table's columns. */
export function findHomeTable(
  databases: readonly DatabaseFile[],
  name: string,
  onNotice: (text: string) => void,
): { database: string; columns: string[] } | undefined {
  for (const file of databases) {
    const columns = readDatabase(file, onNotice, (connection) =>
      listTables(connection).includes(name)
        ? readColumns(connection, name).map((column) => column.name)
        : undefined,
    )
    if (columns) return { database: file.path, columns }
  }
  return undefined
}

/** `undefined` for a database that cannot be read, which is told. */
function readDatabase<Result>(
  { path }: DatabaseFile,
  onNotice: (text: string) => void,
  read: (connection: ReadConnection) => Result,
): Result | undefined {
  try {
    const connection = openReadOnly(path, { onNotice })
    try {
      return read(connection)
    } finally {
      connection.close()
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onNotice(error.message)
    return undefined
  }
}
