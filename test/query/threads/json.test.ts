import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { openReadOnly } from '../../../src/db/open-read.js'
import { formatJsonRow } from '../../../src/format/fields.js'
import { THREAD_KIND } from '../../../src/format/thread-fields.js'
import { normalizePath } from '../../../src/model/paths.js'
import type { ThreadFieldName } from '../../../src/model/thread-output.js'
import { isSameFolder } from '../../../src/query/cwd-spellings.js'
import { openTable } from '../../../src/query/databases.js'
import { findSpawnRoots, growSpawnTrees, type SpawnEdge } from '../../../src/query/spawn-tree.js'
import { formatCursor, parseCursor } from '../../../src/query/threads/cursor.js'
import type { ThreadSelection } from '../../../src/query/threads/filter.js'
import { readThreadJson } from '../../../src/query/threads/json.js'
import { compileThreadPage, readThreads } from '../../../src/query/threads/list.js'
import { describeThreadTable } from '../../../src/query/threads/table.js'
import { listDatabases } from '../../../src/schema/files.js'
import { TEST_EVERYTHING } from '../../helpers/everything.js'
import { createHome, LAYOUTS } from '../../helpers/layouts.js'
import { insertThreads, threadId } from '../../helpers/seed.js'

describe.each(LAYOUTS)('on the layout of $name', (layout) => {
  const home = createHome(layout)
  const path = join(home, layout.stateFile)
  insertThreads(path, [{ id: threadId(1) }])
  const table = openTable(listDatabases(home), 'threads')!
  const threads = describeThreadTable(table.connection)
  afterAll(() => table.connection.close())

  test('a list and each of its pages come from an index that is in its order', () => {
    const filters: ThreadSelection[] = [
      {},
      { isArchived: false, listed: 'asCodex' },
      { isArchived: true },
      { providers: ['openai'] },
      { sources: { match: 'stored', values: ['cli'] } },
      { sinceMs: 1_770_000_000_000, isArchived: false },
      { untilMs: 1_770_000_000_000, providers: ['openai'] },
    ]
    const connection = openReadOnly(path)
    for (const filter of filters) {
      for (const cursor of [undefined, { value: 5, id: threadId(1) }]) {
        const { sql, params } = compileThreadPage(threads, filter, 'updated', { cursor, limit: 10 })
        const plan = connection.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params)
        const steps = plan.map(({ detail }) => detail)
        expect(steps[0]).toMatch(/^(SEARCH|SCAN) threads USING INDEX idx_threads_(visible_)?updated_at/)
        expect(steps.join('\n'), JSON.stringify(filter)).not.toContain('TEMP B-TREE FOR ORDER BY')
      }
    }
    connection.close()
  })

  test('every field is the same, written by SQLite and by us', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      fc.constantFrom(
        '',
        '\0',
        '"\\\b\f\n\r\t\x1b\x7f',
        '\u2028\u2029',
        '{"a":[1.0,"\\u00e9"]}',
        '{"a":',
        'cli',
        '1',
      ),
      fc.constant(null),
    )
    const json = fc.oneof(
      { weight: 19, arbitrary: fc.constantFrom('{"a":[1.0,"\\u00e9"]}', '{ "b": "\u2028" }', '{}') },
      { weight: 1, arbitrary: value },
    )
    const time = fc.oneof(
      { weight: 29, arbitrary: fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_999 }) },
      { weight: 1, arbitrary: fc.constantFrom(null, 0, -1, 9e15) },
    )
    const number = fc.oneof(
      fc.integer(),
      fc.constantFrom(0, 1, 1_770_000_000, 1_770_000_000_123, 9e15),
      fc.constant(null),
    )
    const columns = [...table.columns].filter((column) => column !== 'id')
    const info = new Database(path)
    const notNull = new Set(
      (info.pragma('table_info(threads)') as { name: string; notnull: number }[])
        .filter((column) => column.notnull === 1)
        .map(({ name }) => name),
    )
    const isNumeric = (column: string) =>
      /_at(_ms)?$|tokens_used|archived|pinned|position|enabled|has_user_event/.test(column)
    const arbitraryOf = (column: string) => {
      if (/_at_ms$/.test(column)) return time
      if (/_at$/.test(column)) return time.map((epochMs) => epochMs && Math.floor(epochMs / 1000))
      if (/^(sandbox_policy|approval_mode|source)$/.test(column)) return json
      return isNumeric(column) ? number : value
    }
    const row = fc.record(Object.fromEntries(columns.map((column) => [column, arbitraryOf(column)])))
    let comparedCount = 0
    fc.assert(
      fc.property(row, (values) => {
        for (const [column, stored] of Object.entries(values)) {
          if (stored === null && notNull.has(column)) continue
          if (column.endsWith('_id') && column !== 'attached_thread_parent_id') continue
          info.prepare(`UPDATE threads SET "${column}" = ?`).run(stored)
        }
        const fields = THREAD_KIND.fields.map(({ name }) => name as ThreadFieldName)
        const request = {
          filter: {},
          sort: 'updated',
          fields,
          names: new Map([[threadId(1), 'Näme']]),
          cursor: undefined,
          limit: 9,
        } as const
        for (const page of readThreadJson(threads, request)) {
          if (!('bytes' in page)) continue
          comparedCount += 1
          const [listed] = [...readThreads(threads, {}, 'updated')].flat()
          const entry = {
            thread: listed!.thread,
            name: listed!.thread.name ?? 'Näme',
            cursor: formatCursor(listed!, threads, 'updated'),
          }
          expect(Buffer.from(page.bytes).toString()).toBe(
            formatJsonRow(THREAD_KIND, THREAD_KIND.fields, entry, (problem) => {
              throw new Error(problem)
            }),
          )
        }
      }),
      { numRuns: TEST_EVERYTHING ? 100 : 50 },
    )
    expect(comparedCount).toBeGreaterThan(20)
    info.close()
  })

  test.each([
    ['2026-02-02T02:40:00.500Z|0000', 1_770_000_000_500, '0000'],
    ['2026-02-02T03:40:00.500+01:00', 1_770_000_000_500, null],
    ['2026-02-02T02-40-00|ABCD', 1_770_000_000_000, 'abcd'],
  ])('takes the cursor %s', (token, epochMs, id) => {
    const hasMillis = table.columns.has('updated_at_ms')
    expect(parseCursor(token, threads, 'updated')).toEqual({
      value: hasMillis ? epochMs : Math.floor(epochMs / 1000),
      id,
    })
  })
})

