import type { SqlValue, WriteConnection } from '../db/connection.js'
import type { DynamicTool } from '../model/thread.js'
import {
  type ColumnSources,
  columnSql,
  knownColumns,
  readWritableColumns,
  resolveColumns,
} from '../schema/columns.js'
import { readColumnNames } from '../schema/inspect.js'

const TABLE = 'thread_dynamic_tools'

const TOOL_COLUMNS: ColumnSources<DynamicTool> = {
  position: ['position'],
  name: ['name'],
  description: ['description'],
  inputSchema: ['input_schema'],
  deferLoading: ['defer_loading'],
  namespace: ['namespace'],
}

/** In the order of their positions. */
export function readDynamicTools(db: WriteConnection, threadId: string): DynamicTool[] {
  const columns = Object.entries(resolveColumns(TOOL_COLUMNS, readColumnNames(db, TABLE)))
  return db
    .all<Omit<DynamicTool, 'deferLoading'> & { deferLoading: number | null }>(
      `SELECT ${columns.map(([name, column]) => `${columnSql(column)} AS ${name}`).join(', ')}
       FROM ${TABLE} WHERE thread_id = ? ORDER BY position`,
      threadId,
    )
    .map((row) => ({ ...row, deferLoading: row.deferLoading === null ? null : row.deferLoading !== 0 }))
}

/**
 * All in one transaction. A position that is already taken keeps the tool that it has.
 *
 * @throws {StateError} `INVALID` when there is no such thread; `SCHEMA_UNKNOWN`, `DB_NO_TABLE`
 */
export function persistDynamicTools(
  db: WriteConnection,
  threadId: string,
  tools: readonly DynamicTool[],
): void {
  if (tools.length === 0) return
  const present = readWritableColumns(db, TABLE, new Set(['thread_id', ...knownColumns(TOOL_COLUMNS)]))
  const columns = Object.entries(resolveColumns(TOOL_COLUMNS, present)).filter(
    ([, column]) => column !== undefined,
  )
  const insert = `INSERT INTO ${TABLE} (thread_id, ${columns.map(([, column]) => column).join(', ')})
    VALUES (?, ${columns.map(() => '?').join(', ')}) ON CONFLICT (thread_id, position) DO NOTHING`
  db.transaction(() => {
    for (const tool of tools) {
      const stored: Record<keyof DynamicTool, SqlValue> = { ...tool, deferLoading: tool.deferLoading ? 1 : 0 }
      db.run(insert, threadId, ...columns.map(([name]) => stored[name as keyof DynamicTool]))
    }
  })
}
