import { statSync } from 'node:fs'
import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { labelOf } from '../../format/thread-fields.js'
import type { FoundThread } from '../../inspect/thread-reference.js'
import type { LogFilter } from '../../model/log.js'
import { chooseLogFlushMs } from '../../model/releases.js'
import { loadFilterFunctions } from '../../query/logs/filter.js'
import { describeLogs, type LogStore, openLogStore } from '../../query/logs/store.js'
import { findThread } from '../../query/threads/find.js'
import type { ThreadTable } from '../../query/threads/table.js'
import { findRecordedRollout } from '../../rollout/locate.js'
import { hasTurnEnded } from '../../rollout/turn-end.js'
import type { Session } from '../state/session.js'
import { type LogFilterFlags, resolveFilter } from './filter-flags.js'
import { findThreadOfLogs } from './find-thread.js'
import { resolveThreads } from './resolve-threads.js'
import { describeOddities } from './session.js'

/**
 * The home's logs, closed with the session.
 *
 * @throws {StateError} `DB_NOT_FOUND` when no database has logs
 */
export async function openLogs(session: Session, filter: LogFilter = {}): Promise<LogStore> {
  const functions = await loadFilterFunctions(filter)
  const store = openLogStore(session.home.databases, { onNotice: session.notice, functions })
  if (!store) {
    // Says why there are none.
    const { file, connection } = session.open('logs')
    return { ...describeLogs(connection), file }
  }
  session.keep(store.connection)
  const { databases: files } = session.home
  for (const text of describeOddities(store, { files, filter })) session.notice(text)
  return store
}

/** The filter that the flags mean, with the threads' ids made whole, and the logs that it is for. */
export async function openFilteredLogs(
  flags: LogFilterFlags,
  session: Session,
): Promise<{ store: LogStore; filter: LogFilter }> {
  const typed = await resolveFilter(flags, session.io)
  const store = await openLogs(session, typed)
  const { filter } = await resolveThreads({ filter: typed, home: session.home }, flags, store, session.io)
  return { store, filter }
}

/**
 * The thread that an argument means.
 *
 * @throws {StateError} `NOT_FOUND`, `AMBIGUOUS`
 */
export function requireThreadOfLogs(typed: string, store: LogStore, session: Session): Promise<FoundThread> {
  const { codexHome, names } = session
  return findThreadOfLogs(typed, store, {
    threads: tryOpenThreads(session),
    names,
    codexHome,
    cleanLabel: cleanLine,
  })
}

/** What a state database adds to rows of logs: without one they are told all the same. */
export interface ThreadWords {
  titleOf(threadId: string): string
  /** When the rollout was last written to, Unix milliseconds; `undefined` where that cannot be seen. */
  rolloutMsOf(threadId: string): number | undefined
  /** Whether the rollout tells that a turn ended, or, without an id, that the last one did. */
  hasEnded(threadId: string, turnId: string | undefined): boolean
  /** How long after an event its row is written, in the release that wrote this home. */
  readonly flushMs: number
  readonly newestVersion: string | undefined
}

export function createThreadWords(session: Session): ThreadWords {
  let threads: ThreadTable | undefined
  let isAsked = false
  const table = () => {
    if (!isAsked) threads = tryOpenThreads(session)
    isAsked = true
    return threads
  }
  const find = (threadId: string) => {
    const open = table()
    return open && findThread(open, threadId)
  }
  return {
    titleOf(threadId) {
      const thread = find(threadId)
      return thread ? labelOf({ thread, name: session.nameOf(thread) }) : ''
    },
    rolloutMsOf(threadId) {
      const path = find(threadId)?.rolloutPath
      try {
        return path ? statSync(path).mtimeMs : undefined
      } catch {
        return undefined
      }
    },
    hasEnded(threadId, turnId) {
      const path = find(threadId)?.rolloutPath
      const file = path ? findRecordedRollout(session.codexHome, path) : undefined
      return file !== undefined && hasTurnEnded(file.path, turnId) === true
    },
    get flushMs() {
      return chooseLogFlushMs(table()?.newestVersion, table()?.newestMigration || undefined)
    },
    get newestVersion() {
      return table()?.newestVersion
    },
  }
}

function tryOpenThreads(session: Session): ThreadTable | undefined {
  try {
    return session.tryOpenThreads()
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    session.notice(error.message)
    return undefined
  }
}
