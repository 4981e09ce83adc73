import { LOG_FORMATS } from '../../format/formats.js'
import { LOG_FIELD_NAMES } from '../../model/log-records.js'
import { choiceFlag, type FlagValues, groupFlags, offFlag, onFlag, optionalFlag, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { COLOR_CHOICES } from '../options.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'
import { LOG_FILTER_FLAGS } from './filter-flags.js'

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

export type LogsFlags = FlagValues<typeof LOGS_FLAGS>

/** What these flags are when none is typed: for a command that reads rows without being `query`. */
export const INITIAL_LOGS_FLAGS = Object.fromEntries(
  Object.entries(LOGS_FLAGS).map(([name, { initial }]) => [name, initial]),
) as LogsFlags
