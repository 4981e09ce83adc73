import { Command } from 'commander'
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
