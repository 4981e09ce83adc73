import {
  choiceFlag,
  type FlagValues,
  groupFlags,
  onFlag,
  optionalFlag,
  parseCount,
  parsedFlag,
} from '../flags.js'
import { COLOR_CHOICES } from '../options.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'

/** Flags of every command that prints records. */
export const OUTPUT_FLAGS = groupFlags('Output', {
  json: optionalFlag('[fields]', 'print JSON: all fields, or those named (--json=id,title)'),
  fields: optionalFlag('[list]', 'print these fields; without a list: list the fields that there are'),
  ...PAGER_FLAGS,
  ...REDACT_FLAGS,
  color: choiceFlag('<when>', COLOR_CHOICES, 'colour', { initial: 'auto' }),
})

/** Of those that print any number of them. */
export const LIMIT_FLAGS = {
  limit: parsedFlag('<n>', 'at most this many', parseCount, { short: 'n' }),
  csv: onFlag('CSV with a header: the fields of a pipe, or those of --fields'),
  csvSafe: onFlag('the same, and no cell is a formula to a spreadsheet'),
  exitCode: onFlag('exit code 1 when there is nothing to show'),
}

/** `json`: `true` for all fields; `fields`: `true` to list them. */
export type OutputFlags = Partial<FlagValues<typeof OUTPUT_FLAGS> & FlagValues<typeof LIMIT_FLAGS>>
