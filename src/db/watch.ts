import { type FSWatcher, watch } from 'node:fs'
import { monotonicMs } from './clock.js'

export interface ChangesOptions {
  /** The folder to watch: a log is removed and a database replaced under a watch on the file itself. */
  folder: string
  /** Which names in it count. */
  isRelevant: (name: string) => boolean
  /** The safety poll: some file systems report nothing. */
  pollMs: number
  signal: AbortSignal
}

/** Two looks are never closer than this: a writer that commits all the time does not keep us busy. */
const SHORTEST_PAUSE_MS = 10
/** The event can come before the commit is visible, so a second look follows. */
const SECOND_LOOK_MS = 2

/**
 * Yields whenever it is worth looking: when the folder reports a change, once more shortly after, and every
 * `pollMs` in any case. Ends when the signal is aborted.
 */
export async function* watchChanges({
  folder,
  isRelevant,
  pollMs,
  signal,
}: ChangesOptions): AsyncGenerator<void> {
  let wake = () => {}
  let hasEvent = false
  let watcher: FSWatcher | undefined
  let secondLookAt = 0
  // The first look is due at once.
  let lastLookAt = Number.NEGATIVE_INFINITY

  const startWatching = () => {
    try {
      watcher = watch(folder, { persistent: false, signal }, (_event, name) => {
        if (name !== null && !isRelevant(name)) return
        hasEvent = true
        wake()
      })
      watcher.on('error', stopWatching)
    } catch {
      // No such folder yet, or the system has no more watches to give: the poll goes on.
    }
  }
  const stopWatching = () => {
    watcher?.close()
    watcher = undefined
  }
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)

  try {
    while (!signal.aborted) {
      if (!watcher) startWatching()
      const now = monotonicMs()
      const dueAt =
        secondLookAt > 0 ? secondLookAt : hasEvent ? lastLookAt + SHORTEST_PAUSE_MS : lastLookAt + pollMs
      if (dueAt > now) {
        const canWakeEarlier = secondLookAt === 0 && !hasEvent
        await pause(Math.min(dueAt - now, pollMs), (done) => {
          wake = canWakeEarlier || signal.aborted ? done : () => signal.aborted && done()
        })
        wake = () => {}
        continue
      }
      if (secondLookAt > 0) {
        // An event since the first look stays: what it announced may not be visible yet either.
        secondLookAt = 0
      } else {
        secondLookAt = hasEvent ? now + SECOND_LOOK_MS : 0
        hasEvent = false
      }
      lastLookAt = now
      yield
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    stopWatching()
  }
}

/** Waits, or less when the function handed out is called. */
function pause(ms: number, onStart: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    onStart(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
