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
 * Adds a command. Its options are only declared when its name is on the command line: to declare those of all
 * commands would cost every start a millisecond or two.
 */
export function addCommand(
  parent: Command,
  { argv }: CommandContext,
  { name, description }: { name: string; description: string },
  declare: (command: Command) => void,
): void {
  const command = parent.command(name).description(description)
  if (!argv || argv.includes(name)) declare(command)
}
