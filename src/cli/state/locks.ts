import { basename } from 'node:path'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { findHolders, readCommand } from '../../inspect/holders.js'
import { findLiveness, LONGEST_FLUSH_MS } from '../../inspect/liveness.js'
import type { OpenTable } from '../../query/databases.js'
import { readLoggedProcesses } from '../../query/logs/processes.js'
import { defineListCommand } from '../records.js'
import { requireDatabases, type Session } from './session.js'

interface LockRow {
  pid: number | null
  /** `false` for a process that wrote and is gone; `null` where that cannot be known. */
  isAlive: boolean | null
  does: string
  command: string
  database: string | null
  processUuid: string | null
  firstLogMs: number | null
  lastLogMs: number | null
}

const LOCK_KIND: RecordKind<LockRow> = {
  noun: 'process',
  fields: [
    { name: 'pid', kind: 'number', value: ({ pid }) => pid, cell: ({ pid }) => String(pid ?? '') },
    {
      name: 'alive',
      kind: 'flag',
      value: ({ isAlive }) => isAlive,
      cell: ({ isAlive }) => (isAlive === null ? '?' : isAlive ? 'alive' : 'gone'),
    },
    { name: 'does', kind: 'text', value: ({ does }) => does },
    {
      name: 'database',
      kind: 'path',
      value: ({ database }) => database,
      cell: ({ database }) => (database === null ? '' : basename(database)),
    },
    { name: 'process_uuid', kind: 'text', value: ({ processUuid }) => processUuid },
    { name: 'first_log_at', kind: 'time', value: ({ firstLogMs }) => firstLogMs },
    { name: 'last_log_at', kind: 'time', value: ({ lastLogMs }) => lastLogMs },
    { name: 'command', kind: 'text', value: ({ command }) => command },
  ],
  shown: ['pid', 'alive', 'does', 'database', 'last_log_at', 'command'],
  nameOf: ({ pid }) => String(pid),
}

export const command = defineListCommand({
  examples: ['locks'],
  kind: LOCK_KIND,
  tables: ['logs'],
  isFaint: ({ isAlive }) => isAlive === false,
  read(session) {
    const { holders, isKnown, reason, hiddenCount } = findHolders(requireDatabases(session))
    if (!isKnown) session.notice(`who has the files open is not known: ${reason}`)
    else if (hiddenCount !== 0) {
      session.notice(`${hiddenCount ?? ''} processes of other users may have the files open too`.trim())
    }
    const rows: LockRow[] = holders.map(({ pid, command, database, suffixes, locks }) => ({
      pid,
      isAlive: true,
      does: [
        suffixes.length > 0 && `has open: ${suffixes.map((suffix) => suffix || 'main').join(' ')}`,
        ...locks,
      ]
        .filter((part) => part)
        .join(', '),
      command,
      database,
      processUuid: null,
      firstLogMs: null,
      lastLogMs: null,
    }))
    const logs = tryOpenLogs(session)
    const writers = logs === 'unreadable' ? [] : readLogWriters(logs, session.nowMs)
    const isAllKnown = isKnown && hiddenCount === 0 && logs !== 'unreadable'
    return {
      pages: [[...rows, ...writers]],
      emptyText: isAllKnown
        ? 'nobody has a database of this home open, and no process logged'
        : 'no process is seen to have a database of this home open',
    }
  },
})

/** Who has the files open is known without the logs. */
function tryOpenLogs(session: Session): OpenTable | 'unreadable' | undefined {
  try {
    return session.tryOpen('logs')
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    session.notice(error.message)
    return 'unreadable'
  }
}

function readLogWriters(logs: OpenTable | undefined, nowMs: number): LockRow[] {
  if (!logs) return []
  return readLoggedProcesses(logs).map(({ processUuid, firstSeconds, lastSeconds }) => {
    const lastMs = lastSeconds * 1000
    const { state, pid } = findLiveness({ processUuid, lastMs }, { nowMs, flushMs: LONGEST_FLUSH_MS })
    const isAlive = state === 'unknown' ? null : state === 'running'
    return {
      pid: pid ?? null,
      isAlive,
      does: 'wrote logs',
      command: isAlive && pid !== undefined ? readCommand(pid) : '',
      database: logs.file.path,
      processUuid,
      firstLogMs: firstSeconds * 1000,
      lastLogMs: lastMs,
    }
  })
}
