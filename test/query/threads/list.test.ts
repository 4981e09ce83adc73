import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WriteConnection } from '../../../src/db/connection.js'
import { openReadWrite } from '../../../src/db/open-write.js'
import type { ThreadPageQuery } from '../../../src/model/thread-page.js'
import { findRolloutPath, findThread, metadataFromRow } from '../../../src/query/threads/find.js'
import { anchorFromItem, readThreadPage } from '../../../src/query/threads/page.js'
import { describeThreadTable, type ThreadTable } from '../../../src/query/threads/table.js'
import { openThreadTable, type WritableThreadTable } from '../../../src/store/thread-table.js'
import { upsertThread } from '../../../src/store/threads.js'
import { createHome, LAYOUTS } from '../../helpers/layouts.js'
import { sampleMetadata, threadId } from '../../helpers/threads.js'

const SECOND = 1_770_000_000_000

describe.each(LAYOUTS)('threads of $name', (layout) => {
  let db: WriteConnection
  let table: WritableThreadTable
  let threads: ThreadTable
  beforeEach(() => {
    db = openReadWrite(join(createHome(layout), layout.stateFile))
    threads = describeThreadTable(db)
    table = openThreadTable(db, threads.release)
  })
  afterEach(() => db.close())

  const numbers = (query: Partial<ThreadPageQuery> = {}) =>
    readThreadPage(threads, { pageSize: 100, ...query }).items.map(({ id }) => Number(id.slice(-12)))

  test('come newest first by either time, and where it is the same as the release has it', () => {
    upsertThread(table, sampleMetadata(1, { createdAtMs: SECOND, updatedAtMs: SECOND + 9000 }))
    upsertThread(table, sampleMetadata(3, { createdAtMs: SECOND, updatedAtMs: SECOND + 5000 }))
    upsertThread(table, sampleMetadata(2, { createdAtMs: SECOND + 1000, updatedAtMs: SECOND + 20_000 }))
    // By id, and from 0.122 in the order in which the rows were made.
    const expected = threads.release.sortsByTimeAlone ? [2, 1, 3] : [2, 3, 1]
    expect(numbers()).toEqual(expected)
    expect(numbers({ sortKey: 'created_at' })).toEqual(expected)
    expect(numbers({ sortKey: 'updated_at' })).toEqual([2, 1, 3])
  })

  test('pages of any size give every thread once, in order', () => {
    for (let number = 1; number <= 11; number++) {
      // Three to a second, some of them at the same millisecond.
      const createdAtMs = SECOND + Math.floor(number / 3) * 1000 + (number % 2)
      upsertThread(table, sampleMetadata(number, { createdAtMs, updatedAtMs: createdAtMs }))
    }
    for (const sortKey of ['created_at', 'updated_at'] as const) {
      const all = numbers({ sortKey })
      expect(all).toHaveLength(11)
      for (const pageSize of [1, 3, 4, 11, 12]) {
        const seen: number[] = []
        let page = readThreadPage(threads, { pageSize, sortKey })
        for (;;) {
          seen.push(...page.items.map(({ id }) => Number(id.slice(-12))))
          expect(page.numScannedRows).toBe(page.items.length + (page.nextAnchor ? 1 : 0))
          if (!page.nextAnchor) break
          expect(page.nextAnchor).toEqual(anchorFromItem(page.items.at(-1)!, sortKey))
          page = readThreadPage(threads, { pageSize, sortKey, anchor: page.nextAnchor })
        }
        expect(seen).toEqual(all)
      }
    }
  })

  test('are filtered by archive, source, provider and text', () => {
    upsertThread(table, sampleMetadata(1))
    upsertThread(table, sampleMetadata(2, { source: '{"subagent":"review"}', modelProvider: 'acme' }))
    upsertThread(table, sampleMetadata(3, { archivedAtSeconds: 1_770_300_000, title: 'Ärger' }))
    upsertThread(table, sampleMetadata(4, { title: 'Groß 100%' }))
    expect(numbers()).toEqual([4, 2, 1])
    expect(numbers({ archivedOnly: true })).toEqual([3])
    expect(numbers({ allowedSources: ['{"subagent":"review"}', 'exec'] })).toEqual([2])
    // Of the library a source is the stored one: `review` is none.
    expect(numbers({ allowedSources: ['review'] })).toEqual([])
    expect(numbers({ allowedSources: [] })).toEqual([4, 2, 1])
    expect(numbers({ modelProviders: ['openai'] })).toEqual([4, 1])
    expect(numbers({ searchTerm: '100%' })).toEqual([4])
    expect(numbers({ searchTerm: 'groß' })).toEqual([])
    expect(numbers({ searchTerm: '_' })).toEqual([])
    expect(numbers({ searchTerm: 'Ärger', archivedOnly: true })).toEqual([3])
  })

  test('a page of no threads is the last', () => {
    upsertThread(table, sampleMetadata(1))
    for (const pageSize of [0, -5]) {
      expect(readThreadPage(threads, { pageSize })).toEqual({
        items: [],
        nextAnchor: undefined,
        numScannedRows: 1,
      })
    }
  })

  test('without content are not listed, but found', () => {
    upsertThread(
      table,
      sampleMetadata(1, { firstUserMessage: null, preview: null, hasUserEvent: false, title: '' }),
    )
    expect(numbers()).toEqual([])
    expect(findThread(threads, threadId(1))?.id).toBe(threadId(1))
  })

  test('have a rollout path, of the one kind or the other', () => {
    upsertThread(table, sampleMetadata(1, { rolloutPath: '/a' }))
    upsertThread(table, sampleMetadata(2, { rolloutPath: '/b', archivedAtSeconds: 1_770_300_000 }))
    const find = (number: number, archivedOnly?: boolean) =>
      findRolloutPath(threads, threadId(number), archivedOnly)
    expect([find(1), find(1, false), find(1, true)]).toEqual(['/a', '/a', undefined])
    expect([find(2), find(2, false), find(2, true)]).toEqual(['/b', undefined, '/b'])
    expect(find(3)).toBeUndefined()
  })

  test('become the metadata that they were made from, as far as the layout holds it', () => {
    upsertThread(table, sampleMetadata(1))
    const row = findThread(threads, threadId(1))!
    const again = metadataFromRow(row)
    expect(Object.keys(again).sort()).toEqual(Object.keys(sampleMetadata(1)).sort())
    upsertThread(table, again)
    expect(findThread(threads, threadId(1))).toEqual(row)
  })
})
