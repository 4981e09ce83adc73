import type { LogFilter, LogRow } from '../model/log.js'
import { columnSql } from '../schema/columns.js'
import { compileBatch, type LogBatch } from './log-batches.js'
import type { LogStore } from './log-store.js'

/** The rows of a batch that match, in the batch's order, for a window by id. */
export function readLogRows(
  store: LogStore,
  batch: LogBatch,
  filter?: LogFilter,
  isReversed = false,
): LogRow[] {
  const { sql, params } = compileBatch(store, batch, filter)
  const order = batch.kind === 'window' ? ` ORDER BY logs.id ${isReversed ? 'DESC' : 'ASC'}` : ''
  return store.connection.all<LogRow>(`SELECT ${rowSql(store)} ${sql}${order}`, ...params)
}

/** How many rows of a window are there, whatever they hold. */
export function countRows(store: LogStore, afterId: number, throughId: number): number {
  const row = store.connection.get<{ n: number }>(
    'SELECT count(*) AS n FROM logs NOT INDEXED WHERE id > ? AND id <= ?',
    afterId,
    throughId,
  )
  return row?.n ?? 0
}

/** The select list; a value of another type than its column's is read as what it should be. */
function rowSql({ columns }: LogStore): string {
  const asType = { integer: 'INTEGER', text: 'TEXT' } as const
  return (Object.keys(PROPERTY_TYPES) as (keyof LogRow)[])
    .map((name) => `CAST(${qualified(columns[name])} AS ${asType[PROPERTY_TYPES[name]]}) AS ${name}`)
    .join(', ')
}

/** `logs.` before it: the list that ids are read by has columns of its own. */
export function qualified(column: string | undefined): string {
  return column === undefined ? 'NULL' : `logs.${columnSql(column)}`
}

const PROPERTY_TYPES: Record<keyof LogRow, 'integer' | 'text'> = {
  id: 'integer',
  tsSeconds: 'integer',
  tsNanos: 'integer',
  level: 'text',
  target: 'text',
  body: 'text',
  threadId: 'text',
  processUuid: 'text',
  modulePath: 'text',
  file: 'text',
  line: 'integer',
}
