import Database from 'better-sqlite3'
import fc from 'fast-check'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { SqlValue } from '../../../src/db/connection.js'
import type { LogFilter } from '../../../src/model/log.js'
import {
  type BatchSource,
  compileBatch,
  HIGHEST_ID,
  idBatches,
  LOWEST_ID,
  matchingBatches,
  newestFirstBatches,
  type Resize,
  readNewestIds,
  windowsAfter,
} from '../../../src/query/logs/batches.js'
import { inParts, readLogRows } from '../../../src/query/logs/rows.js'
import { type LogStore, openLogStore } from '../../../src/query/logs/store.js'
import { listDatabases } from '../../../src/schema/files.js'
import { createLogHome, THREAD_A, THREAD_B } from '../../helpers/log-layouts.js'
import { insertInto, type NewLogRow } from '../../helpers/log-rows.js'

/** Few distinct values, so that filters find something and rows share their times. */
const row: fc.Arbitrary<NewLogRow> = fc.record({
  tsSeconds: fc.integer({ min: 0, max: 30 }),
  tsNanos: fc.constantFrom(0, 1, 500_000_000, 999_999_999),
  level: fc.constantFrom('INFO', 'WARN', 'ERROR'),
  target: fc.constantFrom('alpha', 'beta'),
  body: fc.constantFrom(null, 'one', 'two'),
  threadId: fc.constantFrom(null, THREAD_A, THREAD_B),
})

const instant = fc.record({
  seconds: fc.integer({ min: -1, max: 31 }),
  nanos: fc.constantFrom(0, 1, 499_999_999, 500_000_000, 999_999_999),
})
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const filter: fc.Arbitrary<LogFilter> = fc.record({
  levels: maybe(fc.subarray(['WARN', 'ERROR', 'TRACE'], { minLength: 1 })),
  from: maybe(instant),
  to: maybe(instant),
  target: maybe(
    fc.constantFrom(['alpha'], ['beta', 'gamma']).map((anyOf) => ({ match: 'anyCase', anyOf }) as const),
  ),
  threadIds: maybe(fc.subarray([THREAD_A, THREAD_B], { minLength: 1 })),
  includesThreadless: maybe(fc.boolean()),
  body: maybe(fc.constantFrom(['o'], ['two']).map((anyOf) => ({ match: 'literal', anyOf }) as const)),
})

/** The newest ids that match, oldest of them first: as many batches as that takes. */
function findNewestIds(
  store: LogStore,
  wanted: LogFilter,
  { limit, ...bounds }: { limit: number; afterId?: number; throughId?: number },
): number[] {
  const ids: number[] = []
  for (const batch of newestFirstBatches(store, wanted, bounds)) {
    if (ids.length === limit) break
    ids.push(...readNewestIds(store, batch, wanted, limit - ids.length).map(Number))
  }
  return ids.reverse()
}

/** What the filter means, told row by row. */
function matches(given: NewLogRow, wanted: LogFilter): boolean {
  const time = Number(given.tsSeconds) * 1e9 + Number(given.tsNanos)
  const asks = (wanted.threadIds?.length ?? 0) > 0 || wanted.includesThreadless === true
  return (
    (!wanted.levels || wanted.levels.includes(String(given.level))) &&
    (!wanted.from || time >= wanted.from.seconds * 1e9 + wanted.from.nanos) &&
    (!wanted.to || time <= wanted.to.seconds * 1e9 + wanted.to.nanos) &&
    (!wanted.target || wanted.target.anyOf.includes(String(given.target))) &&
    (!asks ||
      (given.threadId === null
        ? wanted.includesThreadless === true
        : (wanted.threadIds ?? []).includes(String(given.threadId)))) &&
    (!wanted.body || wanted.body.anyOf.some((text) => String(given.body ?? '').includes(text)))
  )
}

const WITHOUT_INDEXES =
  'DROP INDEX idx_logs_ts; DROP INDEX idx_logs_thread_id; DROP INDEX idx_logs_thread_id_ts'

function read(
  store: LogStore,
  source: BatchSource,
  wanted: LogFilter | undefined,
  isReversed: boolean,
): number[] {
  const ids: number[] = []
  const sizes: Resize[] = ['grow', 'shrink', 'shrink', 'keep']
  let turn = 0
  for (let next = source.next(); !next.done; next = source.next(sizes[turn++ % sizes.length])) {
    ids.push(...readLogRows(store, next.value, wanted, isReversed).map(({ id }) => Number(id)))
  }
  return ids
}

