import { createZonedTime, localOffset } from '../../format/time.js'
import type { LogFilter } from '../../model/log.js'
import { LOWEST_ID } from '../../query/logs/batches.js'
import type { FollowEvent } from '../../query/logs/follow.js'
import type { Place } from '../../query/logs/place.js'
import { readSpan } from '../../query/logs/reach.js'
import { countRows } from '../../query/logs/rows.js'
import { type LogStore, readHighestId } from '../../query/logs/store.js'
import type { Home } from '../home-options.js'
import type { Io } from '../io.js'
import { repeatedText } from './cursor.js'

/** More ids without a row than Codex deletes in weeks: then there may never have been one. */
const MOST_DELETED = 10_000_000n

export function prunedNote(count: bigint): string {
  return count <= MOST_DELETED
    ? `${count} ${count === 1n ? 'row was' : 'rows were'} deleted by Codex before they could be read`
    : `${count} ids have no row: deleted before they could be read, or never written`
}

/** Tells what was deleted since the row that is gone on from, which nobody can read any more. */
export function tellPruned(store: LogStore, { afterId }: Place, io: Io): void {
  if (afterId < LOWEST_ID) return
  const count = store.connection.snapshot(() => {
    const high = readHighestId(store)
    return high <= afterId ? 0n : high - afterId - BigInt(countRows(store, { low: afterId + 1n, high }))
  })
  if (count > 0n) io.notice(prunedNote(count))
}

/** Why there may be nothing: how far the log reaches, and that rows are gone. */
export function describeNothing(store: LogStore, { threadIds = [] }: LogFilter, nowMs: number): string {
  const { rowCount, missingCount = 0, newestMs, oldestMs, ofThreadsMs } = readSpan(store, threadIds)
  if (rowCount === 0) return `no rows match: ${store.file.path} holds none`
  const zoned = createZonedTime(localOffset)
  const time = (ms: number) => {
    const text = zoned.full(ms / 1000, 0).replace('T', ' ')
    return nowMs - ms < 20 * 3_600_000 ? text.slice(11, 16) : text.slice(0, 16)
  }
  const thread = threadIds.length === 1 ? 'this thread' : 'these threads'
  const reach =
    threadIds.length === 0
      ? `the log has rows from ${time(oldestMs ?? 0)} to ${time(newestMs ?? 0)}`
      : ofThreadsMs === undefined
        ? `there is no row of ${thread} (any more); the log reaches back to ${time(oldestMs ?? 0)}`
        : `rows of ${thread} reach back to ${time(ofThreadsMs)}`
  const gone = missingCount > 0 ? `; of all rows ever written ${missingCount} are not there any more` : ''
  return `no rows match; ${reach}${gone}`
}

/** Tells what a follow met, besides rows. */
export function createTeller(
  home: Home,
  io: Io,
): (event: Exclude<FollowEvent, { kind: 'rows' | 'earlier' }>) => void {
  let lastFailure = ''
  return (event) => {
    switch (event.kind) {
      case 'pruned':
        io.notice(prunedNote(event.rowCount))
        break
      case 'switched': {
        const { path, reason, repeatedCount } = event
        const texts = {
          replaced: `the database was replaced; reading ${path} from its start`,
          newer: `a newer database appeared; reading ${path} from its start`,
          appeared: `reading ${path}`,
          restarted: `the ids of ${path} began anew; reading it from its start`,
        }
        io.notice(`${texts[reason]}${repeatedText(repeatedCount)}`)
        break
      }
      case 'reused':
        io.notice(
          `rows of ${event.path} that were shown are gone or were changed, and their ids were given again; ` +
            `going on after row ${event.afterId}`,
        )
        break
      case 'returned':
        io.notice(`going on with ${event.path}`)
        break
      case 'waiting':
        io.notice(
          event.path === undefined
            ? `no log database in ${home.sqliteHome} yet; waiting for one`
            : `${event.path} is gone; waiting for a log database in ${home.sqliteHome}`,
        )
        break
      case 'failed':
        if (event.error.message !== lastFailure) {
          io.notice(`${event.error.message}; trying again`)
        }
        lastFailure = event.error.message
        break
      default:
        event satisfies never
    }
  }
}
