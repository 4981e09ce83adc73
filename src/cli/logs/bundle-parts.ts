import { arch, platform, release } from 'node:os'
import { StateError } from '../../errors.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { findThread } from '../../query/threads/find.js'
import { readRolloutHead } from '../../rollout/head.js'
import { readRolloutChunks, resolveRolloutFile } from '../../rollout/read.js'
import type { Command, CommandContext } from '../command.js'
import type { HomeFlags } from '../home-flags.js'
import type { OutputStream } from '../io.js'
import { parseLine } from '../parse.js'
import { withSession } from '../state/session.js'
import { VERSION } from '../version.js'

/** What the bundle is about. */
export interface Subject {
  readonly id: string
  /** The release that the thread was begun with; `undefined` where no row says so. */
  readonly cliVersion: string | undefined
}

/** One file of a bundle. */
export interface Part {
  readonly file: string
  /** What it holds, for a person. */
  readonly holds: string
  /** Whether it says anything of the thread itself. */
  readonly isOfThread: boolean
  write(subject: Subject, context: PartContext): Promise<unknown>
}

interface PartContext {
  readonly home: HomeFlags
  readonly stdout: OutputStream
  /** With `stdout`, and `stderr` gathered as notices. */
  readonly context: CommandContext
}

/** What a command prints. */
function printedPart(
  file: string,
  holds: string,
  load: () => Promise<{ readonly command: Command }>,
  argvOf: (id: string) => readonly string[],
  isOfThread = true,
): Part {
  return {
    file,
    holds,
    isOfThread,
    async write({ id }, { context, home }) {
      const { command } = await load()
      const place = [
        ...(home.codexHome === undefined ? [] : ['--codex-home', home.codexHome]),
        ...(home.db === undefined ? [] : ['--db', home.db]),
      ]
      const { flags, words } = parseLine(command.flags, [...argvOf(id), ...place])
      await command.run(context, flags, words)
    },
  }
}

export const PARTS: readonly Part[] = [
  printedPart(
    'rows.ndjson',
    'its log rows, and what its processes wrote outside of threads (codex-logs query --json)',
    () => import('./query.js'),
    (id) => ['--json', '--thread-id', id, '--with-process'],
  ),
  printedPart(
    'log-turns.json',
    'its turns in time, by the log and the rollout (codex-logs turns)',
    () => import('./turns.js'),
    (id) => [id, '--json'],
  ),
  printedPart(
    'thread.json',
    'its row, and where it leaves data (codex-state threads show)',
    () => import('../state/threads-show.js'),
    (id) => [id, '--json'],
  ),
  printedPart(
    'turns.json',
    'its turns by the rollout: outcome, calls, tokens (codex-state threads turns)',
    () => import('../state/threads-turns.js'),
    (id) => [id, '--json'],
  ),
  printedPart(
    'where.json',
    'the databases of the home (codex-state where)',
    () => import('../where.js'),
    () => ['--json'],
    false,
  ),
  printedPart(
    'schema.json',
    'their migrations (codex-state schema)',
    () => import('../state/schema.js'),
    () => ['--json'],
    false,
  ),
  printedPart(
    'verify.json',
    'whether they are sound (codex-state verify)',
    () => import('../state/verify.js'),
    () => ['--json'],
    false,
  ),
  {
    file: 'versions.json',
    holds: 'versions of what wrote this, and of Codex as far as it is known',
    isOfThread: false,
    async write({ cliVersion }, { stdout }) {
      const versions = {
        codex_of_thread: cliVersion ?? null,
        codex_state: VERSION,
        node: process.versions.node,
        platform: platform(),
        arch: arch(),
        os_release: release(),
      }
      stdout.write(`${JSON.stringify(versions, null, 2)}\n`)
    },
  },
]

export const ROLLOUT: Part = {
  file: 'rollout.jsonl',
  holds: 'the rollout of the thread: all that was said and done in it',
  isOfThread: true,
  write({ id }, { context, home, stdout }) {
    return withSession(context, home, async (session) => {
      const threads = session.tryOpenThreads()
      const row = threads && findThread(threads, id)
      const { rollout } = await findRollout(session.codexHome, { id, thread: row }, session.notice)
      if (!rollout) throw new StateError('NOT_FOUND', 'the thread has no rollout file')
      for await (const chunk of readRolloutChunks(rollout)) stdout.write(chunk)
      const { head } = await readRolloutHead(resolveRolloutFile(rollout.path))
      if (head.base !== null) {
        session.notice(
          `it continues rollout ${head.base.rolloutId}: what was said before that point is not in the file`,
        )
      }
    })
  },
}
