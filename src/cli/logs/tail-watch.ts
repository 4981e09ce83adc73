import { monotonicMs } from '../../db/clock.js'
import { type LookReason, watchChanges } from '../../db/watch.js'
import { StateError } from '../../errors.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { readLogRows } from '../../query/logs/rows.js'
import type { LogStore } from '../../query/logs/store.js'
import type { Home } from '../home-options.js'
import type { Io } from '../io.js'
import type { ChosenThreads } from './choose-threads.js'

/** When to look for new rows: at changes of the databases' files, and at least so often. */
export function watchLogFiles(
  home: Home,
  { pollMs, signal }: { pollMs: number; signal: AbortSignal },
): AsyncIterable<LookReason> {
  const isNamed = home.rule === '--db'
  return watchChanges({
    folder: home.sqliteHome,
    isRelevant: (name) => isNamed || name.includes('.sqlite'),
    pollMs,
    signal,
  })
}

/** What a tail looks after beside the new rows. */
export interface TailWatch {
  /** The same changes; before each, threads that were spawned join, and a tail that sits still says why. */
  changes(looks: AsyncIterable<LookReason>): AsyncIterable<LookReason>
  /** Rows of threads that joined since: some were written before that was known. Asked at the next look. */
  readEarlier(store: LogStore, throughId: bigint): StoredLogRow[]
  noteRows(store: LogStore): void
}

export interface TailWatchOptions {
  home: Home
  filter: LogFilter
  threads: ChosenThreads | undefined
}

/** It is a look into another database. */
const REFRESH_MS = 1000
/** Whoever watches a tail for so long without a row may think that it hangs. */
const STILL_MS = 3000
/** Less is not worth a word. */
const SLOW_FLUSH_MS = 10_000

export function createTailWatch({ home, filter, threads }: TailWatchOptions, io: Io): TailWatch {
  const joined: string[] = []
  let store: LogStore | undefined
  let refreshedAt = monotonicMs()
  let rowsAt = monotonicMs()
  let mayTell = io.stdout.isTerminal && io.stderr.isTerminal

  async function look(): Promise<void> {
    const now = monotonicMs()
    if (threads && now - refreshedAt >= REFRESH_MS) {
      refreshedAt = now
      try {
        joined.push(...(await threads.refresh(store)))
      } catch (error) {
        // Looked for again the next time.
        if (!(error instanceof StateError)) throw error
      }
    }
    if (mayTell && now - rowsAt >= STILL_MS) {
      mayTell = false
      const { readFlush } = await import('./choose-threads.js')
      const known = await readFlush(home)
      if (known && known.flushMs >= SLOW_FLUSH_MS) {
        io.notice(`Codex ${known.version} writes its rows about every ${known.flushMs / 1000} s`)
      }
    }
  }

  async function* lookBefore(looks: AsyncIterable<LookReason>): AsyncGenerator<LookReason> {
    for await (const reason of looks) {
      await look()
      // Their rows may be there already, though the database is as it was.
      yield joined.length > 0 ? 'change' : reason
    }
  }

  return {
    changes: (looks) => (threads || mayTell ? lookBefore(looks) : looks),
    readEarlier(current, throughId) {
      store = current
      if (joined.length === 0) return []
      const threadIds = joined.splice(0)
      const own: LogFilter = { ...filter, threadIds, threadlessOf: [], includesThreadless: false }
      return [...matchingBatches(current, own, { throughId })].flatMap((batch) =>
        readLogRows(current, batch, own),
      )
    },
    noteRows(current) {
      store = current
      rowsAt = monotonicMs()
    },
  }
}
