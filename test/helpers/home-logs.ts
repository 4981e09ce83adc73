import { rmSync } from 'node:fs'
import type { StoredLogRow } from '../../src/model/log.js'
import { HIGHEST_ID, LOWEST_ID } from '../../src/query/logs/batches.js'
import { readLogRows } from '../../src/query/logs/rows.js'
import { openLogStore } from '../../src/query/logs/store.js'
import { listDatabases } from '../../src/schema/files.js'
import { copyFixtureHome, copyHome, fixtureNames, HOMES } from './homes.js'

export interface HomeLog {
  /** The fixture's name. */
  home: string
  /** As the name says. */
  release: string
  rows: StoredLogRow[]
  /** The layout keeps messages alone. */
  isMessageOnly: boolean
}

/** The rows of every log of every home: read once for a test file, some 75,000. */
export function readHomeLogs(): HomeLog[] {
  const homes = [
    ...HOMES.map((name) => ({ name, copy: () => copyHome(name) })),
    ...fixtureNames('failures').map((name) => ({ name, copy: () => copyFixtureHome('failures', name) })),
  ]
  return homes.flatMap(({ name, copy }) => readLogsOf(name, copy()))
}

/** Of one fixture of failures. */
export function readFixtureLogs(name: string): HomeLog[] {
  return readLogsOf(name, copyFixtureHome('failures', name))
}

/** Of one copy of a home, which is removed. */
function readLogsOf(home: string, copy: string): HomeLog[] {
  const release = /\d+\.\d+\.\d+/.exec(home)![0]
  try {
    return listDatabases(copy).flatMap((file) => {
      const store = openLogStore([file])
      if (!store) return []
      const all = { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID } as const
      const rows = readLogRows(store, all)
      const isMessageOnly = store.columns.body === 'message'
      store.connection.close()
      return rows.length === 0 ? [] : [{ home, release, rows, isMessageOnly }]
    })
  } finally {
    rmSync(copy, { recursive: true })
  }
}
