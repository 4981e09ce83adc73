import { createTurnFollower } from '../body/follow-turns.js'
import { NOTHING_PARSED, parseBody } from '../body/parse.js'
import type { LogFilter, StoredLogRow } from '../model/log.js'
import type { LogTurn } from '../model/log-turn.js'
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
