import type { WriteConnection } from '../db/connection.js'
import type { LogRow, NewLogRow } from '../model/log.js'
import {
  columnSql,
  knownColumns,
  type ResolvedColumns,
  readWritableColumns,
  resolveColumns,
} from '../schema/columns.js'
import type { DatabaseRole } from '../schema/files.js'
import { LOG_COLUMNS, LOG_TABLE, UNREAD_LOG_COLUMNS } from '../schema/logs.js'

/** How long rows stay in our own generation: what is older goes when it is opened. */
export const LOG_AGE_SECONDS = 90 * 86_400

/**
 * What stays of a partition (a thread, or the rows outside any thread of one process, or those of no known
 * process): its newest rows that together have so many bytes, and in a log database so many rows at most.
 */
const PARTITION_BYTES = 10_485_760
const PARTITION_ROWS = 1000

export interface LogTable {
  db: WriteConnection
  columns: ResolvedColumns<LogRow>
  /** Since 0.105: a column with the bytes of a row's texts. Files without it are not pruned by partition. */
  hasEstimatedBytes: boolean
  /** Releases that keep logs in the state database (to 0.112) have no such limit. */
  maxPartitionRows: number
}

/** @throws {StateError} `DB_NO_TABLE`, `SCHEMA_UNKNOWN` */
export function openLogTable(db: WriteConnection, role: DatabaseRole): LogTable {
  const known = new Set([...knownColumns(LOG_COLUMNS), ...UNREAD_LOG_COLUMNS])
  const present = readWritableColumns(db, LOG_TABLE, known)
  return {
    db,
    columns: resolveColumns(LOG_COLUMNS, present),
    hasEstimatedBytes: present.has('estimated_bytes'),
    maxPartitionRows: role === 'logs' ? PARTITION_ROWS : Number.MAX_SAFE_INTEGER,
  }
}

/** All rows or none, and in the same transaction what the limits of their partitions no longer allow. */
export function insertLogs(table: LogTable, rows: readonly NewLogRow[]): void {
  const { db, columns, hasEstimatedBytes } = table
  const named = Object.entries(columns).filter(([name, column]) => name !== 'id' && column !== undefined)
  const stored = [
    ...named.map(([, column]) => columnSql(column)),
    ...(hasEstimatedBytes ? ['estimated_bytes'] : []),
  ]
  const insert = `INSERT INTO ${LOG_TABLE} (${stored.join(', ')}) VALUES (${stored.map(() => '?').join(', ')})`
  db.transaction(() => {
    const partitions = new Map<string, Partition>()
    for (const row of rows) {
      const values = named.map(([name]) => row[name as keyof NewLogRow])
      db.run(insert, ...values, ...(hasEstimatedBytes ? [estimateBytes(row)] : []))
      const partition = {
        threadId: row.threadId,
        processUuid: row.threadId === null ? row.processUuid : null,
      }
      partitions.set(JSON.stringify(partition), partition)
    }
    if (!hasEstimatedBytes) return
    for (const partition of partitions.values()) prunePartition(table, partition)
  })
}

interface Partition {
  threadId: string | null
  processUuid: string | null
}

function prunePartition({ db, columns, maxPartitionRows }: LogTable, partition: Partition): void {
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
         SELECT ${id} AS id, sum(estimated_bytes) OVER newest_first AS bytes,
                row_number() OVER newest_first AS rank
         FROM ${LOG_TABLE} WHERE ${where}
         WINDOW newest_first AS
           (ORDER BY ${seconds} DESC, ${nanos} DESC, ${id} DESC ROWS UNBOUNDED PRECEDING))
       WHERE bytes > ? OR rank > ?)`,
    ...params,
    PARTITION_BYTES,
    maxPartitionRows,
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
