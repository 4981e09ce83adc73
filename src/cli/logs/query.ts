import { StateError } from '../../errors.js'
import { defineTextCommand } from '../command.js'
import { eitherFlag, onFlag, parseCount, parsedFlag } from '../flags.js'
import { LOGS_FLAGS } from './flags.js'
import { runQuery, runTail } from './read.js'
import { LOG_JSON } from './records-schema.js'

export const command = defineTextCommand({
  flags: {
    lines: parsedFlag('<count>', 'only the newest rows, this many (default: all)', parseCount, {
      short: 'n',
    }),
    reverse: onFlag('newest first'),
    follow: eitherFlag('go on with each new row, as tail does', 'end after the rows (the default)', {
      short: 'f',
    }),
    after: parsedFlag(
      '<count>',
      'also so many rows after each match, of its thread (or its process)',
      parseCount,
      {
        short: 'A',
      },
    ),
    before: parsedFlag('<count>', 'also so many rows before each match', parseCount, { short: 'B' }),
    context: parsedFlag('<count>', 'both', parseCount, { short: 'C' }),
    count: onFlag('only how many rows match'),
    collapse: onFlag('rows by kind: count, first, last and one example of each, the most frequent first'),
    ...LOGS_FLAGS,
  },
  tables: ['logs'],
  jsonForms: [LOG_JSON],
  async run(context, flags) {
    if (!flags.follow) {
      await runQuery(flags, context)
      return 0
    }
    if (flags.reverse) throw new StateError('USAGE', '--follow shows new rows last, --reverse first')
    const backfill = flags.lines ?? Number.POSITIVE_INFINITY
    return runTail({ ...flags, backfill, pollMs: POLL_MS }, context)
  },
})

const POLL_MS = 500
