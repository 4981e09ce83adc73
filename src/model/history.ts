/**
 * How the projection from which Codex since 0.151 shows a chat stands to the rollout. The order is that of how much
 * Codex can repair by itself; each is explained at `HISTORY_STATES`.
 */
export type HistoryState = keyof typeof HISTORY_STATES

/** @property alarm exit status that the state stands for: 0 sound, 1 turns are not shown, 2 Codex cannot open it */
interface HistoryStateFacts {
  alarm: 0 | 1 | 2
  words: string
  /** For a column of a table. */
  brief: string
}

export const HISTORY_STATES = {
  complete: { alarm: 0, words: 'every turn of the rollout is shown', brief: 'all is shown' },
  notProjected: { alarm: 0, words: 'nothing is projected yet', brief: 'nothing projected yet' },
  rowsWithoutCursor: {
    alarm: 1,
    words: 'there are turns, but no cursor says how far they go',
    brief: 'turns without a cursor',
  },
  behind: {
    alarm: 1,
    words: 'the cursor stands before the end of the rollout',
    brief: 'behind the rollout',
  },
  cursorInLine: {
    alarm: 1,
    words: 'the cursor stands in the middle of a line',
    brief: 'cursor inside a line',
  },
  ordinalAgain: {
    alarm: 1,
    words: 'a line has an ordinal that was used before',
    brief: 'ordinal used twice',
  },
  ordinalGap: { alarm: 1, words: 'ordinals are missing before a line', brief: 'ordinals missing' },
  ordinalMissing: { alarm: 1, words: 'a line has no ordinal', brief: 'a line has no ordinal' },
  lastOrdinalMissing: {
    alarm: 2,
    words: 'the last line has no ordinal',
    brief: 'the last line has no ordinal',
  },
  badLine: { alarm: 1, words: 'a line after the cursor cannot be read', brief: 'a line cannot be read' },
  cursorTooLow: {
    alarm: 1,
    words: 'the cursor expects an ordinal that is too low',
    brief: 'cursor too low',
  },
  cursorTooHigh: {
    alarm: 1,
    words: 'the cursor expects an ordinal that is too high',
    brief: 'cursor too high',
  },
  cursorPastEnd: {
    alarm: 1,
    words: 'the cursor stands past the end of the rollout',
    brief: 'cursor past the end',
  },
  rowsMissing: {
    alarm: 1,
    words: 'turns or items are missing before the cursor',
    brief: 'rows are missing',
  },
  rowsStale: {
    alarm: 1,
    words: 'a turn has another outcome than in the rollout',
    brief: 'a turn has another outcome',
  },
  baseShort: {
    alarm: 1,
    words: 'turns of the thread that it was forked from are not shown',
    brief: 'its base is short',
  },
  supersededBaseShort: {
    alarm: 2,
    words: 'turns from before a revert are not shown',
    brief: 'the base of a revert is short',
  },
  baseMissing: {
    alarm: 2,
    words: 'a rollout that this one continues is missing',
    brief: 'its base is missing',
  },
  baseUnreadable: {
    alarm: 2,
    words: 'a rollout that this one continues cannot be read',
    brief: 'its base is unreadable',
  },
  baseCircle: {
    alarm: 2,
    words: 'the rollouts that this one continues lead back to it',
    brief: 'its bases go in a circle',
  },
} as const satisfies Record<string, HistoryStateFacts>

/** What a user can do. */
export const HISTORY_CURES = [
  'none',
  'resume',
  'newerCodex',
  'reset',
  'resumeBase',
  'restoreFile',
  'ordinals',
  'unknown',
] as const

export type HistoryCure = (typeof HISTORY_CURES)[number]

/** For the two ways in which releases project: up to 0.153, and from 0.155 on. */
export interface HistoryCures {
  until153: HistoryCure
  from155: HistoryCure
}

/** Where the projection of a thread stands. */
export interface ThreadHistory {
  threadId: string
  /** The rollout in force. */
  rolloutId: string
  path: string
  state: HistoryState
  cures: HistoryCures
  /** What `thread/turns/list` gives now, and what the rollouts hold; inherited turns included. */
  turnsShown: number
  turnsThere: number
  itemsShown: number
  itemsThere: number
  /** Where the projection stands, and where the rollout ends behind its last complete line. */
  cursor: { offset: number; ordinal: number } | null
  end: { offset: number; lineNumber: number }
  /** The line that stops it, or the first that is not projected; `null` where none does. */
  line: { lineNumber: number; offset: number; reason: string } | null
  /** The rollout that is short, missing or superseded, for the states of a base; the rows to reset otherwise. */
  affectedRolloutId: string | null
  affectedThreadId: string | null
  /** The state of that base. */
  baseState: HistoryState | null
  /** It was behind, and something wrote meanwhile: what is told is the second look. */
  isLive: boolean
  badLines: number
}

/** A rollout whose projection cannot be judged. */
export interface UnreadableHistory {
  path: string
  reason: string
}
