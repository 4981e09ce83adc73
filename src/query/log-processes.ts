import { readIndexNames } from '../schema/inspect.js'
import type { OpenTable } from './databases.js'

/** One run of a process that logged. */
export interface LoggedProcess {
  /** `pid:<pid>:<uuid>`. */
  processUuid: string
  /** Unix seconds, UTC, of its rows that are still there. */
  firstSeconds: number
  lastSeconds: number
}

const THREADLESS_INDEX = 'idx_logs_process_uuid_threadless_ts'

/**
 * The processes that have rows in the logs, newest first; none where the layout has no column for them (to
 * 0.103). Where there is the index that Codex prunes by, only rows outside of threads are looked at, of which
 * every process has some: a database of gigabytes answers at once.
 */
export function readLoggedProcesses({ connection, columns }: OpenTable): LoggedProcess[] {
  if (!columns.has('process_uuid')) return []
  const processes = readIndexNames(connection, 'logs').has(THREADLESS_INDEX)
    ? readThroughIndex(connection)
    : connection.all<LoggedProcess>(
        `SELECT process_uuid AS processUuid, min(ts) AS firstSeconds, max(ts) AS lastSeconds FROM logs
         WHERE process_uuid IS NOT NULL GROUP BY process_uuid`,
      )
  return processes.toSorted((a, b) => b.lastSeconds - a.lastSeconds)
}

function readThroughIndex(connection: OpenTable['connection']): LoggedProcess[] {
  const processes: LoggedProcess[] = []
  for (let after = ''; ; ) {
    const next = connection.get<{ processUuid: string | null }>(
      'SELECT min(process_uuid) AS processUuid FROM logs WHERE thread_id IS NULL AND process_uuid > ?',
      after,
    )?.processUuid
    if (next === null || next === undefined) return processes
    after = next
    const span = connection.get<Omit<LoggedProcess, 'processUuid'>>(
      `SELECT (SELECT min(ts) FROM logs WHERE thread_id IS NULL AND process_uuid = ?) AS firstSeconds,
              (SELECT max(ts) FROM logs WHERE thread_id IS NULL AND process_uuid = ?) AS lastSeconds`,
      next,
      next,
    )
    if (span) processes.push({ processUuid: next, ...span })
  }
}
