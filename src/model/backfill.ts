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
