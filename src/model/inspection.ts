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
export const USAGE_GROUPS = ['kind', 'place', 'age', 'source', 'project', 'family', 'content'] as const

export type UsageGroup = (typeof USAGE_GROUPS)[number]

/**
 * Whether a part of a home can be deleted: `no`, it holds what is nowhere else; `closed`, while Codex does not run,
 * at the price that is told; `yours`, only its user knows; `unknown`.
 */
export const MAY_GO = ['no', 'closed', 'yours', 'unknown'] as const

export type MayGo = (typeof MAY_GO)[number]

/** A list says what threads used by their rollouts for no more than so many: it is there at once. */
export const MOST_THREADS_READ = 200
