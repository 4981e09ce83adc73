import { setTimeout as sleep } from 'node:timers/promises'
import { inspectHistory } from '../../inspect/history.js'
import type { ThreadHistory, UnreadableHistory } from '../../model/history.js'
import { hasProjection } from '../../query/history.js'
import { findRolloutPath } from '../../query/threads/find.js'
import type { Session } from './session.js'

/** Holds the projection of this home against its rollouts: of all threads, or of these. */
export function lookAtHistory(
  session: Session,
  options: { threadIds?: readonly string[]; onPassedOver?: (path: string) => void },
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
      await sleep(ms)
    },
  })
}
