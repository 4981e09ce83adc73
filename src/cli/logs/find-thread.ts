import { StateError } from '../../errors.js'
import { type FoundThread, resolveThread, type ThreadSources } from '../../inspect/thread-reference.js'
import type { LogStore } from '../../query/logs/store.js'
import { findLoggedThread, findNewestThread } from '../../query/logs/threads.js'
import { findThread } from '../../query/threads/find.js'

/** What can be the beginning of an id is no name, when it comes to telling what was not found. */
const ID_START = /^[\da-f][\da-f-]*$/i

/**
 * The thread that is meant to a command that reads logs: by its whole id, or by the beginning of one that is in the
 * logs; else by what `resolveThread` knows. Logs can have rows of a thread that the state database has not.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`
 */
export async function findThreadOfLogs(
  typed: string,
  store: LogStore | undefined,
  sources: ThreadSources,
): Promise<FoundThread> {
  const wanted = typed.trim()
  if (wanted === 'last') return findNewest(store, sources)
  try {
    const id = findLoggedThread(store, typed)
    return { id, thread: sources.threads && findThread(sources.threads, id) }
  } catch (notLogged) {
    if (!isNotFound(notLogged)) throw notLogged
    try {
      return await resolveThread(wanted, sources)
    } catch (unknown) {
      throw isNotFound(unknown) && ID_START.test(wanted) ? notLogged : unknown
    }
  }
}

async function findNewest(store: LogStore | undefined, sources: ThreadSources): Promise<FoundThread> {
  try {
    return await resolveThread('last', sources)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  const id = findNewestThread(store)
  if (id !== undefined) return { id, thread: undefined }
  throw new StateError('NOT_FOUND', 'there is no thread in the logs, nor in a state database')
}

function isNotFound(error: unknown): boolean {
  return error instanceof StateError && error.code === 'NOT_FOUND'
}
