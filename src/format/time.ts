import type { ExactTime, RowId } from '../model/log.js'

/** Times as text. Seconds are Unix, UTC. What cannot be shown as a date is shown as `<seconds>.<nanos>Z`. */

/** Seconds that are printed as a date: the years 0001 to 9998, as SQLite and JavaScript both can. */
export const FIRST_DATE_SECOND = -62_135_596_800
export const LAST_DATE_SECOND = 253_370_764_799

export const MONTHS = [
  'Jan',
  'Feb',
  'Mar',
  'Apr',
  'May',
  'Jun',
  'Jul',
  'Aug',
  'Sep',
  'Oct',
  'Nov',
  'Dec',
] as const

/** Turns an instant into text; kept between rows, as neighbours share their second and their offset. */
export interface TimeFormatter {
  /** `2026-02-06T09:15:02.041Z`, in a zone `2026-02-06T10:15:02.041+01:00`: milliseconds, cut. */
  full(tsSeconds: RowId, tsNanos: RowId): string
  /** `09:15:02`. */
  clock(tsSeconds: RowId, tsNanos: RowId): string
}

/** Minutes to add to UTC at an instant. */
export type ZoneOffset = (epochMs: number) => number

/** Zones change their offset on whole quarters of an hour. */
const OFFSET_SPAN_SECONDS = 900

export function createUtcTime(): TimeFormatter {
  const dateTime = dateTimeBySecond()
  return {
    full: (tsSeconds, tsNanos) =>
      isShowable(tsSeconds, tsNanos)
        ? `${dateTime(Number(tsSeconds))}.${millis(tsNanos)}Z`
        : bareTime(tsSeconds, tsNanos),
    clock: (tsSeconds, tsNanos) =>
      isShowable(tsSeconds, tsNanos) ? dateTime(Number(tsSeconds)).slice(11) : bareTime(tsSeconds, tsNanos),
  }
}

export function createZonedTime(offsetMinutesAt: ZoneOffset): TimeFormatter {
  const dateTime = dateTimeBySecond()
  let span = Number.NaN
  let offsetMinutes = 0
  let suffix = 'Z'
  const shift = (tsSeconds: number): number => {
    const current = Math.floor(tsSeconds / OFFSET_SPAN_SECONDS)
    if (current !== span) {
      span = current
      offsetMinutes = offsetMinutesAt(tsSeconds * 1000)
      suffix = offsetText(offsetMinutes)
    }
    return tsSeconds + offsetMinutes * 60
  }
  return {
    full(tsSeconds, tsNanos) {
      if (!isShowable(tsSeconds, tsNanos)) return bareTime(tsSeconds, tsNanos)
      const text = dateTime(shift(Number(tsSeconds)))
      return `${text}.${millis(tsNanos)}${suffix}`
    },
    clock: (tsSeconds, tsNanos) =>
      isShowable(tsSeconds, tsNanos)
        ? dateTime(shift(Number(tsSeconds))).slice(11)
        : bareTime(tsSeconds, tsNanos),
  }
}

/** `2026-02-06T09:15:02.041123456Z`; as the formatters do where there is no such date. */
export function formatUtcNanos(tsSeconds: RowId, tsNanos: RowId): string {
  if (!isShowable(tsSeconds, tsNanos)) return bareTime(tsSeconds, tsNanos)
  return `${new Date(Number(tsSeconds) * 1000).toISOString().slice(0, 19)}.${padNanos(tsNanos)}Z`
}

/** Seconds and nanoseconds to print, where a row can have the first. */
export function timeParts({ tsSeconds, tsNanos, exactTime }: TimedRow): [seconds: RowId, nanos: RowId] {
  return exactTime ? [exactTime.seconds, exactTime.nanos] : [tsSeconds, tsNanos ?? 0]
}

export interface TimedRow {
  readonly tsSeconds: number
  /** A table can lack the column. */
  readonly tsNanos: number | null
  readonly exactTime?: ExactTime
}

/** The offset of the process's own zone (`TZ`). */
export const localOffset: ZoneOffset = (epochMs) => -new Date(epochMs).getTimezoneOffset()

function dateTimeBySecond(): (tsSeconds: number) => string {
  let last = Number.NaN
  let text = ''
  return (tsSeconds) => {
    if (tsSeconds !== last) {
      last = tsSeconds
      text = new Date(tsSeconds * 1000).toISOString().slice(0, 19)
    }
    return text
  }
}

function isShowable(tsSeconds: RowId, tsNanos: RowId): boolean {
  const isNanos = tsNanos >= 0 && tsNanos <= 999_999_999
  return isNanos && tsSeconds >= FIRST_DATE_SECOND && tsSeconds <= LAST_DATE_SECOND
}

function bareTime(tsSeconds: RowId, tsNanos: RowId): string {
  return `${tsSeconds}.${padNanos(tsNanos)}Z`
}

function millis(tsNanos: RowId): string {
  return padNanos(tsNanos).slice(0, 3)
}

/** Nine places, the sign of an impossible value among them, as SQLite's `%09d`. */
function padNanos(tsNanos: RowId): string {
  return tsNanos < 0 ? `-${String(-tsNanos).padStart(8, '0')}` : String(tsNanos).padStart(9, '0')
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z'
  const absolute = Math.abs(minutes)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(absolute / 60))}:${two(absolute % 60)}`
}
