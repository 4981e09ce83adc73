import type { StoredLogRow } from '../../model/log.js'
import { compareTimes, isRowTime, rowMs } from '../../model/row-time.js'

type TimedRow = Pick<StoredLogRow, 'id' | 'tsSeconds' | 'tsNanos'>

/** Puts rows that come in the order of their ids into the order in which things happened. */
export interface TimeOrder<Row> {
  /** Takes rows, gives those that no older one can follow any more. */
  add(rows: readonly Row[]): Row[]
  /** The rest. */
  end(): Row[]
}

/** Processes write in batches that overlap: a row can be so much older than the one before it. */
const LATE_MS = 60_000

/**
 * Ids follow the batches in which rows were written, not their times. A row that is much older than the one before it was
 * written after the clock was set back. One without a valid time happened when its neighbour did.
 */
export function createTimeOrder<Row extends TimedRow>(): TimeOrder<Row> {
  let waiting: Row[] = []
  let last: TimedRow | undefined
  return {
    add(rows) {
      const ready: Row[] = []
      last ??= rows.find(({ tsSeconds }) => isRowTime(tsSeconds))
      for (const stored of rows) {
        const row = isRowTime(stored.tsSeconds)
          ? stored
          : { ...stored, tsSeconds: last?.tsSeconds ?? 0, tsNanos: last?.tsNanos ?? 0 }
        if (last && rowMs(row) < rowMs(last) - LATE_MS) {
          ready.push(...waiting.sort(compareTimes))
          waiting = []
        }
        waiting.push(row)
        last = row
      }
      waiting.sort(compareTimes)
      const newest = waiting.at(-1)
      if (!newest) return ready
      const certainMs = rowMs(newest) - LATE_MS
      const late = waiting.findIndex((row) => rowMs(row) >= certainMs)
      ready.push(...waiting.slice(0, late))
      waiting = waiting.slice(late)
      return ready
    },
    end() {
      const rest = waiting
      waiting = []
      return rest
    },
  }
}
