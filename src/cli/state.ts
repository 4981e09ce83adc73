import type { Command } from 'commander'
import type { CommandContext } from './main.js'
import { createProgram } from './program.js'
import { addWhereCommand } from './where-command.js'

/** The command line of `codex-state`. What a command needs beyond its options is loaded when it runs. */
export function createStateProgram(context: CommandContext): Command {
  const program = createProgram('codex-state', 'inspect the state of the Codex CLI', '')
  addWhereCommand(program, context)
  return program
}
