import { type Command, Option } from 'commander'
import { COLOR_CHOICES, type ColorChoice, parseCount } from '../options.js'
import { addPagerOption } from '../pager-flag.js'

export interface OutputFlags {
  /** `true`: all fields. */
  json?: string | true
  /** `true`: list the fields. */
  fields?: string | true
  limit?: number
  color?: ColorChoice
}

export function addOutputOptions(command: Command, { hasLimit = true } = {}): Command {
  command
    .option('--json [fields]', 'print JSON: all fields, or those named (--json=id,title)')
    .option('--fields [list]', 'print these fields; alone, list what there is')
  if (hasLimit) command.addOption(new Option('-n, --limit <n>', 'at most this many').argParser(parseCount))
  return addPagerOption(command).addOption(
    new Option('--color <when>', 'colour: auto, always or never').choices(COLOR_CHOICES).default('auto'),
  )
}
