import { Command } from 'commander'
import type { CommandContext } from './main.js'
import { VERSION } from './version.js'

export function createLogsProgram(_context: CommandContext): Command {
  return new Command('codex-logs').description('tail and query the logs of the Codex CLI').version(VERSION)
}
