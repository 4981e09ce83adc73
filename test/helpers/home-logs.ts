import { rmSync } from 'node:fs'
import type { StoredLogRow } from '../../src/model/log.js'
import { HIGHEST_ID, LOWEST_ID } from '../../src/query/logs/batches.js'
import { readLogRows } from '../../src/query/logs/rows.js'
import { type LogStore, openLogStore } from '../../src/query/logs/store.js'
import { listDatabases } from '../../src/schema/files.js'
import { copyFixtureHome, LOG_HOMES } from './homes.js'

export interface HomeLog {
  /** The fixture's name. */
  home: string
  /** As the name says. */
  release: string
  rows: StoredLogRow[]
  /** The layout keeps messages alone. */
  isMessageOnly: boolean
}

/** Opens every log of every home in turn, each of a copy that is removed. */
export function visitHomeLogs(visit: (store: LogStore, home: string) => void): void {
  for (const { name, copy } of LOG_HOMES) visitLogsOf(copy(), (store) => visit(store, name))
}

/** Of one copy of a home, which is removed. */
function visitLogsOf(copy: string, visit: (store: LogStore) => void): void {
  let count = 0
  try {
    for (const file of listDatabases(copy)) {
      const store = openLogStore([file])
      if (!store) continue
      count += 1
      visit(store)
      store.connection.close()
    }
  } finally {
    rmSync(copy, { recursive: true })
  }
  // What is asked of every row of every home would be true of none.
  if (count === 0) throw new Error(`${copy} has no log`)
}

/** The rows of every log of every home: read once for a test file, some 75,000. */
export function readHomeLogs(): HomeLog[] {
  return LOG_HOMES.flatMap(({ name, copy }) => readLogsOf(name, copy()))
}

/** Of one fixture of failures. */
export function readFixtureLogs(name: string): HomeLog[] {
  return readLogsOf(name, copyFixtureHome('failures', name))
}

function readLogsOf(home: string, copy: string): HomeLog[] {
  const release = /\d+\.\d+\.\d+/.exec(home)![0]
  const logs: HomeLog[] = []
  visitLogsOf(copy, (store) => {
    const all = { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID } as const
    const rows = readLogRows(store, all)
    const isMessageOnly = store.columns.body === 'message'
    if (rows.length > 0) logs.push({ home, release, rows, isMessageOnly })
  })
  return logs
}
