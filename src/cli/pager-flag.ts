import type { Command } from 'commander'
import type { Io } from './io.js'

/** For a command that prints and ends; the pager itself is started just before its action runs. */
export function addPagerOption(command: Command): Command {
  return command.option('--no-pager', 'do not show long output in a pager')
}

/** Whether the command that is about to run prints to somebody who reads along, and ends by itself. */
export function wantsPager(command: Command, io: Io): boolean {
  const { pager, follow } = command.opts<{ pager?: boolean; follow?: boolean }>()
  return pager === true && follow !== true && io.stdout.isTerminal && io.stdinIsTerminal
}
