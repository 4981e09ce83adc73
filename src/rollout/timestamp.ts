import { COLON, DASH, DOT, QUOTE, ZERO } from '../model/bytes.js'

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const FILE_NAME_FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)$/

/** What Codex writes in every line of a rollout. */
const LINE_FORM = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z$/

/** RFC 3339, or `YYYY-MM-DDTHH-MM-SS` which is read as UTC; unix milliseconds, cut not rounded, or `null`. */
export function parseTimestampMs(text: string): number | null {
  // A day that every month has is not checked against its month, so this is all there is to do for nearly all lines.
  if (LINE_FORM.test(text)) {
    const ms = Date.parse(text)
    return Number.isNaN(ms) ? null : ms
  }
  const match = RFC_3339.exec(text) ?? FILE_NAME_FORM.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHours = 0, offsetMinutes = 0] =
    match
  const ms = fraction.slice(1, 4).padEnd(3, '0')
  const isoText = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`
  const utcMs = Date.parse(isoText)
  // Of an impossible date (the 31st of February) `Date` makes the next possible one.
  if (Number.isNaN(utcMs) || new Date(utcMs).toISOString() !== isoText) return null
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000
  return sign === '-' ? utcMs + offsetMs : utcMs - offsetMs
}

/**
 * Of `2026-02-05T10-20-30` (read as UTC) at `start`: unix milliseconds, or `null` for a day that not every month has, and
 * for all else that is to be looked at more closely.
 */
export function parsePlainTimeMs(text: string, start: number): number | null {
  const year = twoDigits(text, start) * 100 + twoDigits(text, start + 2)
  const month = twoDigits(text, start + 5)
  const day = twoDigits(text, start + 8)
  if (!(year >= 1000 && month >= 1 && month <= 12 && day >= 1 && day <= 28)) return null
  const hour = twoDigits(text, start + 11)
  const minute = twoDigits(text, start + 14)
  const second = twoDigits(text, start + 17)
  if (!(hour < 24 && minute < 60 && second < 60)) return null
  const isDivided =
    text[start + 4] === '-' &&
    text[start + 7] === '-' &&
    text[start + 10] === 'T' &&
    text[start + 13] === '-' &&
    text[start + 16] === '-'
  return isDivided ? Date.UTC(year, month - 1, day, hour, minute, second) : null
}

/** `NaN` where there are no two. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO
  const ones = text.charCodeAt(at + 1) - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** Where the time stands in a line as Codex writes it: behind `{"timestamp":"`. */
export const TIME_START = '{"timestamp":"'.length

/** The day that was read last, and its first millisecond: lines that follow one another are mostly of one day. */
let knownDay = 0
let knownDayMs = 0

/** The time of such a line: unix milliseconds, or `null` when it is none. */
export function readLineTimeMs(bytes: Buffer, lineStart: number): number | null {
  const at = lineStart + TIME_START
  const day =
    readDigits(bytes, at, 4) * 10_000 + readDigits(bytes, at + 5, 2) * 100 + readDigits(bytes, at + 8, 2)
  if (day !== knownDay || !(day > 0)) {
    const ms = parseTimestampMs(`${bytes.toString('latin1', at, at + 10)}T00:00:00Z`)
    if (ms === null) return readAnyTimeMs(bytes, at)
    knownDay = day
    knownDayMs = ms
  }
  const hour = readDigits(bytes, at + 11, 2)
  const minute = readDigits(bytes, at + 14, 2)
  const second = readDigits(bytes, at + 17, 2)
  const ms = readDigits(bytes, at + 20, 3)
  const isPlain =
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    ms >= 0 &&
    bytes[at + 4] === DASH &&
    bytes[at + 7] === DASH &&
    bytes[at + 10] === 0x54 /* T */ &&
    bytes[at + 13] === COLON &&
    bytes[at + 16] === COLON &&
    bytes[at + 19] === DOT &&
    bytes[at + 23] === 0x5a /* Z */ &&
    bytes[at + 24] === QUOTE
  return isPlain ? knownDayMs + ((hour * 60 + minute) * 60 + second) * 1000 + ms : readAnyTimeMs(bytes, at)
}

function readAnyTimeMs(bytes: Buffer, at: number): number | null {
  return parseTimestampMs(bytes.toString('latin1', at, bytes.indexOf(QUOTE, at)))
}

/** `NaN` where there are none. */
function readDigits(bytes: Buffer, at: number, count: number): number {
  let value = 0
  for (let index = at; index < at + count; index += 1) {
    const digit = bytes[index]! - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}
