import type { ReadConnection } from '../db/connection.js'
import { bytesToCopy, openReadOnly } from '../db/open-read.js'
import { type OpenTable, openTable } from '../query/databases.js'
import { openLogStore } from '../query/logs/store.js'
import { columnSql, resolveColumns } from '../schema/columns.js'
import type { DatabaseFile } from '../schema/files.js'
import { listTables } from '../schema/inspect.js'
import { THREAD_COLUMNS, THREAD_TABLE } from '../schema/threads.js'

/** What can stand for something stored: in a flag of the logs, in a flag of the threads, or as a THREAD. */
export type ValueKind =
  | 'thread-id'
  | 'target'
  | 'module'
  | 'file'
  | 'process'
  | 'source'
  | 'provider'
  | 'branch'
  | 'thread'
  | 'table'

export interface Completion {
  value: string
  description: string
}

const MOST_VALUES = 100

/** As many of the newest log rows are looked at: a Tab is answered within a fifth of a second. */
const NEWEST_LOG_ROWS = 20_000

/** What must be copied to be read is only read while it is small: see `openReadOnly`. */
const MOST_BYTES_TO_COPY = 32 * 1024 * 1024

const LOG_PROPERTIES = {
  target: 'target',
  module: 'modulePath',
  file: 'file',
  process: 'processUuid',
} as const

const THREAD_PROPERTIES = { source: 'source', provider: 'modelProvider', branch: 'gitBranch' } as const

/**
 * Values that begin with what was typed, newest or most frequent first.
 *
 * @throws {StateError} as `openReadOnly`
 */
export function readCompletions(
  databases: readonly DatabaseFile[],
  kind: ValueKind,
  typed: string,
): Completion[] {
  const files = databases.filter(({ path }) => bytesToCopy(path) < MOST_BYTES_TO_COPY)
  switch (kind) {
    case 'target':
    case 'module':
    case 'file':
    case 'process':
      return readLogValues(files, LOG_PROPERTIES[kind], typed)
    case 'source':
    case 'provider':
    case 'branch':
      return withThreads(files, (table) => readThreadValues(table, THREAD_PROPERTIES[kind], typed))
    case 'thread-id':
      return withThreads(files, (table) => readThreads(table, 'id', typed))
    case 'thread': {
      const last = 'last'.startsWith(typed) ? [{ value: 'last', description: 'the newest thread' }] : []
      const ids = withThreads(files, (table) => readThreads(table, 'id', typed))
      // A title is offered to who began to type one: next to the ids all titles would be noise.
      const titles = ids.length > 0 ? [] : withThreads(files, (table) => readThreads(table, 'title', typed))
      return [...last, ...ids, ...titles]
    }
    case 'table':
      return files.flatMap((file) =>
        using(openReadOnly(file.path), (connection) =>
          listTables(connection).map((value) => ({ value, description: file.role })),
        ),
      )
    default:
      return kind satisfies never
  }
}

function readLogValues(
  files: readonly DatabaseFile[],
  property: (typeof LOG_PROPERTIES)[keyof typeof LOG_PROPERTIES],
  typed: string,
): Completion[] {
  const store = openLogStore(files)
  if (!store) return []
  return using(store.connection, (connection) =>
    connection.all<Completion>(
      `SELECT value, count(*) || ' of the newest rows' AS description
       FROM (SELECT ${columnSql(store.columns[property])} AS value FROM logs ORDER BY ${store.key} DESC LIMIT ?)
       WHERE substr(value, 1, length(?)) = ?
       GROUP BY value ORDER BY count(*) DESC LIMIT ?`,
      NEWEST_LOG_ROWS,
      typed,
      typed,
      MOST_VALUES,
    ),
  )
}

function readThreadValues(
  { connection, columns }: OpenTable,
  property: (typeof THREAD_PROPERTIES)[keyof typeof THREAD_PROPERTIES],
  typed: string,
): Completion[] {
  const column = columnSql(resolveColumns(THREAD_COLUMNS, columns)[property])
  return connection.all<Completion>(
    `SELECT ${column} AS value, count(*) || ' threads' AS description FROM threads
     WHERE substr(${column}, 1, length(?)) = ? GROUP BY ${column} ORDER BY count(*) DESC LIMIT ?`,
    typed,
    typed,
    MOST_VALUES,
  )
}

function readThreads({ connection, columns }: OpenTable, by: 'id' | 'title', typed: string): Completion[] {
  const { id, name, title, updatedAtMs } = resolveColumns(THREAD_COLUMNS, columns)
  // What lists call it: its name where its user gave one.
  const label = `coalesce(nullif(${columnSql(name)}, ''), ${columnSql(title)})`
  const [value, description] = by === 'id' ? [columnSql(id), label] : [label, columnSql(id)]
  return connection.all<Completion>(
    `SELECT ${value} AS value, coalesce(substr(${description}, 1, 200), '') AS description
     FROM threads WHERE substr(${value}, 1, length(?)) = ?
     ORDER BY ${columnSql(updatedAtMs)} DESC LIMIT ?`,
    typed,
    typed,
    MOST_VALUES,
  )
}

function withThreads(files: readonly DatabaseFile[], read: (table: OpenTable) => Completion[]): Completion[] {
  const table = openTable(files, THREAD_TABLE)
  return table ? using(table.connection, () => read(table)) : []
}

function using<T>(connection: ReadConnection, read: (connection: ReadConnection) => T): T {
  try {
    return read(connection)
  } finally {
    connection.close()
  }
}
