import { defineTextCommand } from '../command.js'
import { onFlag, parseCount, parsedFlag } from '../flags.js'
import { LOGS_FLAGS } from './flags.js'
import { runQuery } from './read.js'
import { LOG_JSON } from './records-schema.js'

export const command = defineTextCommand({
  flags: {
    lines: parsedFlag('<count>', 'only the newest rows, this many (default: all)', parseCount, {
      short: 'n',
    }),
    reverse: onFlag('newest first'),
    ...LOGS_FLAGS,
  },
  tables: ['logs'],
  jsonForms: [LOG_JSON],
  async run(context, flags) {
    await runQuery(flags, context)
    return 0
  },
})
