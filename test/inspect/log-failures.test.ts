import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { classifyFailure } from '../../src/body/classify-failure.js'
import { failureEntry } from '../../src/body/failures.js'
import type { FailureFinderOptions } from '../../src/body/find-failures.js'
import { parseBody } from '../../src/body/parse.js'
import { findLastFailure } from '../../src/inspect/last-failure.js'
import { type Finding, readFindings } from '../../src/inspect/log-failures.js'
import type { StoredLogRow } from '../../src/model/log.js'
import { matchingBatches } from '../../src/query/logs/batches.js'
import { readLogRows } from '../../src/query/logs/rows.js'
import { type LogStore, openLogStore } from '../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../src/schema/files.js'
import { readIdleTimeoutMs } from '../../src/schema/home.js'
import { findFailures } from '../helpers/failures.js'
import { LOG_HOMES } from '../helpers/homes.js'

function withLogs(home: string, work: (store: LogStore) => void): void {
  const store = openLogStore(candidatesFor('logs', listDatabases(home)))
  if (store) {
    work(store)
    store.connection.close()
  }
  rmSync(home, { recursive: true })
}

/** All that is known to be a failure, as one can compare it. */
function tell({ entry, threadId, turnId, rowIds, isGuess, endsTurn }: Omit<Finding, 'text'>): string {
  // Of several threads of a killed process the one is named that wrote last, of the rows that were read.
  if (entry!.name === 'killed') return 'killed'
  // A compaction is told by the first row within it.
  const rows = entry!.name === 'compaction-auto' ? '' : rowIds.join()
  return [entry!.name, threadId, turnId, rows, isGuess, endsTurn].join(' ')
}

function isFailure(row: StoredLogRow, store: LogStore): boolean {
  const isMessageOnly = store.columns.body === 'message'
  const failure = classifyFailure(row, parseBody(row.body, { target: row.target, isMessageOnly }))
  return failure !== undefined && failureEntry(failure.name).severity === 'failure'
}

test('the rows that are read for failures tell of the same failures as all rows', () => {
  for (const { name, copy } of LOG_HOMES) {
    const home = copy()
    const options: FailureFinderOptions = { isAlive: () => false }
    const idleTimeoutMs = readIdleTimeoutMs(home)
    if (idleTimeoutMs !== undefined) options.idleTimeoutMs = idleTimeoutMs
    withLogs(home, (store) => {
      const found = [...readFindings(store, { filter: {}, nowMs: Date.now(), flushMs: 2000, idleTimeoutMs })]
      const rows = [...matchingBatches(store, {})].flatMap((batch) => readLogRows(store, batch))
      const all = findFailures(rows, { ...options, isMessageOnly: store.columns.body === 'message' })
      const last = rows.findLast((row) => row.level === 'ERROR' || isFailure(row, store))
      expect(findLastFailure(store)?.row.id, name).toBe(last?.id)
      const told = found.flat().filter(({ entry }) => entry !== undefined)
      expect(told.map(tell).sort(), name).toEqual(all.map((one) => tell(one as unknown as Finding)).sort())
    })
  }
}, 180_000)
