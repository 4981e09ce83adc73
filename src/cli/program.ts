import { Command } from 'commander'
import type { CommandContext } from './main.js'
import { VERSION } from './version.js'

const EXIT_CODES = `
Exit codes: 0 fine, 1 nothing found or not all well, 2 wrong usage, 3 no readable database.`

/** What both commands have in common. */
export function createProgram(name: string, description: string, examples: string): Command {
  return new Command(name)
    .description(description)
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .addHelpText('before', `${examples}`)
    .addHelpText('after', EXIT_CODES)
}

/**
 * Whether a command, or one below it, may be the one that runs: its name, or that of the group that it is in, is
 * on the command line. Options of others need not be declared, which would cost every start milliseconds.
 */
export function isAsked({ argv }: CommandContext, command: Command): boolean {
  let top = command
  while (top.parent?.parent) top = top.parent
  return !argv || argv.includes(top.name())
}
