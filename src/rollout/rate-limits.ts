import type { RolloutEnvelope } from './parse.js'
import { parseTimestampMs } from './timestamp.js'
import { isObject, numberOrNull, textOrNull } from './values.js'

/** How much of an account's limits was used at one moment. */
export interface RateLimits {
  atMs: number | null
  limitId: string | null
  limitName: string | null
  planType: string | null
  /** `primary` and `secondary`, those that were told. */
  windows: {
    name: string
    usedPercent: number
    windowMinutes: number | null
    /** Unix seconds. */
    resetsAtSeconds: number | null
  }[]
  /** Which limit was reached, in Codex's word. */
  reached: string | null
}

export function readLimits({ timestamp, payload }: RolloutEnvelope): RateLimits | undefined {
  const told = payload.rate_limits
  if (!isObject(told)) return undefined
  const windows = (['primary', 'secondary'] as const).flatMap((name) => {
    const window = told[name]
    const usedPercent = isObject(window) ? numberOrNull(window.used_percent) : null
    if (!isObject(window) || usedPercent === null) return []
    return [
      {
        name,
        usedPercent,
        windowMinutes: numberOrNull(window.window_minutes),
        resetsAtSeconds: numberOrNull(window.resets_at),
      },
    ]
  })
  if (windows.length === 0) return undefined
  return {
    atMs: parseTimestampMs(timestamp),
    limitId: textOrNull(told.limit_id),
    limitName: textOrNull(told.limit_name),
    planType: textOrNull(told.plan_type),
    windows,
    reached: textOrNull(told.rate_limit_reached_type),
  }
}