describe.each([
  { indexes: 'with Codex’s indexes', amend: '' },
  { indexes: 'without any index', amend: WITHOUT_INDEXES },
])('the rows that are read, $indexes', ({ amend }) => {
  let writer: Database.Database
  let store: LogStore
  let rows: { id: number; row: NewLogRow }[] = []

  beforeAll(() => {
    const { home, path } = createLogHome([])
    writer = new Database(path)
    writer.exec(amend)
    store = openLogStore(listDatabases(home))!
    return () => {
      store.connection.close()
      writer.close()
    }
  })

  /** Rows with gaps in their ids, as pruning leaves them. */
  function fill(given: readonly NewLogRow[]): void {
    writer.exec('DELETE FROM logs')
    insertInto(writer, given)
    const { first } = writer.prepare('SELECT min(id) AS first FROM logs').get() as { first: number }
    writer.prepare('DELETE FROM logs WHERE id % 7 = 3').run()
    rows = given.map((one, index) => ({ id: first + index, row: one })).filter(({ id }) => id % 7 !== 3)
  }

  const sample = fc.array(row, { minLength: 1, maxLength: 60 })

  test('all that match, either way round, from an id and up to one', () => {
    fc.assert(
      fc.property(
        sample,
        filter,
        fc.boolean(),
        fc.nat(40),
        fc.nat(70),
        (given, wanted, isReversed, skip, most) => {
          fill(given)
          const lowest = rows[0]?.id ?? 0
          const [afterId, throughId] = [lowest + skip - 5, lowest + most]
          const expected = rows
            .filter(({ id, row: one }) => id > afterId && id <= throughId && matches(one, wanted))
            .map(({ id }) => id)
          const options = { afterId, throughId, isReversed, windowSize: 4 }
          const found = read(store, matchingBatches(store, wanted, options), wanted, isReversed)
          expect(found).toEqual(isReversed ? expected.reverse() : expected)
        },
      ),
      { numRuns: 300, seed: 20_260_206 },
    )
  })

  test('the newest of them', () => {
    fc.assert(
      fc.property(sample, filter, fc.nat(12), fc.nat(40), fc.nat(70), (given, wanted, limit, skip, most) => {
        fill(given)
        const lowest = rows[0]?.id ?? 0
        const [afterId, throughId] = [lowest + skip - 5, lowest + most]
        const expected = rows
          .filter(({ id, row: one }) => id > afterId && id <= throughId && matches(one, wanted))
          .map(({ id }) => id)
        expect(findNewestIds(store, wanted, { limit, afterId, throughId })).toEqual(
          limit === 0 ? [] : expected.slice(-limit),
        )
      }),
      { numRuns: 300, seed: 20_260_206 },
    )
  })
})

describe('threads merged from the index', () => {
  test('keep their order over many pieces', () => {
    const threads = [null, THREAD_A, null, THREAD_B, THREAD_A]
    const rows = Array.from({ length: 6000 }, (_, n) => ({ threadId: threads[(n * n) % 5] ?? null }))
    const { home } = createLogHome(rows)
    const store = openLogStore(listDatabases(home))!
    const wanted: LogFilter = { threadIds: [THREAD_A], includesThreadless: true }
    const expected = rows.flatMap(({ threadId }, index) => (threadId === THREAD_B ? [] : [index + 1]))
    expect(read(store, matchingBatches(store, wanted), wanted, false)).toEqual(expected)
    const reversed = matchingBatches(store, wanted, { isReversed: true })
    expect(read(store, reversed, wanted, true)).toEqual(expected.toReversed())
    expect(findNewestIds(store, wanted, { limit: 2500 })).toEqual(expected.slice(-2500))
    store.connection.close()
  })
})

