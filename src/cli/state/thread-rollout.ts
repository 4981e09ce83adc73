import { statSync } from 'node:fs'
import { StateError } from '../../errors.js'
import { formatBadLine } from '../../format/bad-line.js'
import { formatPlural } from '../../format/quantity.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { findHolders } from '../../inspect/holders.js'
import type { FoundThread } from '../../inspect/thread-reference.js'
import { isOfOlderForm } from '../../rollout/content.js'
import type { LocatedRollout } from '../../rollout/locate.js'
import type { ThreadTurns } from '../../rollout/turns.js'
import type { Session } from './session.js'
import { requireThread } from './thread-argument.js'

/**
 * The rollout of the thread that an argument means.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`, `DB_NOT_FOUND`
 */
export async function requireRolloutOf(
  text: string,
  session: Session,
): Promise<FoundThread & { rollout: LocatedRollout }> {
  const found = await requireThread(text, session)
  const { id, thread } = found
  const { rollout, isHidden } = await findRollout(session.codexHome, found, session.notice)
  if (!rollout) {
    throw new StateError(
      'NOT_FOUND',
      isHidden
        ? `whether thread ${id} has a rollout file in ${session.codexHome} is not known`
        : `thread ${id} has no rollout file in ${session.codexHome}`,
    )
  }
  return { id, thread, rollout }
}

/** The same with what its user calls the thread; the newest thread without an argument. */
export async function requireRollout(
  text: string | undefined,
  session: Session,
): Promise<{ id: string; title: string; rollout: LocatedRollout }> {
  const { id, thread, rollout } = await requireRolloutOf(text ?? 'last', session)
  const title = thread ? (session.nameOf(thread) ?? thread.title) : ''
  return { id, title, rollout }
}

/** What was written more recently may be written still. */
const RECENT_MS = 10_000

/**
 * A turn that no line ends goes on while a process has the rollout open, as far as the system tells that. Who asks the
 * system looks at every open file of every process, so it is done once, and only where there is such a turn.
 */
export function lookForWriter(rollout: LocatedRollout, nowMs: number): () => boolean {
  let isWritten: boolean | undefined
  return () => {
    isWritten ??=
      isRecentRollout(rollout, nowMs) ||
      findHolders([{ path: rollout.path }]).holders.length > 0 ||
      // Its last lines may have come after it was read, by a process that has left since.
      hasChanged(rollout)
    return isWritten
  }
}

function hasChanged({ path, modifiedAtMs }: LocatedRollout): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Math.floor(stat.mtimeMs) !== modifiedAtMs
}

export function isRecentRollout({ modifiedAtMs }: LocatedRollout, nowMs: number): boolean {
  return Math.abs(nowMs - modifiedAtMs) < RECENT_MS
}

/** What of the rollout is not in the answer. */
export function tellProblems(read: ThreadTurns, session: Session): void {
  tellBadLines(read, session)
  for (const [type, count] of Object.entries(read.unknownTypes))
    session.notice(`${formatPlural(count, 'line')} of the type ${type}, which is not known here`)
  if (read.elidedBytes > 0)
    session.notice(`${formatPlural(read.elidedBytes, 'byte')} of long texts are left out`)
  if (read.missingBase) {
    const { rolloutId, neededBy, reason } = read.missingBase
    const words = { 'not found': 'is missing', unreadable: 'cannot be read', circle: 'leads back to it' }
    session.notice(
      `rollout ${neededBy} continues ${rolloutId}, which ${words[reason]}: the turns before are not shown`,
    )
    session.fail()
  }
}

function tellBadLines({ path, lineCount, badLines, badLineCount }: ThreadTurns, { notice }: Session): void {
  const isOlder = lineCount === 0 && badLineCount > 0 && badLines.every(({ reason }) => isOfOlderForm(reason))
  if (isOlder) {
    notice(
      `${path} was written before September 2025, in a form that is not read: ${formatPlural(badLineCount, 'line')}`,
    )
    return
  }
  for (const line of badLines) notice(formatBadLine(line))
  const untold = badLineCount - badLines.length
  if (untold > 0) notice(`${formatPlural(untold, 'more line')} cannot be read`)
}
