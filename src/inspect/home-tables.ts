import { openReadOnly } from '../db/open.js'
import { StateError } from '../errors.js'
import { countRows } from '../query/stored-rows.js'
import type { DatabaseFile } from '../schema/files.js'
import { listTables, readColumns } from '../schema/inspect.js'
import { TABLE_WORDS } from '../schema/table-words.js'

export interface HomeTable {
  name: string
  database: string
  rowCount: number
  columns: string[]
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
  return databases.flatMap(({ path, role }) => {
    const isCurrent = !roles.has(role)
    roles.add(role)
    try {
      const connection = openReadOnly(path, { onNotice })
      try {
        return listTables(connection).map((name) => ({
          name,
          database: path,
          rowCount: countRows(connection, name),
          columns: readColumns(connection, name).map((column) => column.name),
          isCurrent,
          words: TABLE_WORDS[name] ?? null,
        }))
      } finally {
        connection.close()
      }
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      onNotice(error.message)
      return []
    }
  })
}
