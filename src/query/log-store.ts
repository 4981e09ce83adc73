import type { OpenReadOnlyOptions, ReadConnection } from '../db/open.js'
import type { LogRow } from '../model/log.js'
import { type ResolvedColumns, resolveColumns } from '../schema/columns.js'
import type { DatabaseFile } from '../schema/files.js'
import { readIndexNames } from '../schema/inspect.js'
import { LOG_COLUMNS, LOG_TABLE } from '../schema/logs.js'
import { openTable } from './databases.js'

/** The database that holds the logs, with what was found out about it once. */
export interface LogStore {
  file: DatabaseFile
  connection: ReadConnection
  columns: ResolvedColumns<LogRow>
  /** Names of the indexes on the table. */
  indexes: ReadonlySet<string>
}

/**
 * Opens the newest database that has a table of logs; `undefined` when none has.
 *
 * @throws {StateError} as `openReadOnly`
 */
export function openLogStore(
  files: readonly DatabaseFile[],
  options: OpenReadOnlyOptions = {},
): LogStore | undefined {
  const table = openTable(files, LOG_TABLE, options)
  if (!table) return undefined
  return {
    file: table.file,
    connection: table.connection,
    columns: resolveColumns(LOG_COLUMNS, table.columns),
    indexes: readIndexNames(table.connection, LOG_TABLE),
  }
}

/**
 * The highest id ever given, also when its row was pruned; 0 in a table that never had a row.
 * SQLite keeps it for every AUTOINCREMENT table.
 */
export function readHighestId({ connection }: LogStore): number {
  const row = connection.get<{ id: number | null }>(
    `SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'logs'), 0),
                coalesce((SELECT max(id) FROM logs), 0)) AS id`,
  )
  return row?.id ?? 0
}

/** The lowest id that is there; 1 in an empty table. */
export function readLowestId({ connection }: LogStore): number {
  return connection.get<{ id: number | null }>('SELECT min(id) AS id FROM logs')?.id ?? 1
}
