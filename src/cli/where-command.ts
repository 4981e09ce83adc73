import type { Command } from 'commander'
import { addHomeOptions } from './home-flags.js'
import type { CommandContext } from './main.js'
import { addPagerOption } from './pager-flag.js'
import { isAsked } from './program.js'

/** `where`, which both commands have. */
export function addWhereCommand(program: Command, context: CommandContext): void {
  const where = program
    .command('where')
    .description('list every database of the home: what it is for, how old its layout is, how large')
    .action(async (flags) => {
      const { runWhere } = await import('./where.js')
      runWhere(flags, context)
    })
  if (isAsked(context, where)) addPagerOption(addHomeOptions(where.option('--json', 'one JSON array')))
}
