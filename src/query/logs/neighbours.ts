import type { SqlValue } from '../../db/connection.js'
import type { RowId, StoredLogRow } from '../../model/log.js'
import { columnSql, quoteIdentifier } from '../../schema/columns.js'
import { keyOf } from './rows.js'
import { keySql, type LogSource, readIds } from './store.js'

/** What stands before and after a row, in the order of ids. */
export interface Neighbours {
  previous: RowId | undefined
  next: RowId | undefined
  previousInThread: RowId | undefined
  nextInThread: RowId | undefined
}

type Direction = 'before' | 'after'

/** Without a row, `previous` is the newest one. */
export function readNeighbours(source: LogSource, row: StoredLogRow | undefined): Neighbours {
  if (!row) {
    const [newest] = readIdsBeside(source, 'before', undefined, 1)
    return { previous: newest, next: undefined, previousInThread: undefined, nextInThread: undefined }
  }
  const id = keyOf(row)
  const scope = row.threadId === null ? undefined : scopeOf(source, row)
  return {
    previous: readIdsBeside(source, 'before', id, 1)[0],
    next: readIdsBeside(source, 'after', id, 1)[0],
    previousInThread: scope && readIdsBeside(source, 'before', id, 1, scope)[0],
    nextInThread: scope && readIdsBeside(source, 'after', id, 1, scope)[0],
  }
}

/** Which rows belong together. */
export interface Scope {
  /** The same text for rows of the same scope. */
  name: string
  sql: string
  params: readonly SqlValue[]
  index: string | undefined
}

/** A row's thread; where it has none, the rows of its process that have none either. */
export function scopeOf(
  { columns, indexes }: LogSource,
  { threadId, processUuid }: Pick<StoredLogRow, 'threadId' | 'processUuid'>,
): Scope {
  if (threadId !== null) {
    const sql = `${columnSql(columns.threadId)} = ?`
    return { name: `thread ${threadId}`, sql, params: [threadId], index: indexes.thread }
  }
  const noThread = `${columns.threadId === undefined ? '1' : `+${columnSql(columns.threadId)} IS NULL`}`
  if (processUuid === null) return { name: '', sql: noThread, params: [], index: undefined }
  const sql = `${noThread} AND +${columnSql(columns.processUuid)} = ?`
  return { name: `process ${processUuid}`, sql, params: [processUuid], index: undefined }
}

/** Ids before a row, nearest first, or after it. */
export function readIdsBeside(
  source: LogSource,
  direction: Direction,
  id: RowId | undefined,
  limit: number,
  scope?: Scope,
): RowId[] {
  const key = keySql(source)
  const conditions: string[] = []
  const params: SqlValue[] = []
  if (id !== undefined) {
    conditions.push(`${key} ${direction === 'before' ? '<' : '>'} CAST(? AS INTEGER)`)
    params.push(String(id))
  }
  if (scope) {
    conditions.push(scope.sql)
    params.push(...scope.params)
  }
  const by = scope?.index === undefined ? 'NOT INDEXED' : `INDEXED BY ${quoteIdentifier(scope.index)}`
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return readIds(
    source.connection,
    `SELECT ${key} AS id FROM logs ${by} ${where}
     ORDER BY ${key} ${direction === 'before' ? 'DESC' : 'ASC'} LIMIT ?`,
    ...params,
    limit,
  )
}
