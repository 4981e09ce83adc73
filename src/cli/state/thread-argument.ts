import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { type FoundThread, resolveThread } from '../../inspect/thread-reference.js'
import { optionalArgument, requiredArgument } from '../flags.js'
import type { Session } from './session.js'

const LOOK = {
  hint: `Give an id, its beginning, a name or title, or 'last'.`,
  completes: { kind: 'stored', values: 'thread' },
  example: 'last',
} as const

/** The argument that names a thread. */
export const THREAD_ARGUMENT = requiredArgument('an id, its beginning, a name or title, or last', LOOK)

/** The same where all threads are meant without it. */
export function optionalThread(text: string): ReturnType<typeof optionalArgument> {
  return optionalArgument(text, LOOK)
}

/**
 * The thread that an argument means.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`; `DB_NOT_FOUND` when no rollout
 *   has it either and there is no database to look into
 */
export async function requireThread(text: string, session: Session): Promise<FoundThread> {
  const threads = session.tryOpenThreads()
  // The last of the index is meant: where that only lies elsewhere, no rollout stands for it.
  if (!threads && session.home.elsewhere.length > 0 && text.trim() === 'last') session.open('threads')
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
