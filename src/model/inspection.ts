/** By which time a list of threads is sorted, newest first; not every layout has the last. */
export const THREAD_SORTS = ['updated', 'created', 'recency'] as const

export type ThreadSort = (typeof THREAD_SORTS)[number]

/** What tokens are summed by. */
export const TOKEN_GROUPS = [
  'thread',
  'turn',
  'day',
  'week',
  'month',
  'model',
  'provider',
  'source',
  'cwd',
  'branch',
  'total',
] as const

export type TokenGroup = (typeof TOKEN_GROUPS)[number]

/** What the room on disk is summed by. */
export const USAGE_GROUPS = ['kind', 'age', 'source', 'project'] as const

export type UsageGroup = (typeof USAGE_GROUPS)[number]
