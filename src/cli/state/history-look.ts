import { setTimeout as sleep } from 'node:timers/promises'
import { StateError } from '../../errors.js'
import { formatPlural } from '../../format/quantity.js'
import { inspectHistory } from '../../inspect/history.js'
import type { ThreadHistory, UnreadableHistory } from '../../model/history.js'
import { HISTORY_STATES } from '../../model/history.js'
import { hasProjection } from '../../query/history.js'
import { findRolloutPath } from '../../query/threads/find.js'
import type { Session } from './session.js'

/** Holds the projection of this home against its rollouts: of all threads, or of these. */
export function lookAtHistory(
  session: Session,
  {
    isPatient = true,
    ...options
  }: {
    threadIds?: readonly string[]
    onPassedOver?: (path: string) => void
    /** Waits for a thread that is being written. */
    isPatient?: boolean
  },
): AsyncGenerator<ThreadHistory | UnreadableHistory, void, undefined> {
  const threads = session.tryOpenThreads()
  const found = session.tryOpen('thread_turns')
  return inspectHistory({
    codexHome: session.codexHome,
    connection: found && hasProjection(found.connection) ? found.connection : undefined,
    findCurrent: (id) => threads && findRolloutPath(threads, id, undefined),
    ...options,
    now: session.io.now,
    async sleep(ms) {
      if (isPatient) await sleep(ms)
    },
  })
}

/**
 * Says in one line that Codex does not show all turns of a thread, or of some threads of the home; of a thread that is
 * being written, nothing.
 */
export async function tellHiddenTurns(session: Session, threadId?: string): Promise<void> {
  const bad: ThreadHistory[] = []
  try {
    const found = lookAtHistory(session, {
      ...(threadId === undefined ? { onPassedOver() {} } : { threadIds: [threadId] }),
      isPatient: false,
    })
    for await (const history of found)
      if ('state' in history && HISTORY_STATES[history.state].alarm > 0 && !history.isLive) bad.push(history)
  } catch (error) {
    // Damage is reported by the command that reads this for its own sake.
    if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
  }
  const [first] = bad
  if (!first) return
  session.notice(
    threadId === undefined
      ? `Codex does not show all turns of ${formatPlural(bad.length, 'thread')}: see 'codex-state history'`
      : `Codex shows ${first.turnsShown} of its ${formatPlural(first.turnsThere, 'turn')}: see 'codex-state history ${threadId}'`,
  )
}
