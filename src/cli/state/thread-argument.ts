import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { type FoundThread, resolveThread } from '../../inspect/thread-reference.js'
import type { Session } from './session.js'

/**
 * The thread that an argument means.
 *
 * @throws {StateError} `USAGE` without an argument, `NOT_FOUND`, `AMBIGUOUS`; `DB_NOT_FOUND` when no rollout
 *   has it either and there is no database to look into
 */
export async function requireThread(text: string | undefined, session: Session): Promise<FoundThread> {
  if (text === undefined) {
    throw new StateError('USAGE', 'a thread is missing', {
      hint: `Give an id, its beginning, a name or title, or 'last'.`,
    })
  }
  const threads = session.tryOpenThreads()
  try {
    return await resolveThread(text, {
      threads,
      names: session.names,
      codexHome: session.codexHome,
      cleanLabel: cleanLine,
    })
  } catch (error) {
    if (!threads && error instanceof StateError && error.code === 'NOT_FOUND') session.open('threads')
    throw error
  }
}
