import type { BodyFieldName } from '../../body/meanings.js'
import { explainPatternError, StateError } from '../../errors.js'
import type { RecordField } from '../../format/formats.js'
import {
  FIELD_OPERATORS,
  type FieldCondition,
  type FieldOperator,
  LOG_LEVELS,
  type LogFilter,
  type TextMatch,
} from '../../model/log.js'
import { LOG_FIELD_NAMES, type LogField } from '../../model/log-records.js'
import { type FlagValues, groupFlags, listFlag, onFlag, type Source, textFlag } from '../flags.js'
import type { Io } from '../io.js'
import { parseTime, TIME_LOOK } from '../options.js'

const LEVELS: Source = { kind: 'words', words: LOG_LEVELS.map((level) => level.toLowerCase()) }

/** Which rows. */
export const LOG_FILTER_FLAGS = groupFlags(
  'Filters (all must hold; a repeated one matches any of its values)',
  {
    level: listFlag(
      '<level>',
      'exactly this level: trace, debug, info, warn, error (and worse: --min-level)',
      { completes: LEVELS },
    ),
    minLevel: textFlag('<level>', 'this level and worse', { completes: LEVELS }),
    since: textFlag(
      '<time>',
      'not before: RFC 3339, [YYYY-MM-DD] HH:MM[:SS], YYYY-MM-DD, unix seconds, today, yesterday, now, 10m, 2h30m, 3d, 2 hours ago',
      { alias: 'from', ...TIME_LOOK },
    ),
    until: textFlag('<time>', 'not after, the same forms; a second means all of it', {
      alias: 'to',
      ...TIME_LOOK,
    }),
    module: listFlag('<text>', 'module path contains the text', {
      completes: { kind: 'stored', values: 'module' },
    }),
    file: listFlag('<text>', 'source file contains the text', {
      completes: { kind: 'stored', values: 'file' },
    }),
    target: listFlag('<text>', 'target contains the text', {
      completes: { kind: 'stored', values: 'target' },
    }),
    threadId: listFlag(
      '<thread>',
      'rows of this thread: its id or a beginning, a title or name, last, . (those of this folder)',
      {
        completes: { kind: 'stored', values: 'thread-id' },
      },
    ),
    withChildren: onFlag('with --thread-id: also the threads that it spawned'),
    withProcess: onFlag('with --thread-id: also what its process wrote outside of threads'),
    threadless: onFlag('rows of no thread (with --thread-id: as well)'),
    process: listFlag('<id>', 'rows of this process: its process_uuid or pid', {
      completes: { kind: 'stored', values: 'process' },
    }),
    search: listFlag('<text>', 'body contains the text'),
    grep: textFlag('<regex>', 'body matches; case counts only if the pattern has a capital', { short: 'g' }),
    invertMatch: onFlag('with --grep: body does not match', { short: 'v' }),
    where: listFlag(
      '<condition>',
      'k=v, k!=v, k~regex, k>n or k<n on a field (see --fields); of several all must hold',
    ),
    turn: listFlag('<id>', 'rows of this turn: its id, or the beginning of it'),
    tool: listFlag('<name>', 'rows about this tool'),
    failed: onFlag('rows that report a failure, whatever their level'),
  },
)

export type LogFilterFlags = FlagValues<typeof LOG_FILTER_FLAGS>

/**
 * The filter that the flags mean, but for `threadIds`, which may be beginnings still.
 *
 * @throws {StateError} `USAGE`
 */
export async function resolveFilter(
  flags: LogFilterFlags & { tz?: string | undefined; utc?: true | undefined },
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

/** Whether every row is meant: else what is not shown may still be in the log. */
export function isUnfiltered(filter: LogFilter): boolean {
  return Object.values(filter).every((part) => part === undefined)
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
  const [, field = '', operator, value = ''] = /^([^!=~<>]*)(!=|[<>]=|[=~<>])(.*)$/s.exec(text) ?? []
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
    throw new StateError('USAGE', `${flag}: ${explainPatternError(source, error)}`, { cause: error })
  }
}

/** A column by the name that it is printed with, or what a body holds. */
export async function requireField(name: string, context: string): Promise<RecordField> {
  const column = LOG_FIELD_NAMES.find((field) => field === name)
  if (column) return column
  const { BODY_FIELD_NAMES, isBodyFieldName } = await import('../../body/meanings.js')
  if (isBodyFieldName(name)) return name
  throw new StateError('USAGE', `${context}'${name}' is not a field`, {
    hint: `The fields are ${[...LOG_FIELD_NAMES, ...BODY_FIELD_NAMES].join(', ')}, field.<name>, span.<name>.<field>.`,
  })
}
