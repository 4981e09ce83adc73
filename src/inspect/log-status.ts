import { failureEntry } from '../body/failures.js'
import { parseBody } from '../body/parse.js'
import { summarizeRow } from '../body/summary.js'
import type { ThreadActivity } from '../model/log-activity.js'
import type { LogStatus } from '../model/log-status.js'
import { readLogReach, readThreadReaches } from '../query/logs/reach.js'
import type { LogStore } from '../query/logs/store.js'
import { readCommand } from './holders.js'
import { findLastFailure } from './last-failure.js'
import { readLogActivity } from './log-activity.js'

const MOST_THREADS = 12
const MOST_PROCESSES = 6
const FAILURE_ROWS = 20_000
const RECENT_MS = 10 * 60_000

interface LogStatusOptions extends Pick<LogStatus, 'nowMs' | 'flushMs' | 'version'> {
  titleOf(threadId: string): string
}

/** What processes and threads do now, how the last failure read, and how far the log reaches. */
export function readLogStatus(
  store: LogStore,
  { nowMs, flushMs, version, titleOf }: LogStatusOptions,
): LogStatus {
  const activity = readLogActivity(store, { nowMs, flushMs, newestOfGone: MOST_THREADS })
  const { areAlive } = activity
  const threads = activity.threads
    .toSorted((a, b) => Number(b.step !== undefined) - Number(a.step !== undefined) || b.lastMs - a.lastMs)
    .slice(0, MOST_THREADS)
  const reaches = readThreadReaches(
    store,
    threads.map(({ threadId }) => threadId),
  )
  const reach = readLogReach(store, nowMs - RECENT_MS)
  return {
    path: store.file.path,
    nowMs,
    flushMs,
    version,
    areAlive,
    processes: activity.processes.slice(0, areAlive ? undefined : MOST_PROCESSES).map((process) => ({
      ...process,
      command: process.state === 'running' && process.pid !== undefined ? readCommand(process.pid) : '',
      rowCount: process.processUuid === null ? undefined : (reach.recentCounts.get(process.processUuid) ?? 0),
    })),
    threads: threads.map((now) => ({
      now,
      sinceMs: sinceOf(now),
      title: titleOf(now.threadId),
      firstMs: reaches.get(now.threadId),
    })),
    lastFailure: readLastFailure(store),
    searchedRowCount: Math.min(FAILURE_ROWS, reach.rowCount ?? FAILURE_ROWS),
    reach,
  }
}

function readLastFailure(store: LogStore): LogStatus['lastFailure'] {
  const found = findLastFailure(store, { mostRows: FAILURE_ROWS, skipsHarmless: true })
  if (!found) return undefined
  const { row, failure } = found
  const isMessageOnly = store.columns.body === 'message'
  const { text } = summarizeRow(row, parseBody(row.body, { target: row.target ?? '', isMessageOnly }))
  return {
    id: row.id,
    ms: (row.tsSeconds ?? 0) * 1000 + Math.floor((row.tsNanos ?? 0) / 1e6),
    threadId: row.threadId,
    name: failure?.name ?? null,
    title: failure ? failureEntry(failure.name).title : null,
    text,
  }
}

function sinceOf({ step, lastOutcome }: ThreadActivity): number | undefined {
  const ms = step?.sinceMs ?? lastOutcome?.atMs
  return ms === undefined ? undefined : Math.floor(ms)
}
