import type { BodyFieldName } from '../../body/meanings.js'
import { StateError } from '../../errors.js'
import { formatOf, type LogFormat, type RecordField } from '../../format/formats.js'
import { createUtcTime, createZonedTime, localOffset, type TimeFormatter } from '../../format/time.js'
import {
  FIELD_OPERATORS,
  type FieldCondition,
  type FieldOperator,
  LOG_LEVELS,
  type LogFilter,
  type TextMatch,
} from '../../model/log.js'
import type { LogField } from '../../model/log-records.js'
import { LOG_FIELD_NAMES } from '../../model/log-records.js'
import type { Io } from '../io.js'
import { loadZoneOffset, parseTime } from '../options.js'
import type { LogFilterFlags, LogsFlags } from './flags.js'

/**
 * The filter that the flags mean, but for `threadIds`, which may be beginnings still.
 *
 * @throws {StateError} `USAGE`
 */
export async function resolveFilter(
  flags: LogFilterFlags & Partial<Pick<LogsFlags, 'tz' | 'utc'>>,
  io: Io,
): Promise<LogFilter> {
  const filter: LogFilter = {
    module: anyCase(flags.module),
    file: anyCase(flags.file),
    target: anyCase(flags.target),
    body: flags.search && { match: 'literal', anyOf: flags.search },
    threadIds: flags.threadId,
    includesThreadless: flags.threadless,
    processes: flags.process,
  }
  const where = [
    ...(await Promise.all((flags.where ?? []).map(parseCondition))),
    ...conditionOf('turn_id', '^=', flags.turn),
    ...conditionOf('tool', '=', flags.tool),
  ]
  if (where.length > 0) filter.where = where
  if (flags.failed) filter.onlyFailures = true
  const levels = resolveLevels(flags)
  if (levels) filter.levels = levels
  const context = { nowMs: io.now(), zone: flags.tz ?? (flags.utc ? 'utc' : undefined) }
  if (flags.since !== undefined) filter.from = await parseTime(flags.since, 'start', context)
  if (flags.until !== undefined) filter.to = await parseTime(flags.until, 'end', context)
  if (flags.grep !== undefined) {
    filter.pattern = { regExp: compilePattern('--grep', flags.grep), isInverted: flags.invertMatch ?? false }
  } else if (flags.invertMatch) {
    throw new StateError('USAGE', '--invert-match requires --grep')
  }
  return filter
}

function anyCase(anyOf: readonly string[] | undefined): TextMatch | undefined {
  return anyOf && { match: 'anyCase', anyOf }
}

function conditionOf(
  field: BodyFieldName | LogField,
  operator: FieldOperator,
  anyOf: readonly string[] | undefined,
): FieldCondition[] {
  return anyOf ? [{ field, operator, anyOf }] : []
}

/** @throws {StateError} `USAGE` */
async function parseCondition(text: string): Promise<FieldCondition> {
  const [, field = '', operator, value = ''] = /^([^!=~<>]*)(!=|[=~<>])(.*)$/s.exec(text) ?? []
  const name = field.trim()
  const isOperator = (one: string | undefined): one is FieldOperator =>
    FIELD_OPERATORS.some((known) => known === one)
  if (!isOperator(operator)) {
    throw new StateError('USAGE', `--where: '${text}' is not a condition`, {
      hint: 'Write field=value, field!=value, field~regex, field>number or field<number.',
    })
  }
  if (name === 'time') {
    throw new StateError('USAGE', '--where cannot compare times', { hint: 'Use --since and --until.' })
  }
  await requireField(name, '--where: ')
  if (operator === '~') return { field: name, operator, anyOf: [], regExp: compilePattern('--where', value) }
  const { readNumber } = await import('../../query/logs/where-functions.js')
  if ((operator === '>' || operator === '<') && !readNumber(value)) {
    throw new StateError('USAGE', `--where: '${value}' is not a number`, {
      hint: `${operator} compares numbers, or times such as 200ms and 1.5s.`,
    })
  }
  return { field: name, operator, anyOf: [value] }
}

function resolveLevels({ level, minLevel }: LogFilterFlags): string[] | undefined {
  const exact = level?.flatMap((text) => text.split(',')).map(parseLevel)
  if (minLevel === undefined) return exact
  const worse = LOG_LEVELS.slice(LOG_LEVELS.indexOf(parseLevel(minLevel)))
  return exact ? exact.filter((one) => worse.includes(one)) : worse
}

function parseLevel(text: string): (typeof LOG_LEVELS)[number] {
  const typed = text.trim().toUpperCase()
  const found = LOG_LEVELS.find((level) => level === (typed === 'WARNING' ? 'WARN' : typed))
  if (found) return found
  throw new StateError('USAGE', `'${text}' is not a level`, {
    hint: 'The levels are trace, debug, info, warn, error.',
  })
}

/** Smart case: case counts only if the pattern has a capital that is not part of an escape such as `\S`. */
function compilePattern(flag: string, source: string): RegExp {
  const hasCapital = /\p{Lu}/u.test(source.replaceAll(/\\[\s\S]/g, ''))
  try {
    return new RegExp(source, hasCapital ? 'm' : 'mi')
  } catch (error) {
    throw new StateError('USAGE', `${flag}: ${(error as Error).message}`, { cause: error })
  }
}

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

/** A column by the name that it is printed with, or what a body holds. */
async function requireField(name: string, context: string): Promise<RecordField> {
  const column = LOG_FIELD_NAMES.find((field) => field === name)
  if (column) return column
  const { BODY_FIELD_NAMES, isBodyFieldName } = await import('../../body/meanings.js')
  if (isBodyFieldName(name)) return name
  throw new StateError('USAGE', `${context}'${name}' is not a field`, {
    hint: `The fields are ${[...LOG_FIELD_NAMES, ...BODY_FIELD_NAMES].join(', ')}, field.<name>, span.<name>.<field>.`,
  })
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
