import type { RowId } from './log.js'
import type { ThreadActivity } from './log-activity.js'

/** How far a log reaches. Times are Unix milliseconds, of whole seconds. */
export interface LogReach {
  /** `undefined` where there are more ids than are counted. */
  rowCount: number | undefined
  /** Ids that were given and have no row: deleted, or never written. `undefined` where SQLite keeps no count. */
  missingCount: number | undefined
  newestMs: number | undefined
  /** Of the oldest row within a thread, and of the oldest outside. */
  threadsSinceMs: number | undefined
  threadlessSinceMs: number | undefined
  /** Rows since the time that was asked for, by process. */
  recentCounts: ReadonlyMap<string, number>
}

/** A process that logged here, and what is seen of it now. */
export interface ProcessStatus {
  processUuid: string | null
  pid: number | undefined
  state: 'running' | 'gone' | 'unknown'
  /** Why the state is what it is, in words. */
  reason: string
  /** Its command line; empty where it does not run. */
  command: string
  startMs: number | undefined
  /** Of its newest row. */
  lastMs: number
  /** Of the last minutes; `undefined` where the log does not name the process. */
  rowCount: number | undefined
}

/** What a thread does, under its title. */
export interface ThreadStatus {
  now: ThreadActivity & { process: { state: string } }
  /** Since when it does that; `undefined` of one of which no turn is known. */
  sinceMs: number | undefined
  title: string
  /** How far its rows reach back. */
  firstMs: number | undefined
}

/** What a home's log tells of now. Times are Unix milliseconds. */
export interface LogStatus {
  path: string
  nowMs: number
  /** So long after an event its row may be written. */
  flushMs: number
  /** Of Codex; `undefined` where it is not known. */
  version: string | undefined
  /** Whether these processes run, or may. */
  areAlive: boolean
  processes: ProcessStatus[]
  threads: ThreadStatus[]
  lastFailure:
    | {
        id: RowId
        ms: number
        threadId: string | null
        /** Of the catalogue of failures, and its title; `null` for one that it does not have. */
        name: string | null
        title: string | null
        text: string
      }
    | undefined
  /** In so many of the newest rows the failure was looked for. */
  searchedRowCount: number
  reach: LogReach
}
