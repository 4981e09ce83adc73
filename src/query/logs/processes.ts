import type { ReadConnection } from '../../db/connection.js'
import type { LogRow } from '../../model/log.js'
import { columnSql, quoteIdentifier, type ResolvedColumns, resolveColumns } from '../../schema/columns.js'
import { readIndexes } from '../../schema/inspect.js'
import { LOG_COLUMNS, LOG_TABLE } from '../../schema/logs.js'
import type { OpenTable } from '../databases.js'
import { isTimeSql } from './store.js'

/** One run of a process that logged. */
export interface LoggedProcess {
  /** `pid:<pid>:<uuid>`. */
  processUuid: string
  /** Unix seconds, UTC, of its rows that are still there. */
  firstSeconds: number
  lastSeconds: number
}

/**
 * The processes that have rows in the logs, newest first; none where the layout has no column for them (to
 * 0.103). Where there is the index that Codex prunes by, only rows outside of threads are looked at, of which
 * every process has some: a database of gigabytes answers at once.
 */
export function readLoggedProcesses({ connection, columns: present }: OpenTable): LoggedProcess[] {
  const columns = resolveColumns(LOG_COLUMNS, present)
  if (columns.processUuid === undefined) return []
  const process = columnSql(columns.processUuid)
  const time = columnSql(columns.tsSeconds)
  const thread = columnSql(columns.threadId)
  const source = findThreadlessSource(connection, columns)
  if (source === undefined) {
    return newestFirst(
      connection.all<LoggedProcess>(
        `SELECT ${process} AS processUuid, min(${time}) AS firstSeconds, max(${time}) AS lastSeconds FROM logs
         WHERE ${process} IS NOT NULL AND ${isTimeSql(time)} GROUP BY ${process}`,
      ),
    )
  }
  // From one process to the next through the index, in one statement: each one costs more than what it reads.
  const own = `FROM ${source} WHERE ${thread} IS NULL AND ${process} = ids.id AND ${isTimeSql(time)}`
  return newestFirst(
    connection.all<LoggedProcess>(
      `WITH RECURSIVE ids(id) AS (
         SELECT min(${process}) FROM ${source} WHERE ${thread} IS NULL AND ${process} > ''
         UNION ALL SELECT (SELECT min(${process}) FROM ${source} WHERE ${thread} IS NULL AND ${process} > ids.id)
         FROM ids WHERE ids.id IS NOT NULL
       )
       SELECT * FROM (
         SELECT ids.id AS processUuid, (SELECT min(${time}) ${own}) AS firstSeconds, (SELECT max(${time}) ${own}) AS lastSeconds
         FROM ids WHERE ids.id IS NOT NULL
       ) WHERE firstSeconds IS NOT NULL`,
    ),
  )
}

/**
 * The table as it is read by the index over the rows of each process that belong to no thread; `undefined` without that
 * index. By name: without statistics SQLite takes the index over threads, and looks at every row that has none.
 */
export function findThreadlessSource(
  connection: ReadConnection,
  { processUuid, threadId }: ResolvedColumns<LogRow>,
): string | undefined {
  const index = readIndexes(connection, LOG_TABLE).find(
    ({ isPartial, columns: [first] }) => isPartial && first === processUuid,
  )
  const row =
    index && connection.get<{ sql: string }>('SELECT sql FROM sqlite_schema WHERE name = ?', index.name)
  const isOverThreadless = row?.sql.toLowerCase().endsWith(`where ${threadId} is null`)
  return index && isOverThreadless ? `logs INDEXED BY ${quoteIdentifier(index.name)}` : undefined
}

function newestFirst(processes: readonly LoggedProcess[]): LoggedProcess[] {
  return processes.toSorted((a, b) => b.lastSeconds - a.lastSeconds)
}
