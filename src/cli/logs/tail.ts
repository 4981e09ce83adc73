import { StateError } from '../../errors.js'
import { defineTextCommand } from '../command.js'
import { eitherFlag, parsedFlag, parsePositive } from '../flags.js'
import { LOGS_FLAGS } from './flags.js'
import { runTail } from './read.js'
import { LOG_JSON } from './records-schema.js'

export const command = defineTextCommand({
  examples: ['tail --min-level info', 'tail -n 50 --thread-id last'],
  flags: {
    backfill: parsedFlag(
      '<count>',
      'rows to show first: a number or "all" (default: 20 on a terminal, with --no-follow what fills it; else 200)',
      parseBackfill,
      {
        short: 'n',
        alias: 'lines',
        completes: { kind: 'words', words: ['all', '0', '50', '200', '1000'] },
      },
    ),
    pollMs: parsedFlag(
      '<ms>',
      'look at least this often (where the system reports changes they are seen at once)',
      parsePositive,
      { initial: 500 },
    ),
    follow: {
      ...eitherFlag('keep printing new rows (the default)', 'end after the first rows', { short: 'f' }),
      initial: true,
    },
    ...LOGS_FLAGS,
  },
  tables: ['logs'],
  jsonForms: [LOG_JSON],
  run: (context, flags) => runTail(flags, context),
})

function parseBackfill(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new StateError('USAGE', 'It must be a whole number, 0 or more, or "all"')
}
