import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FAILURE_SIGNS } from '../../src/body/failure-signs.js'
import { type Failure, findFailures } from '../../src/body/find-failures.js'
import { parseBody } from '../../src/body/parse.js'
import type { StoredLogRow } from '../../src/model/log.js'
import { matchingBatches } from '../../src/query/logs/batches.js'
import { readLogRows } from '../../src/query/logs/rows.js'
import { openLogStore } from '../../src/query/logs/store.js'
import { candidatesFor, listDatabases } from '../../src/schema/files.js'
import { copyFixtureHome, copyHome, fixtureNames, HOMES } from '../helpers/homes.js'

test('the rows that are read for failures tell of the same failures as all rows', () => {
  const homes = [
    ...HOMES.map((name) => ({ name, copy: () => copyHome(name) })),
    ...fixtureNames('failures').map((name) => ({ name, copy: () => copyFixtureHome('failures', name) })),
  ]
  let rowCount = 0
  let readCount = 0
  for (const { name, copy } of homes) {
    const home = copy()
    const store = openLogStore(candidatesFor('logs', listDatabases(home)))
    if (store) {
      const read = (filter: object) =>
        [...matchingBatches(store, filter)].flatMap((batch) => readLogRows(store, batch, filter))
      const find = (rows: readonly StoredLogRow[]) =>
        findFailures(
          rows.map((row) => ({
            row,
            parsed: parseBody(row.body, {
              target: row.target,
              isMessageOnly: store.columns.body === 'message',
            }),
          })),
          { isAlive: () => false },
        )
      const [all, some] = [read({}), read({ signs: FAILURE_SIGNS })]
      rowCount += all.length
      readCount += some.length
      expect(find(some).map(tell).sort(), name).toEqual(find(all).map(tell).sort())
      store.connection.close()
    }
    rmSync(home, { recursive: true })
  }
  console.log(`${readCount} of ${rowCount} rows are read`)
  expect(readCount).toBeLessThan(rowCount / 5)
}, 60_000)

function tell({ entry, threadId, turnId, text, isGuess, endsTurn }: Failure): string {
  // Of several threads of a killed process the one is named that wrote last, of the rows that were read.
  if (entry.name === 'killed') return entry.name
  return [entry.name, threadId, turnId, text, isGuess, endsTurn].join(' ')
}