describe('batches', () => {
  test('windows have no gap and no overlap where ids have none, whatever their sizes become', () => {
    const store = openStore(10_000)
    const windows = [...take(windowsAfter(store, 10n, 10_000n), ['grow', 'grow', 'keep', 'shrink', 'shrink'])]
    expect(windows[0]).toMatchObject({ low: 11n, high: 522n })
    expect(windows.map(({ low, high }) => Number(high - low) + 1).slice(0, 5)).toEqual([
      512, 1024, 2048, 2048, 1024,
    ])
    for (const [index, { low }] of windows.entries()) {
      expect(low).toBe((windows[index - 1]?.high ?? 10n) + 1n)
    }
    expect(windows.at(-1)?.high).toBe(10_000n)
    expect([...windowsAfter(store, 5n, 5n)]).toEqual([])
    expect([...windowsAfter(store, 5n, 4n)]).toEqual([])
  })

  test('a gap of any width between two ids takes one window', () => {
    const store = openStore(3)
    const writer = new Database(store.file.path)
    const ids = [LOWEST_ID, -(2n ** 53n) - 1n, -7n, 1n, 2n, 3n, 2n ** 40n, 2n ** 53n + 1n, HIGHEST_ID]
    for (const id of ids) {
      writer
        .prepare("INSERT OR IGNORE INTO logs (id, ts, ts_nanos, level, target) VALUES (?, 1, 1, 'I', 't')")
        .run(id)
    }
    writer.close()
    const count = (isReversed: boolean) => {
      const found: bigint[] = []
      let batchCount = 0
      for (const batch of matchingBatches(store, {}, { isReversed })) {
        batchCount++
        found.push(...readLogRows(store, batch, {}, isReversed).map(({ id }) => BigInt(id)))
      }
      expect(batchCount).toBeLessThanOrEqual(ids.length + 1)
      return found
    }
    expect(count(false)).toEqual(ids)
    expect(count(true)).toEqual(ids.toReversed())
    const threadless = [...matchingBatches(store, { includesThreadless: true }, { listSize: 1 })]
    expect(threadless.flatMap((batch) => (batch.kind === 'ids' ? batch.ids.map(BigInt) : []))).toEqual(ids)
  })

  function openStore(rowCount: number): LogStore {
    const store = openLogStore(listDatabases(createLogHome(Array(rowCount).fill({})).home))!
    onTestFinished(() => store.connection.close())
    return store
  }

  test('known ids come a thousand at a time', () => {
    const ids = Array.from({ length: 2001 }, (_, n) => n)
    expect([...idBatches(ids)].map((batch) => (batch.kind === 'ids' ? batch.ids.length : 0))).toEqual([
      1000, 1000, 1,
    ])
  })

  function* take<Batch>(
    source: Generator<Batch, void, Resize | undefined>,
    sizes: Resize[],
  ): Generator<Batch> {
    let turn = 0
    for (let next = source.next(); !next.done; next = source.next(sizes[turn++])) yield next.value
  }
})

