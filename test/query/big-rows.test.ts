import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import type { ReadConnection } from '../../src/db/connection.js'
import { openReadOnly } from '../../src/db/open-read.js'
import { readTable } from '../../src/query/stored-rows.js'
import { readThreads } from '../../src/query/threads/list.js'
import { pageWithRows, readTokenRows } from '../../src/query/threads/sums.js'
import { describeThreadTable } from '../../src/query/threads/table.js'
import { makeCase } from '../helpers/homes.js'

/** Threads with three texts of 900,000 characters each: six fit into 16 MiB. */
const BIG_COUNT = 40
const MOST_OF_A_PAGE = 6

let home: string | undefined
let connection: ReadConnection

// By the first of the tests, since one can be left out for want of a program.
beforeEach(() => {
  if (home !== undefined) return
  home = makeCase('huge-titles', 'codex-0.169.0', { N: String(BIG_COUNT) })
  connection = openReadOnly(join(home, 'state_5.sqlite'))
})
afterAll(() => {
  if (home === undefined) return
  connection.close()
  rmSync(dirname(home), { recursive: true })
})

const isBig = (id: unknown) => String(id).startsWith('01a30000')

test.each([
  ['a table', () => readTable(connection, 'threads')],
  [
    'threads with their tokens',
    () => {
      const threads = describeThreadTable(connection)
      const rows = readTokenRows(threads)
      const bytes = new Map(rows.map(({ id, textBytes }) => [id, textBytes]))
      return pageWithRows(threads, rows, (id) => bytes.get(id) ?? 0)
    },
  ],
  [
    'threads by their time',
    function* () {
      for (const page of readThreads(describeThreadTable(connection), {}, 'updated')) {
        yield page.map(({ thread }) => thread)
      }
    },
  ],
])('pages of %s hold no more text at once than fits into memory, and leave no row out', (_, readPages) => {
  const total = connection.get<{ n: number }>('SELECT count(*) AS n FROM threads')?.n
  const seen = new Set<unknown>()
  for (const page of readPages()) {
    const ids = page.map((row: { readonly id?: unknown }) => row.id)
    expect(ids.filter(isBig).length).toBeLessThanOrEqual(MOST_OF_A_PAGE)
    for (const id of ids) seen.add(id)
  }
  expect(seen.size).toBe(total)
  expect([...seen].filter(isBig)).toHaveLength(BIG_COUNT)
})
