import type { ReadFindingsOptions } from '../../inspect/log-failures.js'
import type { LogFilter } from '../../model/log.js'
import { readIdleTimeoutMs } from '../../schema/home.js'
import type { Session } from '../state/session.js'
import type { ThreadWords } from './open-logs.js'

/** What a home knows of failures beside its log. */
export function failureOptions(session: Session, words: ThreadWords, filter: LogFilter): ReadFindingsOptions {
  return {
    filter,
    nowMs: session.nowMs,
    flushMs: words.flushMs,
    hasEnded: words.hasEnded,
    idleTimeoutMs: readIdleTimeoutMs(session.codexHome),
  }
}
