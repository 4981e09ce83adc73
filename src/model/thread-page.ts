import type { ThreadRow } from './thread.js'

/** By when a thread began, or was last changed; newest first. */
export const THREAD_SORT_KEYS = ['created_at', 'updated_at'] as const

export type ThreadSortKey = (typeof THREAD_SORT_KEYS)[number]

/** Where a page ended: the next one begins after this thread. */
export interface ThreadAnchor {
  /** Unix milliseconds of the sort key; a layout that stores only seconds ignores the rest of the second. */
  timestampMs: number
  id: string
}

export interface ThreadFilter {
  /** Texts as stored (`cli`, `{"subagent":"review"}`); none given: any source. */
  allowedSources?: readonly string[]
  /** None given: any provider. */
  modelProviders?: readonly string[]
  /** `true`: the archived threads; otherwise those that are not. */
  archivedOnly?: boolean
  /** A part of the title, preview or name, literally and case-sensitively. */
  searchTerm?: string
}

export interface ThreadPageQuery extends ThreadFilter {
  pageSize: number
  /** Default `created_at`. */
  sortKey?: ThreadSortKey
  anchor?: ThreadAnchor | undefined
}

export interface ThreadPage {
  items: ThreadRow[]
  /** For the next page; `undefined` when this is the last. */
  nextAnchor: ThreadAnchor | undefined
  /** Rows that SQLite returned: one more than `items` when there is a next page. */
  numScannedRows: number
}
