import { LOG_FORMATS } from '../../format/formats.js'
import { LOG_LEVELS } from '../../model/log.js'
import { LOG_FIELD_NAMES } from '../../model/log-records.js'
import {
  choiceFlag,
  type FlagValues,
  groupFlags,
  listFlag,
  offFlag,
  onFlag,
  optionalFlag,
  type Source,
  textFlag,
} from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { COLOR_CHOICES, TIME_LOOK } from '../options.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'

const LEVELS: Source = { kind: 'words', words: LOG_LEVELS.map((level) => level.toLowerCase()) }

/** Which rows: `resolveFilter` makes a filter of them. */
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

/** How rows are printed. */
export const LOG_OUTPUT_FLAGS = groupFlags('Output', {
  ...PAGER_FLAGS,
  ...REDACT_FLAGS,
  format: choiceFlag(
    '<format>',
    LOG_FORMATS,
    'how a row is printed (default: short on a terminal, else full)',
  ),
  json: onFlag('the same as --format json: one object a line'),
  parse: onFlag('JSON with what the body holds: message, spans, event_fields, turn_id'),
  compact: onFlag('the same as --format compact: time of day, level, body'),
  full: onFlag('the same as --format full: the whole body with its spans'),
  csvSafe: onFlag('CSV in which no cell is a formula to a spreadsheet'),
  fields: optionalFlag('[names]', 'only these, separated by commas; without names: list them', {
    completes: { kind: 'words', words: LOG_FIELD_NAMES },
  }),
  wrap: onFlag('short: as many lines as a row needs, instead of cutting it'),
  fold: offFlag('short: each row by itself, also where neighbours are alike'),
  utc: onFlag('times in UTC (the default unless stdout is a terminal)'),
  tz: textFlag('<zone>', 'times in this zone'),
  raw: onFlag('leave control characters and line ends in bodies as they are'),
  color: choiceFlag('<when>', COLOR_CHOICES, 'colour', { initial: 'auto' }),
  cursorFile: textFlag('<file>', 'start after the row recorded there, record the last row printed', {
    completes: { kind: 'files' },
  }),
})

/** Of every command that prints rows. */
export const LOGS_FLAGS = { ...LOG_FILTER_FLAGS, ...LOG_OUTPUT_FLAGS, ...HOME_FLAGS }

export type LogFilterFlags = FlagValues<typeof LOG_FILTER_FLAGS>

export type LogsFlags = FlagValues<typeof LOGS_FLAGS>

/** What these flags are when none is typed: for a command that reads rows without being `query`. */
export const INITIAL_LOGS_FLAGS = Object.fromEntries(
  Object.entries(LOGS_FLAGS).map(([name, { initial }]) => [name, initial]),
) as LogsFlags
