import { type Command, Option } from 'commander'
import { THREAD_SORTS, TOKEN_GROUPS, USAGE_GROUPS } from '../model/inspection.js'
import { addCompletionCommands } from './completion/command.js'
import { addHomeOptions } from './home-flags.js'
import type { CommandContext } from './main.js'
import { collect } from './options.js'
import { createProgram, isAsked } from './program.js'
import { addBackfillRunCommand } from './state/backfill-run-command.js'
import { addOutputOptions } from './state/output-flags.js'
import { addWhereCommand } from './where-command.js'

const EXAMPLES = `Examples:
  codex-state threads list --cwd .                     the threads of this folder
  codex-state threads show last                        everything known of the newest thread
  codex-state why 019a                                 why the picker of Codex does not show a thread
  codex-state memories last --cwd . -n 3               what Codex remembers of this folder
  codex-state du --by project                          what takes room
  codex-state threads list --json | jq -r '.[].title'  one JSON array
`

/**
 * Declares the commands alone: what does their work is loaded when one runs, so that `--help` and a wrong flag
 * answer at once.
 */
export function createStateProgram(context: CommandContext): Command {
  const program = createProgram(
    'codex-state',
    'inspect the state of the Codex CLI; nothing but backfill run writes',
    EXAMPLES,
  )

  const withOutput = (command: Command, options?: { hasLimit: boolean }): Command =>
    isAsked(context, command) ? addOutputOptions(addHomeOptions(command), options) : command

  const threads = program.command('threads').helpCommand(false).description('the threads that Codex knows')
  withOutput(threads.command('list', { isDefault: true }))
    .description('all threads, newest first: active and archived, whatever source, provider or folder')
    .addOption(
      new Option('--sort <time>', 'newest by updated (default), created or recency').choices(THREAD_SORTS),
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

  const thread = 'an id, its beginning, a name or title, or last'
  withOutput(threads.command('show'), { hasLimit: false })
    .description('everything known of one thread, and every place where it leaves data')
    .argument('[thread]', thread)
    .action(async (argument, flags) =>
      (await import('./state/threads-show.js')).run(context, argument, flags),
    )
  withOutput(threads.command('path'), { hasLimit: false })
    .description('where its rollout is')
    .argument('[thread]', thread)
    .action(async (argument, flags) =>
      (await import('./state/threads-path.js')).run(context, argument, flags),
    )
  withOutput(threads.command('tree'))
    .description('which threads spawned which, with their tokens')
    .argument('[thread]', thread)
    .action(async (argument, flags) =>
      (await import('./state/threads-tree.js')).run(context, argument, flags),
    )
  withOutput(threads.command('tools'))
    .description('the tools that its client brought along')
    .argument('[thread]', thread)
    .action(async (argument, flags) =>
      (await import('./state/threads-tools.js')).run(context, argument, flags),
    )

  const memories = program
    .command('memories')
    .helpCommand(false)
    .description('what Codex remembers of its threads')
  withOutput(memories.command('list', { isDefault: true }))
    .description('all memories, newest first')
    .action(async (flags) => (await import('./state/memories.js')).list(context, flags))
  withOutput(memories.command('show'), { hasLimit: false })
    .description('what is remembered of one thread')
    .argument('[thread]', thread)
    .action(async (argument, flags) => (await import('./state/memories.js')).show(context, argument, flags))
  withOutput(memories.command('last'))
    .description('the newest memories of one folder (1, or as many as -n says)')
    .option('--cwd <dir>', 'the folder, by its exact path (default: this one)')
    .action(async (flags) => (await import('./state/memories.js')).last(context, flags))
  withOutput(memories.command('jobs'))
    .description('the jobs that make memories: state, lease, retries, watermark')
    .action(async (flags) => (await import('./state/memories.js')).jobs(context, flags))

  const backfill = program
    .command('backfill')
    .helpCommand(false)
    .description('how threads are taken over from rollouts')
  withOutput(backfill.command('status', { isDefault: true }), { hasLimit: false })
    .description('how far it is, and whether anything is wrong with it')
    .action(async (flags) => (await import('./state/backfill.js')).status(context, flags))
  addBackfillRunCommand(backfill, context)

  withOutput(program.command('tokens'))
    .description('tokens that threads used, most first')
    .argument('[thread]', `${thread}: with all that it spawned`)
    .addOption(new Option('--by <what>', 'sums instead of threads').choices(TOKEN_GROUPS))
    .action(async (argument, flags) => (await import('./state/tokens.js')).run(context, argument, flags))
  withOutput(program.command('goals'))
    .description('goals of threads')
    .action(async (flags) => (await import('./state/tables.js')).goals(context, flags))
  withOutput(program.command('jobs'))
    .description('fan-out jobs of agents (0.105 to 0.144)')
    .action(async (flags) => (await import('./state/tables.js')).jobs(context, flags))
  withOutput(program.command('tools'))
    .description('dynamic tools of all threads (0.95 to 0.135)')
    .action(async (flags) => (await import('./state/tables.js')).tools(context, flags))
  withOutput(program.command('tables'))
    .description('every table of this home, and what it holds')
    .action(async (flags) => (await import('./state/tables.js')).list(context, flags))
  withOutput(program.command('table'))
    .description('one table as it is stored')
    .argument('<name>', 'as in tables')
    .action(async (name, flags) => (await import('./state/tables.js')).show(context, name, flags))

  addWhereCommand(program, context)
  withOutput(program.command('schema'))
    .description('applied migrations, held against those that Codex releases are known to carry')
    .action(async (flags) => (await import('./state/schema.js')).run(context, flags))
  withOutput(program.command('verify'))
    .description('look for damage in every database; exit code 1 when there is any')
    .option('--full', 'check every index and foreign key too')
    .action(async (flags) => (await import('./state/verify.js')).run(context, flags))
  withOutput(program.command('du'))
    .description('what takes room')
    .addOption(new Option('--by <what>', 'kind (default), age, source or project').choices(USAGE_GROUPS))
    .action(async (flags) => (await import('./state/du.js')).run(context, flags))
  withOutput(program.command('locks'))
    .description('who has the databases open, and which processes that logged are alive')
    .action(async (flags) => (await import('./state/locks.js')).run(context, flags))

  withOutput(program.command('diff'))
    .description('rollouts against rows: what is missing and what differs; exit code 1 when anything does')
    .action(async (flags) => (await import('./state/diff.js')).run(context, flags))
  withOutput(program.command('why'), { hasLimit: false })
    .description('why the picker of Codex does not show a thread')
    .argument('[thread]', thread)
    .option('--cwd <dir>', 'the folder that Codex is started in (default: this one)')
    .action(async (argument, flags) => (await import('./state/why.js')).run(context, argument, flags))

  addCompletionCommands(program, context)
  return program
}
