import type { Command } from 'commander'
import type { CommandContext } from '../main.js'
import { isAsked } from '../program.js'
import { addOutputOptions } from './output-flags.js'

export interface BackfillRunFlags {
  codexHome?: string
  into?: string
  yes?: true
  dryRun?: true
  /** `true`: the newest copy. */
  undo?: true | string
}

/** The one command that writes, and only with explicit words. */
export function addBackfillRunCommand(backfill: Command, context: CommandContext): void {
  const command = backfill
    .command('run')
    .description('read rollouts into a state database: the only command that writes')
    .action(async (flags) => (await import('./backfill-run.js')).run(context, flags))
  if (!isAsked(context, command)) return
  command
    .option('--codex-home <dir>', 'Codex home (default: $CODEX_HOME, else ~/.codex)')
    .option('--into <dir>', 'build a state database of its own in this folder; the home is only read')
    .option('--yes', `write to the home's own database, after a copy of it`)
    .option('--dry-run', 'print what --yes would change')
    .option('--undo [copy]', 'put back the copy that the last --yes made, or the one of this name')
  addOutputOptions(command, { hasLimit: false }).addHelpText(
    'after',
    `
Rows are inserted where a rollout has none. A row that is there is mended where its file is not where it
says, where it has an empty value or another memory mode than its legacy rollout, and where its file was written
to since. Names, sections, pins and projects stay as they are. No Codex may be running.`,
  )
}