describe('query plans', () => {
  let store: LogStore
  let statements: string[]
  let plans: string[]

  beforeAll(() => {
    const rows = Array.from({ length: 3000 }, (_, n) => ({
      tsSeconds: n,
      threadId: n % 3 === 0 ? null : n % 3 === 1 ? THREAD_A : THREAD_B,
    }))
    const { home } = createLogHome(rows)
    store = openLogStore(listDatabases(home))!
    const { all, get } = store.connection
    const explain = (sql: string, params: SqlValue[]) => {
      if (sql.startsWith('EXPLAIN')) return
      statements.push(sql)
      const steps = all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...params)
      plans.push(...steps.map(({ detail }) => detail).filter((detail) => /logs|TEMP B-TREE/.test(detail)))
    }
    store.connection.all = (sql, ...params) => {
      explain(sql, params)
      return all(sql, ...params)
    }
    store.connection.get = (sql, ...params) => {
      explain(sql, params)
      return get(sql, ...params)
    }
    return () => store.connection.close()
  })

  /** The distinct steps of all statements that are run. */
  function plansOf(run: () => unknown): string[] {
    statements = []
    plans = []
    run()
    return [...new Set(plans)].filter((detail) => detail !== 'SEARCH logs').sort()
  }
  const anyOf = (text: string) => ({ match: 'anyCase', anyOf: [text] }) as const
  const all = (wanted: LogFilter) => () => read(store, matchingBatches(store, wanted), wanted, false)
  const newest =
    (wanted: LogFilter, limit = 10) =>
    () =>
      findNewestIds(store, wanted, { limit })

  test('all rows go by ranges of ids', () => {
    expect(plansOf(all({}))).toEqual(['SEARCH logs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'])
    expect(
      plansOf(all({ levels: ['WARN'], target: anyOf('x'), body: anyOf('y'), file: anyOf('z') })),
    ).toEqual(['SEARCH logs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'])
  })

  test('times are bounded by the time index, then go by ranges of ids', () => {
    const wanted = { from: { seconds: 10, nanos: 0 }, to: { seconds: 20, nanos: 0 } }
    const expected = [
      'SEARCH logs USING COVERING INDEX idx_logs_ts (ts>? AND ts<?)',
      'SEARCH logs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)',
    ]
    expect(plansOf(all(wanted))).toEqual(expected)
    expect(plansOf(newest(wanted))).toEqual(expected)
  })

  test('a range of times that holds nothing is not looked through', () => {
    const wanted = { from: { seconds: 90_000, nanos: 0 } }
    expect(plansOf(newest(wanted))).toEqual(['SEARCH logs USING COVERING INDEX idx_logs_ts (ts>?)'])
  })

  test('threads go through their index', () => {
    const expected = [
      'SEARCH logs USING COVERING INDEX idx_logs_thread_id (thread_id=? AND rowid>? AND rowid<?)',
      'SEARCH logs USING INTEGER PRIMARY KEY (rowid=?)',
    ]
    expect(plansOf(newest({ threadIds: [THREAD_A] }))).toEqual(expected)
    expect(plansOf(newest({ includesThreadless: true }))).toEqual(expected)
    expect(plansOf(newest({ threadIds: [THREAD_A, THREAD_B], includesThreadless: true }))).toEqual(expected)
    expect(plansOf(all({ threadIds: [THREAD_A], levels: ['WARN'] }))).toEqual(expected)
  })

  test('the newest rows end the search as soon as they are found', () => {
    expect(plansOf(newest({}))).toEqual(['SEARCH logs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)'])
    const { sql } = compileBatch(store, { kind: 'window', low: 1n, high: 9n })
    const reading = statements.filter(
      (one) => one.includes(sql) && one.endsWith('ORDER BY logs.id DESC LIMIT ?)'),
    )
    expect(reading).toHaveLength(1)
  })

  test('nothing is sorted and nothing is scanned as a whole', () => {
    const wanted = { from: { seconds: 10, nanos: 0 }, threadIds: [THREAD_A], includesThreadless: true }
    const steps = plansOf(() => {
      all(wanted)()
      newest(wanted)()
      all({ to: { seconds: 100, nanos: 0 } })()
      newest({ to: { seconds: 100, nanos: 0 }, levels: ['ERROR'] })()
    })
    expect(steps.filter((detail) => /SEARCH logs/.test(detail)).length).toBeGreaterThan(3)
    expect(steps.filter((detail) => /SCAN logs|TEMP B-TREE/.test(detail))).toEqual([])
  })
})

describe('a batch is parted where its texts are more than may be in memory', () => {
  const BODY_BYTES = 1000
  const store = openLogStore(
    listDatabases(createLogHome(Array(21).fill({ body: 'x'.repeat(BODY_BYTES) })).home),
  )!
  const window = { kind: 'window', low: 1n, high: 21n } as const
  const list = { kind: 'ids', ids: [9, 2, 21, 7, 1, 13, 4] } as const
  const ascending = Array.from({ length: 21 }, (_, index) => index + 1)

  test.each([
    { batch: window, isReversed: false, ids: ascending },
    { batch: window, isReversed: true, ids: ascending.toReversed() },
    { batch: list, isReversed: false, ids: [...list.ids] },
    { batch: list, isReversed: true, ids: [...list.ids] },
  ])('$batch.kind, reversed: $isReversed', ({ batch, isReversed, ids }) => {
    function* one(): BatchSource {
      yield batch
    }
    for (const rowsAtOnce of [0.5, 1.5, 3.5, 100]) {
      const parts = [...inParts(store, one(), { isReversed, maxBytes: rowsAtOnce * BODY_BYTES })].map(
        (part) => readLogRows(store, part, {}, isReversed).map(({ id }) => id),
      )
      expect(parts.flat()).toEqual(ids)
      // One row is never parted, and halves are not smaller than they must be.
      expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(Math.max(1, rowsAtOnce))
      expect(parts.length).toBeLessThanOrEqual(Math.ceil(ids.length / Math.max(0.5, rowsAtOnce)) * 2)
    }
  })
})
