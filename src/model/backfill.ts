export const BACKFILL_STATUSES = ['pending', 'running', 'complete'] as const

export type BackfillStatus = (typeof BACKFILL_STATUSES)[number]

/** The single row of `backfill_state`: how far the rollouts of a home have been read into its threads. */
export interface BackfillState {
  status: BackfillStatus
  /**
   * Path relative to the home, with `/`, of the last rollout of the last finished batch; `null` before the
   * first batch, and for ever when there was nothing to read.
   */
  lastWatermark: string | null
  /** Unix seconds of completion. */
  lastSuccessAtSeconds: number | null
  /** Unix seconds; also tells whether the lease of a `running` backfill still holds. */
  updatedAtSeconds: number
}

/** How long a claim holds without a checkpoint; then another process may take over (Codex 0.99 on). */
export const BACKFILL_LEASE_SECONDS = 900

/** Who may begin a backfill: nobody, as it is done; nobody, for so many more seconds; anybody. */
export type LeaseState =
  | { kind: 'complete' }
  | { kind: 'held'; remainingSeconds: number }
  /** `running`, and left so: its worker gave no sign of life for the length of a lease. */
  | { kind: 'expired' }
  | { kind: 'free' }

/** Whether somebody's claim on the backfill still holds. */
export function leaseState(
  { status, updatedAtSeconds }: { status: string; updatedAtSeconds: number },
  nowSeconds: number,
): LeaseState {
  if (status === 'complete') return { kind: 'complete' }
  if (status !== 'running') return { kind: 'free' }
  const remainingSeconds = updatedAtSeconds + BACKFILL_LEASE_SECONDS - nowSeconds
  return remainingSeconds > 0 ? { kind: 'held', remainingSeconds } : { kind: 'expired' }
}
