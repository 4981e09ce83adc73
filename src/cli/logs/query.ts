import { StateError } from '../../errors.js'
import { defineTextCommand } from '../command.js'
import { eitherFlag, onFlag, parseCount, parsedFlag } from '../flags.js'
import { EXIT_FAILED } from '../main.js'
import { LIMIT_FLAGS } from '../state/output-flags.js'
import { LOGS_FLAGS } from './flags.js'
import { runQuery, runTail } from './read.js'
import { COLLAPSED_JSON, LOG_JSON } from './records-schema.js'

export const command = defineTextCommand({
  examples: [
    'query --since 1h --min-level warn',
    'query --json --where tool=exec_command -n 20',
    "query -g 'timed? out' --compact",
  ],
  flags: {
    lines: parsedFlag('<count>', 'at most this many rows, the newest (default: all)', parseCount, {
      short: 'n',
    }),
    reverse: onFlag('newest first'),
    follow: eitherFlag('keep printing each new row, as tail does', 'end after the rows (the default)', {
      short: 'f',
    }),
    after: parsedFlag(
      '<count>',
      'also this many rows after each match, of its thread (or its process)',
      parseCount,
      {
        short: 'A',
      },
    ),
    before: parsedFlag('<count>', 'also this many rows before each match', parseCount, { short: 'B' }),
    context: parsedFlag('<count>', 'both', parseCount, { short: 'C' }),
    count: onFlag('only how many rows match'),
    collapse: onFlag('rows by kind: count, first, last and one example of each, the most frequent first'),
    exitCode: LIMIT_FLAGS.exitCode,
    ...LOGS_FLAGS,
  },
  tables: ['logs'],
  jsonForms: [LOG_JSON, COLLAPSED_JSON],
  async run(context, flags) {
    if (!flags.follow) {
      const isEmpty = !(await runQuery(flags, context))
      return flags.exitCode && isEmpty ? EXIT_FAILED : 0
    }
    if (flags.exitCode) throw new StateError('USAGE', '--follow does not end, so it has no --exit-code')
    if (flags.reverse) throw new StateError('USAGE', '--follow shows new rows last, --reverse first')
    const backfill = flags.lines ?? Number.POSITIVE_INFINITY
    return runTail({ ...flags, backfill, pollMs: POLL_MS }, context)
  },
})

const POLL_MS = 500
