import { StateError } from '../../errors.js'
import { formatPlural } from '../../format/quantity.js'
import { findHolders } from '../../inspect/holders.js'
import type { ThreadHistory } from '../../model/history.js'
import { countProjection, type RowCounts, resetProjection, undoReset } from '../../sync/repair-history.js'
import { defineTextCommand } from '../command.js'
import { onFlag, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { REDACT_FLAGS } from '../redact-flag.js'
import { lookAtHistory } from './history-look.js'
import { cureFor, describeCure, describeState } from './history-words.js'
import { type Session, withSession } from './session.js'
import { requireThread, THREAD_ARGUMENT } from './thread-argument.js'

const { codexHome } = HOME_FLAGS

/** The second command that writes, and only with explicit words. */
export const command = defineTextCommand({
  examples: ['history repair last --dry-run'],
  args: { thread: THREAD_ARGUMENT },
  flags: {
    ...REDACT_FLAGS,
    dryRun: onFlag('say what --yes would do'),
    yes: onFlag('delete the projection of this thread, after a copy of the database'),
    undo: onFlag('write back what the last --yes deleted'),
    codex: textFlag('<version>', 'the Codex that will open it (default: the newest that wrote here)'),
    codexHome,
  },
  writes: `the home's thread_history database with --yes or --undo`,
  tables: ['threads', 'thread_turns'],
  exitsWith1: 'it is refused',
  notes: `Where rows of the projection are missing, stale or past the end of the rollout, Codex never makes them again by
itself. Without any row of the thread it does, when it resumes it. Nothing is done where that would not help, or would
show less than before.`,
  async run(context, flags, args) {
    const typed = [flags.dryRun, flags.yes, flags.undo].filter(Boolean).length
    if (typed !== 1)
      throw new StateError('USAGE', 'history repair requires one of --dry-run, --yes and --undo', {
        hint: 'Say --dry-run to see what --yes would do.',
      })
    return withSession(context, { codexHome: flags.codexHome }, async (session) => {
      const { id } = await requireThread(args.thread, session)
      const found = session.tryOpen('thread_turns')
      if (!found) throw new StateError('NOT_FOUND', 'this home has no projection of threads')
      const { path } = found.file
      const say = (text: string) => session.io.stdout.write(`${text}\n`)
      const history = await lookAt(session, id)
      if (flags.undo) {
        const { copyPath, restored } = undoReset(path, history.rolloutId, session.notice)
        say(`${describeCounts(restored)} written back from ${copyPath}`)
        return 0
      }
      const version = flags.codex ?? session.tryOpenThreads()?.newestVersion
      checkConditions(history, version)
      say(
        `thread ${id}: ${describeState(history)}; ${history.turnsShown} of ${history.turnsThere} turns are shown`,
      )
      if (flags.dryRun) {
        const counts = countProjection(found.connection, history.rolloutId)
        say(`--yes would delete ${describeCounts(counts)} of ${path}, after a copy of it`)
        return 0
      }
      if (findHolders([{ path }]).holders.length > 0)
        session.notice(`${path} is open in another process; its next turn is projected all the same`)
      const { copyPath, deleted } = await resetProjection(
        path,
        history.rolloutId,
        history.cursor,
        session.io.now(),
      )
      say(`deleted ${describeCounts(deleted)}; the database as it was is at ${copyPath}`)
      say(`now resume it: codex resume ${id}`)
      say('until then Codex shows no turn of it, in its forks neither; --undo puts the rows back')
      return 0
    })
  },
})

async function lookAt(session: Session, threadId: string): Promise<ThreadHistory> {
  for await (const history of lookAtHistory(session, { threadIds: [threadId] })) {
    if (history && 'state' in history) return history
    throw new StateError('ROLLOUT_UNREADABLE', history.reason)
  }
  throw new StateError(
    'NOT_FOUND',
    `thread ${threadId} has no projection: its rollout is missing, or a legacy one`,
  )
}

/** @throws {StateError} `INVALID` */
function checkConditions(history: ThreadHistory, version: string | undefined): void {
  const cure = cureFor(history, version)
  const isOwn = history.affectedRolloutId === history.rolloutId
  const helps = cure === 'reset' || (cure === 'resume' && history.state === 'rowsWithoutCursor')
  if (isOwn && helps) return
  const words = describeState(history)
  if (history.state === 'complete')
    throw new StateError('INVALID', `thread ${history.threadId}: ${words}; there is nothing to repair`)
  const reason =
    cure === 'resume'
      ? 'a resume brings its turns back'
      : cure === 'newerCodex'
        ? 'anew, this Codex would stop at that line again, and may show less'
        : 'its own rows are not what is wrong'
  throw new StateError('INVALID', `thread ${history.threadId}: ${words}; not repaired, since ${reason}`, {
    hint: `What helps: ${describeCure(history, cure)}.`,
  })
}

function describeCounts(counts: RowCounts): string {
  const { thread_turns: turns = 0, thread_items: items = 0 } = counts
  const cursors = counts.thread_history_projection_state ?? 0
  return `${formatPlural(turns, 'turn')}, ${formatPlural(items, 'item')} and ${formatPlural(cursors, 'cursor')}`
}
