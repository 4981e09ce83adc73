import type { StoredLogRow } from './log.js'

/** Years 1 to 9999, in Unix seconds: what a damaged row holds may be no time. */
export const FIRST_SECONDS = -62_135_596_800
export const LAST_SECONDS = 253_402_300_799

export function isRowTime(seconds: number | null): boolean {
  return seconds !== null && seconds >= FIRST_SECONDS && seconds <= LAST_SECONDS
}

type TimedRow = Pick<StoredLogRow, 'id' | 'tsSeconds' | 'tsNanos'>

/** When a row was written: Unix milliseconds, with their fraction. */
export function rowMs({ tsSeconds, tsNanos }: Pick<TimedRow, 'tsSeconds' | 'tsNanos'>): number {
  return (tsSeconds ?? 0) * 1000 + (tsNanos ?? 0) / 1e6
}

/** Ids follow the batches in which rows were written, not the time. */
export function compareTimes(a: TimedRow, b: TimedRow): number {
  return a.tsSeconds - b.tsSeconds || a.tsNanos - b.tsNanos || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
