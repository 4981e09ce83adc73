import { StateError } from '../../errors.js'
import { formatOf, type LogFormat, type RecordField } from '../../format/formats.js'
import { createUtcTime, createZonedTime, localOffset, type TimeFormatter } from '../../format/time.js'
import type { LogFilter } from '../../model/log.js'
import type { Io } from '../io.js'
import { loadZoneOffset } from '../options.js'
import { requireField } from './filter-flags.js'
import type { LogsFlags } from './flags.js'

/** What to mark in the bodies: what was searched for. */
export function resolveHighlight({ body, pattern }: LogFilter): RegExp | undefined {
  const sources = (body?.anyOf ?? []).filter((text) => text !== '').map(escapeRegExp)
  if (pattern?.isInverted === false) {
    // A search counts case, a pattern may not: one expression cannot do both, so the pattern's flags decide.
    if (sources.length === 0) return new RegExp(pattern.regExp.source, `${pattern.regExp.flags}g`)
    sources.push(`(?:${pattern.regExp.source})`)
    return new RegExp(sources.join('|'), `${pattern.regExp.flags}g`)
  }
  return sources.length === 0 ? undefined : new RegExp(sources.join('|'), 'g')
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/**
 * What is asked for, else `short` on a terminal and `full` elsewhere. `--csv-safe` alone means CSV, `--parse` alone JSON.
 *
 * @throws {StateError} `USAGE`
 */
export function resolveFormat(flags: LogsFlags, { stdout }: Pick<Io, 'stdout'>): LogFormat {
  const asked = new Set<LogFormat>()
  if (flags.json) asked.add('json')
  if (flags.compact) asked.add('compact')
  if (flags.csvSafe) asked.add('csv')
  if (flags.parse && flags.format === undefined && asked.size === 0) asked.add('json')
  if (flags.full) asked.add('full')
  // `--format full` gives way to the others, as it always did.
  if (flags.format && (flags.format !== 'full' || asked.size === 0)) asked.add(flags.format)
  if (asked.size > 1)
    throw new StateError('USAGE', `only one of the formats ${[...asked].join(', ')} can be printed`)
  const format = [...asked][0]
  if (flags.parse && format && formatOf(format).audience === 'people' && format !== 'csv') {
    throw new StateError('USAGE', '--parse adds fields to json, logfmt and csv')
  }
  const isTold = stdout.isTerminal && flags.fields === undefined && !flags.raw
  return format ?? (isTold ? 'short' : 'full')
}

/** @throws {StateError} `USAGE` */
export function resolveFields(names: string): Promise<RecordField[]> {
  return Promise.all(names.split(',').map((typed) => requireField(typed.trim(), '')))
}

/** `undefined`: UTC. */
export async function resolveTime(
  flags: LogsFlags,
  io: Io,
): Promise<{ time: TimeFormatter; isUtc: boolean }> {
  if (flags.tz !== undefined && !flags.utc) {
    return { time: createZonedTime(await loadZoneOffset(flags.tz)), isUtc: false }
  }
  return flags.utc || !io.stdout.isTerminal
    ? { time: createUtcTime(), isUtc: true }
    : { time: createZonedTime(localOffset), isUtc: false }
}
