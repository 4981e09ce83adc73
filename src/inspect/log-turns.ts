import { createTurnFollower } from '../body/follow-turns.js'
import { NOTHING_PARSED, parseBody } from '../body/parse.js'
import type { LogFilter, StoredLogRow } from '../model/log.js'
import type { LogTurn } from '../model/log-turn.js'
import type { Turn } from '../model/turn.js'
import { matchingBatches } from '../query/logs/batches.js'
import { inParts, keyOf, readLogRows } from '../query/logs/rows.js'
import { isTimeSql, type LogStore } from '../query/logs/store.js'
import { createTimeOrder } from '../query/logs/time-order.js'
import { columnSql } from '../schema/columns.js'

/** So many rows lie in SQLite's cache still when they are read, after their bytes were counted. */
const ROWS_AT_ONCE = 250

/** The turns of a thread as its rows tell them, oldest first. */
export function readLogTurns(
  store: LogStore,
  threadId: string,
  { from, to }: Pick<LogFilter, 'from' | 'to'> = {},
): LogTurn[] {
  const filter: LogFilter = { threadIds: [threadId], ...(from && { from }), ...(to && { to }) }
  const isMessageOnly = store.columns.body === 'message'
  const follower = createTurnFollower()
  const order = createTimeOrder<StoredLogRow>()
  const take = (rows: ReturnType<typeof readLogRows>) => {
    for (const row of rows) {
      const isRead = follower.needsParsing(row)
      follower.add(row, isRead ? parseBody(row.body, { target: row.target, isMessageOnly }) : NOTHING_PARSED)
    }
  }
  for (const batch of inParts(store, matchingBatches(store, filter, { listSize: ROWS_AT_ONCE }))) {
    const rows = readLogRows(store, batch, filter)
    take(order.add(store.hasIdAsKey ? rows : rows.map((row) => ({ ...row, id: keyOf(row) }))))
  }
  take(order.end())
  return follower.end(readNewestMs(store))
}

/** Of the newest row of all; `undefined` where that is not known. */
function readNewestMs({ connection, columns }: LogStore): number | undefined {
  const time = columnSql(columns.tsSeconds)
  const row = connection.get<{ seconds: number | null }>(
    `SELECT max(${time}) AS seconds FROM logs WHERE ${isTimeSql(time)}`,
  )
  return row?.seconds == null ? undefined : row.seconds * 1000
}

/** A turn as its rollout and its rows tell it; one of them is there. */
export interface JoinedTurn {
  rollout: Turn | undefined
  log: LogTurn | undefined
}

/** The clocks of the two, and whole seconds in rollouts, lie so far apart at most. */
const SLACK_MS = 2000

/**
 * The rollout's turns with what rows add to them. Turns are the same by their id; where rows have none (to 0.116), by
 * the time in which they began, each once. Rows of a turn that the rollout does not have stand among them by time.
 */
export function joinTurns(rollout: readonly Turn[], log: readonly LogTurn[]): JoinedTurn[] {
  const left = new Set(log)
  const joined: JoinedTurn[] = rollout.map((turn) => {
    const match = [...left].find((one) => (one.id === undefined ? isWithin(one, turn) : one.id === turn.id))
    if (match) left.delete(match)
    return { rollout: turn, log: match }
  })
  for (const one of left) joined.push({ rollout: undefined, log: one })
  // The order of the rollout holds; what it does not have is put where its time is.
  return joined.sort((a, b) => {
    if (a.rollout && b.rollout) return a.rollout.number - b.rollout.number
    return (startOf(a) ?? 0) - (startOf(b) ?? 0)
  })
}

function isWithin({ startMs, isPartial, endMs }: LogTurn, turn: Turn): boolean {
  if (turn.isInherited || turn.firstLineAtMs === null) return false
  const last = turn.lastLineAtMs ?? turn.firstLineAtMs
  if (isPartial) return startMs <= last + SLACK_MS && endMs >= turn.firstLineAtMs - SLACK_MS
  return startMs >= turn.firstLineAtMs - SLACK_MS && startMs <= last + SLACK_MS
}

/** Unix milliseconds: of the row that begins it, else as the rollout tells. */
export function startOf({ rollout, log }: JoinedTurn): number | undefined {
  if (log && !log.isPartial) return log.startMs
  const told =
    rollout && (rollout.startedAtSeconds === null ? rollout.firstLineAtMs : rollout.startedAtSeconds * 1000)
  return told ?? log?.startMs
}
