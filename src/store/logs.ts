import type { WriteConnection } from '../db/connection.js'
import type { LogRow, NewLogRow } from '../model/log.js'
import { LOG_PARTITIONS } from '../model/releases.js'
import {
  columnSql,
  knownColumns,
  type ResolvedColumns,
  readWritableColumns,
  resolveColumns,
} from '../schema/columns.js'
import { LOG_COLUMNS, LOG_SIZE_COLUMNS, LOG_TABLE } from '../schema/logs.js'

/** How long rows stay in our own generation: what is older goes when it is opened. */
export const LOG_AGE_SECONDS = 90 * 86_400

export interface LogTable {
  db: WriteConnection
  columns: ResolvedColumns<LogRow>
  /** Files without a column for a row's bytes are not pruned by partition. */
  sizeColumn: string | undefined
  partitions: { readonly maxBytes: number; readonly maxRows: number }
}

/** @throws {StateError} `DB_NO_TABLE`, `SCHEMA_UNKNOWN` */
export function openLogTable(db: WriteConnection, role: keyof typeof LOG_PARTITIONS): LogTable {
  const known = new Set([...knownColumns(LOG_COLUMNS), ...knownColumns(LOG_SIZE_COLUMNS)])
  const present = readWritableColumns(db, LOG_TABLE, known)
  return {
    db,
    columns: resolveColumns(LOG_COLUMNS, present),
    sizeColumn: resolveColumns(LOG_SIZE_COLUMNS, present).sizeBytes,
    partitions: LOG_PARTITIONS[role],
  }
}

/** All rows or none, and in the same transaction what the limits of their partitions no longer allow. */
export function insertLogs(table: LogTable, rows: readonly NewLogRow[]): void {
  const { db, columns, sizeColumn } = table
  const named = Object.entries(columns).filter(([name, column]) => name !== 'id' && column !== undefined)
  const stored = [
    ...named.map(([, column]) => columnSql(column)),
    ...(sizeColumn === undefined ? [] : [columnSql(sizeColumn)]),
  ]
  const insert = `INSERT INTO ${LOG_TABLE} (${stored.join(', ')}) VALUES (${stored.map(() => '?').join(', ')})`
  db.transaction(() => {
    const partitions = new Map<string, Partition>()
    for (const row of rows) {
      const values = named.map(([name]) => row[name as keyof NewLogRow] ?? null)
      db.run(insert, ...values, ...(sizeColumn === undefined ? [] : [estimateBytes(row)]))
      const partition = {
        threadId: row.threadId,
        processUuid: row.threadId === null ? row.processUuid : null,
      }
      partitions.set(JSON.stringify(partition), partition)
    }
    if (sizeColumn === undefined) return
    for (const partition of partitions.values()) prunePartition(table, partition)
  })
}

interface Partition {
  threadId: string | null
  processUuid: string | null
}

function prunePartition({ db, columns, sizeColumn, partitions }: LogTable, partition: Partition): void {
  const [thread, process] = [columnSql(columns.threadId), columnSql(columns.processUuid)]
  // Written apart, each as the partial indexes of these layouts have it.
  const [where, params]: [string, string[]] =
    partition.threadId !== null
      ? [`${thread} = ?`, [partition.threadId]]
      : partition.processUuid !== null
        ? [`${thread} IS NULL AND ${process} = ?`, [partition.processUuid]]
        : [`${thread} IS NULL AND ${process} IS NULL`, []]
  const [id, seconds, nanos] = [columns.id, columns.tsSeconds, columns.tsNanos].map(columnSql)
  db.run(
    `DELETE FROM ${LOG_TABLE} WHERE ${id} IN (
       SELECT id FROM (
         SELECT ${id} AS id, sum(${columnSql(sizeColumn)}) OVER newest_first AS bytes,
                row_number() OVER newest_first AS rank
         FROM ${LOG_TABLE} WHERE ${where}
         WINDOW newest_first AS
           (ORDER BY ${seconds} DESC, ${nanos} DESC, ${id} DESC ROWS UNBOUNDED PRECEDING))
       WHERE bytes > ? OR rank > ?)`,
    ...params,
    partitions.maxBytes,
    partitions.maxRows,
  )
}

function estimateBytes({ body, level, target, modulePath, file }: NewLogRow): number {
  return [body, level, target, modulePath, file].reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0)
}

/** Removes the rows before that whole second; gives their number. */
export function deleteLogsBefore({ db, columns }: LogTable, tsSeconds: number): number {
  return db.run(`DELETE FROM ${LOG_TABLE} WHERE ${columnSql(columns.tsSeconds)} < ?`, tsSeconds)
}

export function deleteThreadLogs({ db, columns }: LogTable, threadId: string): void {
  if (columns.threadId === undefined) return
  db.run(`DELETE FROM ${LOG_TABLE} WHERE ${columnSql(columns.threadId)} = ?`, threadId)
}
