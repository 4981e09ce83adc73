/**
 * What Codex counts about its state database, under its own names and tags:
 * - `codex.db.init`: 1 for each opening, `status` `opened`, and another 1, `created`, where the file is new;
 *   `open_error` for one that failed
 * - `codex.db.error`: 1 for each call that failed; `stage` is the call
 * - `codex.db.backfill`: rollouts of one backfill; `status` is `upserted` or `failed`
 * - `codex.db.backfill.duration_ms`: its duration; `status` is `success`, `failed` or `partial_failure`
 * - `codex.db.compare_error`: 1 for each discrepancy between database and rollouts; `stage` and `reason`
 */
export const TELEMETRY_METRICS = [
  'codex.db.init',
  'codex.db.error',
  'codex.db.backfill',
  'codex.db.backfill.duration_ms',
  'codex.db.compare_error',
] as const

export interface TelemetryCount {
  metric: (typeof TELEMETRY_METRICS)[number]
  value: number
  tags: Readonly<Record<string, string>>
}

export type Telemetry = (count: TelemetryCount) => void

/** What one backfill did with the rollouts that it found. */
export interface BackfillCounts {
  upserted: number
  failed: number
  durationMs: number
}
