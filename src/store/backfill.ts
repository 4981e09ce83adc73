import type { WriteConnection } from '../db/connection.js'
import { StateError } from '../errors.js'
import {
  BACKFILL_LEASE_SECONDS,
  BACKFILL_STATUSES,
  type BackfillState,
  type BackfillStatus,
} from '../model/backfill.js'

/** Only reads: a row that is missing counts as not complete. */
export function isBackfillComplete(db: Pick<WriteConnection, 'get'>): boolean {
  return db.get(`SELECT 1 FROM backfill_state WHERE id = 1 AND status = 'complete'`) !== undefined
}

/** @throws {StateError} `INVALID` for a status that is none; `DB_NO_TABLE` in layouts to 0.98 */
export function readBackfillState(db: WriteConnection, nowSeconds: number): BackfillState {
  ensureRow(db, nowSeconds)
  const row = db.get<Omit<BackfillState, 'status'> & { status: string }>(
    `SELECT status, last_watermark AS lastWatermark, last_success_at AS lastSuccessAtSeconds,
            updated_at AS updatedAtSeconds
     FROM backfill_state WHERE id = 1`,
  )!
  if (!isBackfillStatus(row.status)) {
    throw new StateError('INVALID', `backfill_state in ${db.path} has the unknown status "${row.status}"`)
  }
  return { ...row, status: row.status }
}

function isBackfillStatus(text: string): text is BackfillStatus {
  return (BACKFILL_STATUSES as readonly string[]).includes(text)
}

/**
 * Takes the lease unless the backfill is complete, or running under a lease that holds. One statement, so of
 * two processes one gets it: the SQL form of `leaseState`.
 */
export function claimBackfill(db: WriteConnection, nowSeconds: number): boolean {
  ensureRow(db, nowSeconds)
  const claimed = db.run(
    `UPDATE backfill_state SET status = 'running', updated_at = ?
     WHERE id = 1 AND status <> 'complete' AND (status <> 'running' OR updated_at <= ?)`,
    nowSeconds,
    nowSeconds - BACKFILL_LEASE_SECONDS,
  )
  return claimed === 1
}

export function markBackfillRunning(db: WriteConnection, nowSeconds: number): void {
  ensureRow(db, nowSeconds)
  db.run(`UPDATE backfill_state SET status = 'running', updated_at = ? WHERE id = 1`, nowSeconds)
}

/** Writes down how far the backfill got, and renews the lease. */
export function checkpointBackfill(db: WriteConnection, watermark: string, nowSeconds: number): void {
  ensureRow(db, nowSeconds)
  db.run(
    `UPDATE backfill_state SET status = 'running', last_watermark = ?, updated_at = ? WHERE id = 1`,
    watermark,
    nowSeconds,
  )
}

/** Gives the lease back, so that the next claimant need not wait for its end; how far it got stays. */
export function releaseBackfill(db: WriteConnection, nowSeconds: number): void {
  db.run(
    `UPDATE backfill_state SET status = 'pending', updated_at = ? WHERE id = 1 AND status = 'running'`,
    nowSeconds,
  )
}

/** Without a watermark the one that is there stays. */
export function markBackfillComplete(
  db: WriteConnection,
  lastWatermark: string | undefined,
  nowSeconds: number,
): void {
  ensureRow(db, nowSeconds)
  db.run(
    `UPDATE backfill_state
     SET status = 'complete', last_watermark = coalesce(?, last_watermark), last_success_at = ?, updated_at = ?
     WHERE id = 1`,
    lastWatermark ?? null,
    nowSeconds,
    nowSeconds,
  )
}

/** Codex puts the row back where it is missing. Looked for first: a reader should take no write lock. */
function ensureRow(db: WriteConnection, nowSeconds: number): void {
  if (db.get('SELECT 1 FROM backfill_state WHERE id = 1')) return
  db.run(`INSERT OR IGNORE INTO backfill_state (id, status, updated_at) VALUES (1, 'pending', ?)`, nowSeconds)
}
