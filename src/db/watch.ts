import { type FSWatcher, statSync, watch } from 'node:fs'
import { join } from 'node:path'
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
 * So long after a change it is looked every `SHORTEST_PAUSE_MS` and not watched: each single write to a watched
 * folder costs the writer, in sum up to a tenth of a commit.
 */
const UNWATCHED_MS = 200

/** Why it is worth looking: the folder reported a change, or it is time. */
export type LookReason = 'change' | 'poll'

/**
 * Yields whenever it is worth looking: when the folder reports a change, once more shortly after, and every
 * `pollMs` in any case. Ends when the signal is aborted.
 */
export async function* watchChanges({
  folder,
  isRelevant,
  pollMs,
  signal,
}: ChangesOptions): AsyncGenerator<LookReason> {
  let wake = () => {}
  let watcher: FSWatcher | undefined
  let hasEvent = false
  let changedPath: string | undefined
  let modifiedMs: number | undefined
  let unwatchedUntil = 0
  // The first look is due at once.
  let nextLookAt = 0

  const startWatching = () => {
    try {
      watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name !== null && !isRelevant(name)) return
        stopWatching()
        hasEvent = true
        changedPath = name === null ? undefined : join(folder, name)
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
      const now = monotonicMs()
      if (hasEvent) {
        hasEvent = false
        modifiedMs = modificationOf(changedPath)
        unwatchedUntil = now + UNWATCHED_MS
        nextLookAt = now + SECOND_LOOK_MS
        yield 'change'
      } else if (now >= nextLookAt) {
        const isUnwatched = unwatchedUntil > 0
        if (isUnwatched && now >= unwatchedUntil && modificationOf(changedPath) !== modifiedMs) {
          // Still being written.
          modifiedMs = modificationOf(changedPath)
          unwatchedUntil = now + UNWATCHED_MS
        }
        if (now >= unwatchedUntil) {
          unwatchedUntil = 0
          // Before the look, which sees what came until then.
          if (!watcher) startWatching()
        }
        nextLookAt = now + (unwatchedUntil > 0 ? Math.min(SHORTEST_PAUSE_MS, pollMs) : pollMs)
        yield isUnwatched ? 'change' : 'poll'
      } else {
        await pause(nextLookAt - now, (done) => {
          wake = done
        })
        wake = () => {}
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    stopWatching()
  }
}

function modificationOf(path: string | undefined): number | undefined {
  return path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })?.mtimeMs
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
