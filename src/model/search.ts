/** Where a search looks: what was said, done and answered. */
export const SEARCH_PLACES = ['user', 'assistant', 'calls', 'output', 'reasoning', 'notes', 'titles'] as const

export type SearchPlace = (typeof SEARCH_PLACES)[number]

/** What is looked for. Plain data, as it is sent to worker threads. */
export interface SearchQuery {
  text: string
  isRegex: boolean
  ignoresCase: boolean
  places: readonly SearchPlace[]
  /** Lines before and after the one that matches. */
  contextLines: number
  /** Unix milliseconds, both included; by when it was said. */
  sinceMs: number | undefined
  untilMs: number | undefined
  /** One match of a thread is enough. */
  onlyFirst: boolean
  /** Also in threads of automatic reviewers, which repeat what their parents said. */
  withReviewers: boolean
}

export interface SearchHit {
  /** Counts from 1; `null` for what stands in no turn, or in one that was rolled back. */
  turn: number | null
  turnId: string | null
  isRolledBack: boolean
  /** Copied from a thread that is not in this home. */
  isInherited: boolean
  /** Unix milliseconds; `null` where the rollout does not tell. */
  atMs: number | null
  place: SearchPlace
  /** 1-based, of the rollout. */
  lineNumber: number | null
  /** The line that matches; of a long one the part around the match. */
  text: string
  /** Where in it the match is. */
  matchStart: number
  matchLength: number
  before: string[]
  after: string[]
}

/** What came out for one rollout. */
export interface SearchedRollout {
  path: string
  hits: SearchHit[]
  cwd: string | null
  badLineCount: number
  /** The first three of them. */
  badLines: { lineNumber: number; reason: string }[]
  elidedBytes: number
  /** Lines of kinds that are not known here, in which nothing was looked for. */
  unknownCount: number
  /** Matches that a limit of time leaves out as nothing tells when they were. */
  untimedCount: number
  /** Why it could not be read. */
  failure: string | null
}
