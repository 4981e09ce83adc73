import Database from 'better-sqlite3'
import type { SqlValue } from '../../src/db/connection.js'
import type { LogRow } from '../../src/model/log.js'

/** Values for a row of logs; SQLite stores any type in any column. */
export type NewLogRow = { [Name in keyof LogRow]?: SqlValue }

/** Where a property is stored; the first spelling that the file has. */
const COLUMNS: Record<keyof LogRow, readonly string[]> = {
  id: ['id'],
  tsSeconds: ['ts'],
  tsNanos: ['ts_nanos'],
  level: ['level'],
  target: ['target'],
  body: ['feedback_log_body', 'message'],
  threadId: ['thread_id'],
  processUuid: ['process_uuid'],
  modulePath: ['module_path'],
  file: ['file'],
  line: ['line'],
}

const DEFAULTS: NewLogRow = { tsSeconds: 0, tsNanos: 0, level: 'INFO', target: 'codex_core' }

/** Adds rows, leaving out what the file has no column for. The writer's connection is closed again. */
export function insertLogRows(path: string, rows: readonly NewLogRow[]): void {
  const database = new Database(path)
  try {
    insertInto(database, rows)
  } finally {
    database.close()
  }
}

export function insertInto(database: Database.Database, rows: readonly NewLogRow[]): void {
  const present = readColumnNames(database)
  database.transaction(() => {
    for (const row of rows) {
      const values = Object.entries({ ...DEFAULTS, ...row }).flatMap(([name, value]) => {
        const column = COLUMNS[name as keyof LogRow].find((spelling) => present.has(spelling))
        return column === undefined || value === undefined ? [] : [{ column, value }]
      })
      const names = values.map(({ column }) => column).join(', ')
      const places = values.map(() => '?').join(', ')
      database.prepare(`INSERT INTO logs (${names}) VALUES (${places})`).run(values.map(({ value }) => value))
    }
  })()
}

/** What a layout can store of a property. */
export function hasLogColumn(path: string, property: keyof LogRow): boolean {
  // For writing: a reader's connection would leave a write-ahead log behind.
  const database = new Database(path)
  try {
    const present = readColumnNames(database)
    return COLUMNS[property].some((spelling) => present.has(spelling))
  } finally {
    database.close()
  }
}

function readColumnNames(database: Database.Database): Set<string> {
  const columns = database.pragma('table_info(logs)') as { name: string }[]
  return new Set(columns.map(({ name }) => name))
}