test.each([
  ['/srv/demo', '/srv/demo'],
  ['/srv/demo/', '/srv/demo'],
  ['/srv//./demo', '/srv/demo'],
  ['/', '/'],
  ['\\\\?\\C:\\Work', 'c:\\work'],
  ['C:/Work/', 'c:\\work'],
  ['\\\\?\\UNC\\Host\\share\\', '\\\\host\\share'],
  ['//?/c:/Work', 'c:\\work'],
  ['\\\\?\\Volume{AB}\\x', '\\\\?\\volume{ab}\\x'],
  ['\\\\wsl$\\Ubuntu\\home', '\\\\wsl.localhost\\ubuntu\\home'],
  ['', ''],
])('compares the path %s as %s', (path, normal) => {
  expect(normalizePath(path)).toBe(normal)
  expect(isSameFolder(path, normal)).toBe(true)
})

describe('the spawn tree', () => {
  const edge = (parentId: string, childId: string): SpawnEdge => ({ parentId, childId, status: 'open' })
  const shape = (nodes: ReturnType<typeof growSpawnTrees>): unknown[] =>
    nodes.map(({ id, depth, belowCount }) => [id, depth, belowCount])

  test('has a root for each thread that nobody spawned, newest first', () => {
    const edges = [edge('a', 'b'), edge('b', 'c'), edge('a', 'd'), edge('x', 'y')]
    expect(findSpawnRoots(edges)).toEqual(['x', 'a'])
    expect(shape(growSpawnTrees(edges, ['a']))).toEqual([
      ['a', 0, 3],
      ['b', 1, 1],
      ['c', 2, 0],
      ['d', 1, 0],
    ])
  })

  test('ends where threads spawn each other in a circle', () => {
    const edges = [edge('a', 'b'), edge('b', 'a')]
    expect(findSpawnRoots(edges)).toEqual(['a'])
    expect(shape(growSpawnTrees(edges, ['a']))).toEqual([
      ['a', 0, 1],
      ['b', 1, 0],
    ])
  })
})
