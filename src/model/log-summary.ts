import type { ExactTime, RowId } from './log.js'

/** A row as a person is shown it: the message first, beside it what is not said elsewhere. */
export interface LogSummary {
  id: RowId
  tsSeconds: number
  tsNanos: number
  exactTime?: ExactTime
  /** As stored, but `FAIL` for a failed turn, which is INFO in every release. */
  level: string
  /** The message, or what stands for it; may span lines. */
  text: string
  /** The event's own fields that the text does not hold, as written, but without needless quotes. */
  fields: readonly SummaryField[]
  /** As stored. */
  target: string
  threadId: string | null
  turn: TurnMark | undefined
  /** It tells of a failure, whatever its level. */
  isFailure: boolean
}

export interface SummaryField {
  key: string
  value: string
}

/** A row at which a turn begins or ends. */
export interface TurnMark {
  kind: 'start' | 'end' | 'failed' | 'stopped'
  id: string | undefined
  /** What was asked for, what it cost, why it failed; `''`: nothing is said. */
  text: string
}

/** In the place of a level. */
export const FAILED_LEVEL = 'FAIL'
