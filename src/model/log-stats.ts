/** What rows of logs are summed up by. */
export const STATS_GROUPS = [
  'level',
  'target',
  'call-site',
  'module',
  'file',
  'thread',
  'process',
  'hour',
  'day',
] as const

export type StatsGroup = (typeof STATS_GROUPS)[number]

export interface StatsPlan {
  by: readonly StatsGroup[]
  /** Each group is parted by time as well. */
  buckets?: { fromSeconds: number; stepSeconds: number }
}

/** The rows of one group, of one span of time. */
export interface StatsSum {
  /** In the order of the plan; `null` where a row has none. Hours and days are the Unix seconds they begin with. */
  keys: (string | null)[]
  /** 0 without buckets. */
  bucket: number
  rowCount: number
  sizeBytes: number
  /** Not a number where a row's time is not a valid one. */
  firstSeconds: number
  lastSeconds: number
}
