import type { WriteConnection } from '../db/open.js'
import type { LogRow, NewLogRow } from '../model/log.js'
import { knownColumns, type ResolvedColumns, readWritableColumns, resolveColumns } from '../schema/columns.js'
import type { DatabaseRole } from '../schema/files.js'
import { LOG_COLUMNS, LOG_TABLE } from '../schema/logs.js'

/**
 * How long log rows stay. A partition is a thread, or the rows outside any thread of one process, or those of
 * no known process. Within one, the newest rows stay whose bytes and count fit the limits.
 */
export interface LogRetention {
  ageSeconds: number
  partitionBytes: number
  partitionRows: number
}

const DAY_SECONDS = 86_400

/**
 * By the file that the logs are in: releases that keep them in the state database (to 0.112) have no limit on
 * rows. The limit on bytes needs a column, `estimated_bytes`, which layouts before 0.105 lack.
 */
export const LOG_RETENTION: Readonly<Record<'state' | 'logs', LogRetention>> = {
  state: { ageSeconds: 90 * DAY_SECONDS, partitionBytes: 10_485_760, partitionRows: Number.MAX_SAFE_INTEGER },
  logs: { ageSeconds: 10 * DAY_SECONDS, partitionBytes: 10_485_760, partitionRows: 1000 },
}

export interface LogTable {
  db: WriteConnection
  columns: ResolvedColumns<LogRow>
  /** Since 0.105: a column with the bytes of a row's texts, by which a partition is limited. */
  hasEstimatedBytes: boolean
  retention: LogRetention
}

/** @throws {StateError} `DB_NO_TABLE`, `SCHEMA_UNKNOWN` */
export function openLogTable(db: WriteConnection, role: DatabaseRole): LogTable {
  const known = new Set([...knownColumns(LOG_COLUMNS), 'estimated_bytes'])
  const present = readWritableColumns(db, LOG_TABLE, known)
  return {
    db,
    columns: resolveColumns(LOG_COLUMNS, present),
    hasEstimatedBytes: present.has('estimated_bytes'),
    retention: role === 'logs' ? LOG_RETENTION.logs : LOG_RETENTION.state,
  }
}

/** All rows or none, and in the same transaction what the limits of their partitions no longer allow. */
export function insertLogs(table: LogTable, rows: readonly NewLogRow[]): void {
  const { db, columns, hasEstimatedBytes } = table
  const named = Object.entries(columns).filter(([name, column]) => name !== 'id' && column !== undefined)
  const stored = [...named.map(([, column]) => column), ...(hasEstimatedBytes ? ['estimated_bytes'] : [])]
  const insert = `INSERT INTO ${LOG_TABLE} (${stored.join(', ')}) VALUES (${stored.map(() => '?').join(', ')})`
  db.transaction(() => {
    const partitions = new Map<string, Partition>()
    for (const row of rows) {
      const upperCased = { ...row, level: row.level.toUpperCase() }
      const values = named.map(([name]) => upperCased[name as keyof NewLogRow])
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

function prunePartition({ db, retention }: LogTable, { threadId, processUuid }: Partition): void {
  // Written apart, each as the partial indexes of these layouts have it.
  const [where, params]: [string, string[]] =
    threadId !== null
      ? ['thread_id = ?', [threadId]]
      : processUuid !== null
        ? ['thread_id IS NULL AND process_uuid = ?', [processUuid]]
        : ['thread_id IS NULL AND process_uuid IS NULL', []]
  db.run(
    `DELETE FROM ${LOG_TABLE} WHERE id IN (
       SELECT id FROM (
         SELECT id, sum(estimated_bytes) OVER newest_first AS bytes, row_number() OVER newest_first AS rank
         FROM ${LOG_TABLE} WHERE ${where}
         WINDOW newest_first AS (ORDER BY ts DESC, ts_nanos DESC, id DESC ROWS UNBOUNDED PRECEDING))
       WHERE bytes > ? OR rank > ?)`,
    ...params,
    retention.partitionBytes,
    retention.partitionRows,
  )
}

function estimateBytes({ body, level, target, modulePath, file }: NewLogRow): number {
  return [body, level, target, modulePath, file].reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0)
}

/** Removes the rows before that whole second; gives their number. */
export function deleteLogsBefore({ db }: LogTable, tsSeconds: number): number {
  return db.run(`DELETE FROM ${LOG_TABLE} WHERE ts < ?`, tsSeconds)
}

export function deleteThreadLogs({ db, columns }: LogTable, threadId: string): void {
  if (columns.threadId !== undefined) db.run(`DELETE FROM ${LOG_TABLE} WHERE thread_id = ?`, threadId)
}
