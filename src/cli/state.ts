import { Command, Option } from 'commander'
import { addHomeOptions } from './home-options.js'
import type { CommandContext } from './main.js'
import { collect } from './options.js'
import { addOutputOptions } from './state/output.js'
import { VERSION } from './version.js'

/**
 * Declares the commands alone: what does their work is loaded when one runs, so that `--help` and a wrong flag
 * answer at once.
 */
export function createStateProgram(context: CommandContext): Command {
  const program = new Command('codex-state')
    .description('inspect the state of the Codex CLI, without ever writing to it')
    .version(VERSION)

  const threads = program.command('threads').description('the threads that Codex knows')
  addOutputOptions(addHomeOptions(threads.command('list', { isDefault: true })))
    .description('all threads, newest first: active and archived, whatever source, provider or folder')
    .addOption(
      new Option('--sort <time>', 'newest by updated (default), created or recency').choices([
        'updated',
        'created',
        'recency',
      ]),
    )
    .option('--archived', 'archived threads alone')
    .option('--active', 'active threads alone')
    .option('--source <source>', 'cli, vscode, exec, subagent, review … (repeatable)', collect)
    .option('--provider <id>', 'threads of this model provider (repeatable)', collect)
    .option('--cwd <dir>', 'threads of this folder, however it is spelled (repeatable)', collect)
    .option('--branch <name>', 'threads of this git branch (repeatable)', collect)
    .option('--since <time>', 'not older than 2026-02-06, 3d, 2h30m, yesterday …')
    .option('--until <time>', 'not newer than that')
    .option('--search <text>', 'part of the title, first message, name or id')
    .option('--children', 'threads that another thread spawned, alone')
    .option('--no-children', 'all but those')
    .option('-q, --quiet', 'ids alone')
    .option('--cursor <token>', 'go on after the row that had this cursor')
    .option('--codex-view', 'the rows and order that the Codex of this layout lists')
    .option('--codex-picker', 'what it lists when asked for nothing in particular')
    .action(async (flags) => (await import('./state/threads-list.js')).run(context, flags))

  return program
}
