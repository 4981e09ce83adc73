import { type Command, InvalidArgumentError, Option } from 'commander'
import { LOG_FORMATS } from '../format/formats.js'
import { addCompletionCommands } from './completion/command.js'
import { addHomeOptions } from './home-flags.js'
import type { CommandContext } from './main.js'
import { COLOR_CHOICES, collect, parseCount, parsePositive } from './options.js'
import { addPagerOption } from './pager-flag.js'
import { createProgram, isAsked } from './program.js'
import { addWhereCommand } from './where-command.js'

const EXAMPLES = `Examples:
  codex-logs tail                                    follow everything
  codex-logs tail --min-level warn --thread-id 019a  warnings and errors of one thread
  codex-logs query --since 1h --level error          errors of the last hour
  codex-logs query --json | jq -c .level             one JSON object a line
  codex-logs query -g 'timed? out' --compact | grep codex_core
`

/** The command line of `codex-logs`. What a command needs beyond its options is loaded when it runs. */
export function createLogsProgram(context: CommandContext): Command {
  const program = createProgram('codex-logs', 'tail and query the logs of the Codex CLI', EXAMPLES)

  const tail = program
    .command('tail')
    .description('show the last rows, then each new one as Codex writes it')
    .action(async (flags) => {
      const { runTail } = await import('./logs/read.js')
      await runTail(flags, context)
    })
  if (isAsked(context, tail)) {
    tail
      .option('-n, --backfill <count>', 'rows to show first: a number or "all"', parseBackfill, 200)
      .option(
        '--poll-ms <ms>',
        'look at least this often (changes are seen at once where the system tells)',
        parsePositive,
        500,
      )
      .option('--no-follow', 'end after the first rows')
    addSharedOptions(tail)
  }

  const query = program
    .command('query')
    .description('show the matching rows, oldest first, and end')
    .action(async (flags) => {
      const { runQuery } = await import('./logs/read.js')
      await runQuery(flags, context)
    })
  if (isAsked(context, query)) {
    query
      .option('-n, --lines <count>', 'only the newest rows, this many (default: all)', parseCount)
      .option('--reverse', 'newest first')
    addSharedOptions(query)
  }

  addWhereCommand(program, context)
  addCompletionCommands(program, context)
  return program
}

function addSharedOptions(command: Command): Command {
  addHomeOptions(command)
  command
    .optionsGroup('Filters (all must hold; a repeated one matches any of its values):')
    .option('--level <level>', 'exactly this level: trace, debug, info, warn, error; repeatable', collect)
    .option('--min-level <level>', 'this level and worse')
    .option(
      '--from, --since <time>',
      'not before: RFC 3339, YYYY-MM-DD [HH:MM[:SS]], unix seconds, today, yesterday, now, 10m, 2h30m, 3d',
    )
    .option('--to, --until <time>', 'not after, the same forms; a second means all of it')
    .option('--module <text>', 'module path contains the text; repeatable', collect)
    .option('--file <text>', 'source file contains the text; repeatable', collect)
    .option('--target <text>', 'target contains the text; repeatable', collect)
    .option('--thread-id <id>', 'rows of this thread: a full id or a unique beginning; repeatable', collect)
    .option('--threadless', 'rows of no thread (with --thread-id: as well)')
    .option('--process <id>', 'rows of this process: its process_uuid or pid; repeatable', collect)
    .option('--search <text>', 'body contains the text; repeatable', collect)
    .option('-g, --grep <regex>', 'body matches; case counts only if the pattern has a capital')
    .option('-v, --invert-match', 'with --grep: body does not match')
  addPagerOption(command.optionsGroup('Output:'))
  return command
    .addOption(
      new Option('--format <format>', 'how a row is printed').choices([...LOG_FORMATS]).default('full'),
    )
    .option('--json', 'the same as --format json: one object a line')
    .option('--compact', 'the same as --format compact: time of day, level, body')
    .option('--csv-safe', 'CSV in which no cell is a formula to a spreadsheet')
    .option('--fields [names]', 'only these, separated by commas; alone: list the names')
    .option('--utc', 'times in UTC (the default unless stdout is a terminal)')
    .option('--tz <zone>', 'times in this zone')
    .option('--raw', 'leave control characters and line ends in bodies as they are')
    .addOption(new Option('--color <when>', 'colour').choices([...COLOR_CHOICES]).default('auto'))
    .option('--cursor-file <file>', 'start after the row recorded there, record the last row printed')
}

function parseBackfill(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number, 0 or more, or "all".')
}
