import type { Command } from 'commander'

export interface HomeFlags {
  codexHome?: string
  db?: string
}

export function addHomeOptions(command: Command): Command {
  return command
    .option('--codex-home <dir>', 'Codex home (default: $CODEX_HOME, else ~/.codex)')
    .option('--db <file>', 'read this very database file, whatever the home holds')
}
