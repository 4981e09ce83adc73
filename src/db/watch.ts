import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
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
  platform?: NodeJS.Platform
}

/**
 * For so long after a change the files are polled and not watched: each single write to a watched folder costs
 * the writer, in sum up to a tenth of a commit.
 */
const UNWATCHED_MS = 200
/** The event comes before the commit is visible: the first looks follow soon, each pause twice as long… */
const FIRST_PAUSE_MS = 1
/** …up to this: a writer that commits all the time does not keep us busy. */
const LONGEST_PAUSE_MS = 10

/** Why it is worth looking: the folder reported a change, or it is time. */
export type LookReason = 'change' | 'poll'

/**
 * Yields whenever it is worth looking: when the folder reports a change, several times shortly after, and every
 * `pollMs` in any case. Ends when the signal is aborted.
 */
export async function* watchChanges({
  folder,
  isRelevant,
  pollMs,
  signal,
  platform = process.platform,
}: ChangesOptions): AsyncGenerator<LookReason> {
  let wake = () => {}
  const watchers: FSWatcher[] = []
  let hasEvent = false
  let changedPath: string | undefined
  let modifiedMs: number | undefined
  let unwatchedUntil = 0
  let pauseMs = 0
  // The first look is due at once.
  let nextLookAt = 0

  const startWatching = () => {
    const onChange = (name: string | null) => {
      if (name !== null && !isRelevant(name)) return
      stopWatching()
      hasEvent = true
      changedPath = name === null ? undefined : join(folder, name)
      wake()
    }
    try {
      const add = (path: string, nameOf: (told: string | null) => string | null) => {
        const watcher = watch(path, { persistent: false }, (_event, told) => onChange(nameOf(told)))
        watchers.push(watcher.on('error', stopWatching))
      }
      add(folder, (told) => told)
      if (platform !== 'darwin') return
      // FSEvents tells of a write when the file is closed, and SQLite keeps its log open; kqueue, which Node asks about
      // single files, tells at once. They are looked for again each time, as a log may be replaced.
      for (const name of readdirSync(folder)) if (isRelevant(name)) add(join(folder, name), () => name)
    } catch {
      // No such folder yet, or the system has no more watches to give: the poll goes on.
    }
  }
  const stopWatching = () => {
    for (const watcher of watchers.splice(0)) watcher.close()
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
        pauseMs = FIRST_PAUSE_MS
        nextLookAt = now + pauseMs
        yield 'change'
      } else if (now >= nextLookAt) {
        const isUnwatched = unwatchedUntil > 0
        if (isUnwatched && now >= unwatchedUntil) {
          const seenMs = modifiedMs
          modifiedMs = modificationOf(changedPath)
          const isStillWritten = modifiedMs !== seenMs
          if (isStillWritten) unwatchedUntil = now + UNWATCHED_MS
        }
        if (now >= unwatchedUntil) {
          unwatchedUntil = 0
          // Before the look, which sees what came until then.
          if (watchers.length === 0) startWatching()
        }
        pauseMs = unwatchedUntil > 0 ? Math.min(pauseMs * 2, LONGEST_PAUSE_MS, pollMs) : pollMs
        nextLookAt = now + pauseMs
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
