import { StateError } from '../errors.js'
import type { Palette } from '../format/palette.js'
import type { ZoneOffset } from '../format/time.js'
import type { Instant } from '../model/log.js'
import type { Io } from './io.js'

export const COLOR_CHOICES = ['auto', 'always', 'never'] as const

export type ColorChoice = (typeof COLOR_CHOICES)[number]

/** Typed choice, then `FORCE_COLOR`, then `NO_COLOR`, then whether stdout is a terminal that can. */
export function resolveColor(choice: ColorChoice, io: Io): boolean {
  if (choice !== 'auto') return choice === 'always'
  const { FORCE_COLOR, NO_COLOR, TERM } = io.env
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  return io.stdout.isTerminal && TERM !== 'dumb'
}

/** chalk is only loaded where there is colour. */
export async function loadPalette(isColored: boolean): Promise<Palette | undefined> {
  return isColored ? (await import('../format/palette.js')).createPalette() : undefined
}

/** Of a flag whose value `parseTime` reads. */
export const TIME_LOOK = {
  completes: { kind: 'words', words: ['now', 'today', 'yesterday', '10m', '1h', '1d', '7d'] },
} as const

export interface TimeContext {
  /** Unix milliseconds. */
  nowMs: number
  /** An IANA zone or offset; `undefined`: the process's own. */
  zone: string | undefined
}

const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** `10m`, `2h30m`, `-1h`, `1 hour`, `30 min ago`: the first letter of a unit is enough. */
const UNIT = 's(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?'
const SPAN = new RegExp(`^-?(?:\\d+ *(?:${UNIT})(?: +|(?=\\d)|$))+(?:ago)?$`, 'i')
const SPAN_PARTS = /(\d+) *([smhdw])/gi

/** Above this a bare number is milliseconds: as seconds it would be the year 5138. */
const FIRST_MILLISECONDS = 100_000_000_000

/**
 * A time as typed: RFC 3339, Unix seconds or milliseconds, `YYYY-MM-DD[ HH:MM[:SS[.fraction]]]` in the zone,
 * `HH:MM[:SS]` of today, `now`, `today`, `yesterday`, or a span before now (`10m`, `2h30m`, `-1h`, `2 hours ago`).
 *
 * A day, or a minute, stands for its first instant, as in journalctl (`--since yesterday --until today`). A
 * second or a fraction stands for all that is printed alike: `edge` picks its first or its last nanosecond,
 * so that an inclusive upper bound copied from the output includes the row that it was copied from.
 *
 * @throws {StateError} `USAGE`
 */
export async function parseTime(text: string, edge: 'start' | 'end', context: TimeContext): Promise<Instant> {
  const trimmed = text.trim()
  const nowSeconds = Math.floor(context.nowMs / 1000)
  const nowNanos = (context.nowMs - nowSeconds * 1000) * 1e6
  if (trimmed === 'now') return { seconds: nowSeconds, nanos: nowNanos }

  if (SPAN.test(trimmed)) {
    let seconds = nowSeconds
    for (const [, count, unit = ''] of trimmed.matchAll(SPAN_PARTS)) {
      seconds -= Number(count) * (UNIT_SECONDS[unit.toLowerCase()] ?? 0)
    }
    return { seconds, nanos: nowNanos }
  }

  // No fraction after a minus: nobody means one, and it would count the other way.
  const unix = /^(-\d{1,16}$|\d{1,16})(?:\.(\d{1,9}))?$/.exec(trimmed)
  if (unix?.[1] !== undefined) {
    const value = Number(unix[1])
    if (Math.abs(value) < FIRST_MILLISECONDS) return withFraction(value, unix[2], edge)
    if (unix[2] === undefined) {
      const seconds = Math.floor(value / 1000)
      return withFraction(seconds, String(value - seconds * 1000).padStart(3, '0'), edge)
    }
  }

  const named = await parseCalendarTime(trimmed, edge, context)
  if (named) return named
  throw new StateError('USAGE', `'${text}' is not a time`, {
    hint: 'Give RFC 3339, [YYYY-MM-DD] HH:MM[:SS], YYYY-MM-DD, unix seconds, today, yesterday, now, or a span before now such as 10m, 2h30m, 3d, 2 hours ago.',
  })
}

async function parseCalendarTime(
  text: string,
  edge: 'start' | 'end',
  { nowMs, zone }: TimeContext,
): Promise<Instant | undefined> {
  const { DateTime } = await import('luxon')
  const inZone = { zone: zone ?? 'local' }
  if (text === 'today' || text === 'yesterday') {
    const today = DateTime.fromMillis(nowMs, inZone).startOf('day')
    return { seconds: today.minus({ days: text === 'today' ? 0 : 1 }).toSeconds(), nanos: 0 }
  }
  const ofToday = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?$/.exec(text)
  if (ofToday) {
    const [, hour, minute, second, fraction] = ofToday
    const clock = { hour: Number(hour), minute: Number(minute), second: Number(second ?? 0) }
    const time = DateTime.fromMillis(nowMs, inZone).startOf('day').set(clock)
    if (!time.isValid || clock.hour > 23 || clock.minute > 59 || clock.second > 59) return undefined
    if (second === undefined) return { seconds: time.toSeconds(), nanos: 0 }
    return withFraction(time.toSeconds(), fraction, edge)
  }
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?\s*([Zz]|[+-]\d{2}:?\d{2})?)?$/.exec(
      text,
    )
  if (!match) return undefined
  const [, date, clock = '00:00', second, fraction, offset = ''] = match
  const time = DateTime.fromISO(`${date}T${clock}:${second ?? '00'}${offset.toUpperCase()}`, inZone)
  if (!time.isValid) return undefined
  if (second === undefined) return { seconds: time.toSeconds(), nanos: 0 }
  return withFraction(time.toSeconds(), fraction, edge)
}

/** The first or last nanosecond of the second, or of the part of it that the fraction's digits name. */
function withFraction(seconds: number, fraction: string | undefined, edge: 'start' | 'end'): Instant {
  return { seconds, nanos: Number((fraction ?? '').padEnd(9, edge === 'end' ? '9' : '0')) }
}

/**
 * The offset of a zone as typed after `--tz`.
 *
 * @throws {StateError} `USAGE`
 */
export async function loadZoneOffset(zone: string): Promise<ZoneOffset> {
  const { IANAZone, FixedOffsetZone } = await import('luxon')
  const found = IANAZone.isValidZone(zone) ? IANAZone.create(zone) : FixedOffsetZone.parseSpecifier(zone)
  if (!found?.isValid) {
    throw new StateError('USAGE', `'${zone}' is not a time zone`, {
      hint: 'Give an IANA name such as Europe/Berlin, or an offset such as UTC+2.',
    })
  }
  return (epochMs) => found.offset(epochMs)
}
