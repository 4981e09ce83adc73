import { setTimeout as sleep } from 'node:timers/promises'
import { StateError } from '../../errors.js'
import { formatPlural } from '../../format/quantity.js'
import { inspectHistory } from '../../inspect/history.js'
import type { HistoryState, ThreadHistory, UnreadableHistory } from '../../model/history.js'
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

/** How the chat of a thread stands; `undefined` for a legacy one, and where that cannot be told. */
export async function findHistory(session: Session, threadId: string): Promise<ThreadHistory | undefined> {
  const [history] = await gatherHistory(session, { threadIds: [threadId] })
  return history
}

/**
 * Says in one line that Codex does not show all turns of some threads of the home, or of these; and which they are.
 */
export async function tellHiddenTurns(
  session: Session,
  threadIds?: readonly string[],
): Promise<Map<string, ThreadHistory>> {
  const of = threadIds === undefined ? {} : { threadIds }
  const bad = (await gatherHistory(session, { ...of, onPassedOver() {} })).filter(isHiding)
  if (bad.length > 0) {
    const threads = formatPlural(bad.length, 'thread')
    const what = bad.every(
      ({ state, turnsShown, turnsThere }) => WITHOUT_BASE.has(state) || turnsShown < turnsThere,
    )
      ? `Codex does not show all turns of ${threads}`
      : `what Codex shows of ${threads} is not in order`
    session.notice(`${what}: see 'codex-state history'`)
  }
  return new Map(bad.map((history) => [history.threadId, history]))
}

/** The same of one thread. */
export function tellHiddenTurnsOf(history: ThreadHistory | undefined, session: Session): void {
  if (!history || !isHiding(history)) return
  const { threadId, state, turnsShown, turnsThere } = history
  const what = WITHOUT_BASE.has(state)
    ? `Codex cannot open it, since ${HISTORY_STATES[state].words}`
    : turnsShown < turnsThere
      ? `Codex shows ${turnsShown} of its ${formatPlural(turnsThere, 'turn')}`
      : `what Codex shows of it is not in order, since ${HISTORY_STATES[state].words}`
  session.notice(`${what}: see 'codex-state history ${threadId}'`)
}

/** Codex answers every request for such a thread with an error. */
const WITHOUT_BASE: ReadonlySet<HistoryState> = new Set(['baseMissing', 'baseUnreadable', 'baseCircle'])

/** Of a thread that is being written nothing is said. */
function isHiding({ state, isLive }: ThreadHistory): boolean {
  return HISTORY_STATES[state].alarm > 0 && !isLive
}

async function gatherHistory(
  session: Session,
  options: { threadIds?: readonly string[]; onPassedOver?: (path: string) => void },
): Promise<ThreadHistory[]> {
  const found: ThreadHistory[] = []
  try {
    for await (const history of lookAtHistory(session, { ...options, isPatient: false }))
      if ('state' in history) found.push(history)
  } catch (error) {
    // Damage is reported by the command that reads this for its own sake.
    if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
  }
  return found
}
