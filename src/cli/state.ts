import { Command } from 'commander'
import type { CommandContext } from './main.js'
import { VERSION } from './version.js'

export function createStateProgram(_context: CommandContext): Command {
  return new Command('codex-state').description('inspect the state of the Codex CLI').version(VERSION)
}
