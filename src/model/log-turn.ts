import type { RowId } from './log.js'
import type { STEP_KINDS } from './log-activity.js'
import type { Turn } from './turn.js'

/** How a turn ended, as far as rows tell; `open`: no row ends it. */
export const LOG_OUTCOMES = ['completed', 'failed', 'interrupted', 'open'] as const

export type LogOutcome = (typeof LOG_OUTCOMES)[number]

/** A span of a turn in which it did one thing. Times are Unix milliseconds. */
export interface LogStep {
  kind: (typeof STEP_KINDS)[number]
  fromMs: number
  toMs: number
}

/** A tool call as rows tell it. */
export interface LogCall {
  /** As the model named it. */
  name: string
  /** `undefined` to 0.116. */
  callId: string | undefined
  startMs: number
  /** `undefined`: no row ends it. */
  endMs: number | undefined
  /** As Codex measured it, else the difference of the times. Of a command that outlives its wait: until it yielded. */
  durationMs: number | undefined
  /** `undefined` where no row says how it ended. */
  hasFailed: boolean | undefined
  error: string | undefined
  /** How long the user was waited for. */
  userWaitMs: number
}

export interface LogRetry {
  atMs: number
  attempt: number
  most: number
  waitMs: number
  /** Of the catalogue of failures; `undefined` where the row does not say (to 0.144). */
  cause: string | undefined
}

/** A turn of a thread, read only from rows. */
export interface LogTurn {
  /** `undefined` to 0.116. */
  id: string | undefined
  startMs: number
  /** Of the row that ends it, else of its last row. */
  endMs: number
  /** Its first rows are not there: it began before `startMs`. */
  isPartial: boolean
  outcome: LogOutcome
  error: string | undefined
  model: string | undefined
  /** Of HTTP answers, in order. */
  statuses: number[]
  requestCount: number
  /** From the start to the first that came of an answer; `undefined` where no row tells. */
  firstTokenMs: number | undefined
  steps: LogStep[]
  calls: LogCall[]
  retries: LogRetry[]
  /** The longest time without a row. */
  silenceMs: number
  rowCount: number
  firstRowId: RowId
}

/** A turn that ended, and whose it is. */
export interface EndedTurn {
  threadId: string
  processUuid: string | null
  turn: LogTurn
}

export type TurnSource = 'log' | 'rollout' | 'both'

/** A turn as its rollout and its rows tell it; one of them is there. Times are Unix milliseconds. */
export interface JoinedTurn {
  /** As it is listed, from 1. */
  number: number
  rollout: Turn | undefined
  log: LogTurn | undefined
  /** `undefined` where neither has one of Codex's. */
  id: string | undefined
  /** Of the row that begins it, else as the rollout tells. */
  startMs: number | undefined
  /** `undefined` of one that is open. */
  endMs: number | undefined
  durationMs: number | undefined
  outcome: LogOutcome
  error: string | undefined
  model: string | null | undefined
  firstTokenMs: number | undefined
  callCount: number | undefined
  /** From the start, as the rollout tells it, to the first row: rows are gone, or none was written. */
  unseenMs: number | undefined
  sources: Readonly<Record<string, TurnSource>>
}
