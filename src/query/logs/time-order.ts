import { compareTimes } from '../../body/find-failures.js'
import type { StoredLogRow } from '../../model/log.js'

/** Puts rows that come about in order into the order of time. */
export interface TimeOrder<Row> {
  /** Takes rows, gives those that no older one can follow any more. */
  add(rows: readonly Row[]): Row[]
  /** The rest. */
  end(): Row[]
}

/** Processes write in batches that overlap: rows so much older than the newest can still come. */
const LATE_MS = 60_000

/** Ids follow the batches in which rows were written, not their times. */
export function createTimeOrder<
  Row extends Pick<StoredLogRow, 'id' | 'tsSeconds' | 'tsNanos'>,
>(): TimeOrder<Row> {
  let waiting: Row[] = []
  return {
    add(rows) {
      waiting = [...waiting, ...rows].sort(compareTimes)
      const newest = waiting.at(-1)
      if (!newest) return []
      const certainMs = timeOf(newest) - LATE_MS
      const late = waiting.findIndex((row) => timeOf(row) >= certainMs)
      const ready = waiting.slice(0, late)
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

/** Unix milliseconds; in a table that was rebuilt by hand a time may be missing. */
export function timeOf({ tsSeconds, tsNanos }: Pick<StoredLogRow, 'tsSeconds' | 'tsNanos'>): number {
  return (tsSeconds ?? 0) * 1000 + (tsNanos ?? 0) / 1e6
}
