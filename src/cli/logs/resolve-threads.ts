import { StateError } from '../../errors.js'
import type { LogFilter } from '../../model/log.js'
import { isUuid } from '../../model/uuid.js'
import type { LogStore } from '../../query/logs/store.js'
import { findLoggedThread } from '../../query/logs/threads.js'
import type { Home } from '../home-options.js'
import type { Io } from '../io.js'
import type { ChosenThreads } from './choose-threads.js'
import type { LogFilterFlags } from './filter-flags.js'

/**
 * Threads as typed, found. In a home without logs yet only whole ids can be meant.
 *
 * @throws {StateError} `USAGE`, `NOT_FOUND`, `AMBIGUOUS`
 */
export async function resolveThreads(
  { filter, home }: { filter: LogFilter; home: Home },
  flags: Pick<LogFilterFlags, 'withChildren' | 'withProcess'>,
  store: LogStore | undefined,
  io: Io,
): Promise<{ filter: LogFilter; threads: ChosenThreads | undefined }> {
  const { withChildren = false, withProcess = false } = flags
  if (!filter.threadIds) {
    if (withChildren || withProcess) {
      throw new StateError('USAGE', '--with-children and --with-process require --thread-id')
    }
    return { filter, threads: undefined }
  }
  const isAsked = (typed: string) => withChildren || withProcess || !isUuid(typed.trim())
  if (!filter.threadIds.some(isAsked)) {
    return {
      filter: { ...filter, threadIds: filter.threadIds.map((id) => findLoggedThread(store, id)) },
      threads: undefined,
    }
  }
  const { chooseThreads } = await import('./choose-threads.js')
  const choice = { typed: filter.threadIds, withChildren, withProcess }
  const threads = await chooseThreads(choice, store, home, io)
  return {
    filter: {
      ...filter,
      threadIds: threads.ids,
      ...(threads.processes && { threadlessOf: threads.processes }),
    },
    threads: withChildren || withProcess ? threads : undefined,
  }
}
