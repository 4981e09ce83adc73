import { createTurnFollower, type TurnFollower } from '../body/follow-turns.js'
import { NOTHING_PARSED, parseBody } from '../body/parse.js'
import { StateError } from '../errors.js'
import type { RowId, StoredLogRow } from '../model/log.js'
import type { EndedTurn, LogTurn } from '../model/log-turn.js'
import { rowMs } from '../model/row-time.js'
import { LOWEST_ID } from '../query/logs/batches.js'
import { readMarks } from '../query/logs/place.js'
import { keyOf } from '../query/logs/rows.js'
import type { LogStore } from '../query/logs/store.js'
import { createTimeOrder } from '../query/logs/time-order.js'
import { readLogTurns } from './log-turns.js'

/** Follows the turns of all threads through rows as they come, and gives each when it has ended. */
export interface TurnTracker {
  /** Takes the next rows of a database; gives what is known to have ended by them. */
  add(rows: readonly StoredLogRow[]): EndedTurn[]
  /** No older row comes any more: what was held back for its order is taken too. */
  settle(): EndedTurn[]
  /** The last row that no open turn needs; `undefined` when there is none. */
  safeRow(): RowId | undefined
}

/** So long after its last row a turn that nothing ends is given up: its process was killed. */
const GIVEN_UP_MS = 3_600_000

interface ThreadState {
  readonly follower: TurnFollower
  processUuid: string | null
  lastMs: number
}

export function createTurnTracker(store: LogStore, now: () => number): TurnTracker {
  const threads = new Map<string, ThreadState>()
  const order = createTimeOrder<StoredLogRow>()
  const isMessageOnly = store.columns.body === 'message'
  /** Rows that were taken and not followed yet, for their order. */
  const waiting = new Set<RowId>()
  let lastRow: RowId | undefined

  function follow(rows: readonly StoredLogRow[], untilMs: number): EndedTurn[] {
    for (const row of rows) {
      waiting.delete(keyOf(row))
      if (row.threadId === null) continue
      let state = threads.get(row.threadId)
      if (!state) {
        state = { follower: createTurnFollower(), processUuid: row.processUuid, lastMs: 0 }
        threads.set(row.threadId, state)
      }
      state.processUuid = row.processUuid
      state.lastMs = rowMs(row)
      const numbered = store.hasIdAsKey ? row : { ...row, id: keyOf(row) }
      const isRead = state.follower.needsParsing(row)
      const parsed = isRead ? parseBody(row.body, { target: row.target, isMessageOnly }) : NOTHING_PARSED
      state.follower.add(numbered, parsed)
    }
    return takeEnded(untilMs)
  }

  /** `untilMs`: up to then all rows were seen. */
  function takeEnded(untilMs: number): EndedTurn[] {
    const ended: EndedTurn[] = []
    for (const [threadId, { follower, processUuid, lastMs }] of threads) {
      const isGivenUp = untilMs - lastMs > GIVEN_UP_MS
      for (const turn of isGivenUp ? follower.end() : follower.takeEnded(Math.max(untilMs, lastMs)))
        ended.push({ threadId, processUuid, turn: wholeTurn(threadId, turn) })
      if (isGivenUp) threads.delete(threadId)
    }
    return ended
  }

  /** Where reading began within a turn, its first rows may be there all the same. */
  function wholeTurn(threadId: string, turn: LogTurn): LogTurn {
    if (!turn.isPartial) return turn
    try {
      const same = readLogTurns(store, threadId).filter(({ id }) => id === turn.id)
      return same.find(({ endMs }) => endMs === turn.endMs) ?? turn
    } catch (error) {
      // The database is gone or damaged: better a part that says so than nothing.
      if (error instanceof StateError) return turn
      throw error
    }
  }

  return {
    add(rows) {
      for (const row of rows) {
        const key = keyOf(row)
        waiting.add(key)
        if (lastRow === undefined || key > lastRow) lastRow = key
      }
      const ready = order.add(rows)
      return follow(ready, ready.length === 0 ? 0 : rowMs(ready.at(-1)!))
    },
    settle: () => follow(order.end(), now()),
    safeRow() {
      let needed: RowId | undefined
      const need = (id: RowId | undefined) => {
        if (id !== undefined && (needed === undefined || id < needed)) needed = id
      }
      for (const id of waiting) need(id)
      for (const { follower } of threads.values()) need(follower.firstOpenRow())
      if (needed === undefined) return lastRow
      return readMarks(store, LOWEST_ID, BigInt(needed) - 1n, 1)[0]?.id
    },
  }
}
