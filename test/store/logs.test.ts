import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WriteConnection } from '../../src/db/connection.js'
import { openReadWrite } from '../../src/db/open-write.js'
import type { StateError } from '../../src/errors.js'
import type { NewLogRow } from '../../src/model/log.js'
import { queryLogRows, readMaxLogId } from '../../src/query/logs/rows.js'
import { describeLogs } from '../../src/query/logs/store.js'

import { deleteLogsBefore, insertLogs, type LogTable, openLogTable } from '../../src/store/logs.js'
import { startChild } from '../helpers/child.js'
import { createHome, LAYOUTS, type Layout } from '../helpers/layouts.js'

let db: WriteConnection

function openLayout(layout: Layout): LogTable {
  db = openReadWrite(join(createHome(layout), layout.logsFile))
  return openLogTable(db, layout.logsFile.startsWith('logs') ? 'logs' : 'state')
}

afterEach(() => db.close())

function row(changes: Partial<NewLogRow> = {}): NewLogRow {
  return {
    tsSeconds: 1_770_286_830,
    tsNanos: 123_456_789,
    level: 'INFO',
    target: 'codex_core::codex',
    body: 'hällo\nworld',
    threadId: '0199aaaa-0000-7000-8000-000000000001',
    processUuid: 'pid:7:11111111-2222-4333-8444-555555555555',
    modulePath: 'codex_core::codex',
    file: 'core/src/codex.rs',
    line: 42,
    ...changes,
  }
}

function ids(_table: LogTable, query: Parameters<typeof queryLogRows>[1] = {}): number[] {
  return queryLogRows(describeLogs(db), query).map(({ id }) => id)
}

test('a level is stored as it is given', () => {
  const table = openLayout(LAYOUTS.at(-1)!)
  insertLogs(table, [row({ level: 'info' })])
  expect(queryLogRows(describeLogs(db), {}).map(({ level }) => level)).toEqual(['info'])
})

describe.each(LAYOUTS)('logs of $name', (layout) => {
  let table: LogTable
  beforeEach(() => {
    table = openLayout(layout)
  })

  test('a row reads back in every column that the layout has', () => {
    insertLogs(table, [row()])
    const processUuid = table.columns.processUuid === undefined ? null : row().processUuid
    expect(queryLogRows(describeLogs(db), {})).toEqual([{ id: 1, ...row(), processUuid }])
  })

  test('its bytes are those of its texts in UTF-8, where the layout counts them', () => {
    insertLogs(table, [row(), row({ body: null, modulePath: null, file: null })])
    const stored = db.all(`SELECT ${table.sizeColumn ?? 'NULL'} AS bytes FROM logs`)
    expect(stored).toEqual(
      table.sizeColumn
        ? [{ bytes: 12 + 4 + 17 + 17 + 17 }, { bytes: 4 + 17 }]
        : [{ bytes: null }, { bytes: null }],
    )
  })

  test('a batch is stored in its order, whatever its size', () => {
    const rows = Array.from({ length: 900 }, (_, index) => row({ line: index }))
    insertLogs(table, rows)
    insertLogs(table, [])
    expect(queryLogRows(describeLogs(db), {}).map(({ line }) => line)).toEqual(rows.map(({ line }) => line))
  })

  test('a batch with a row that cannot be stored leaves none', () => {
    expect(() => insertLogs(table, [row(), row({ target: null as unknown as string })])).toThrow(
      expect.objectContaining({ name: 'StateError', code: 'INVALID' }),
    )
    expect(ids(table)).toEqual([])
  })

  test('rows before a second are removed, those of it stay', () => {
    insertLogs(table, [row({ tsSeconds: 9, tsNanos: 999_999_999 }), row({ tsSeconds: 10, tsNanos: 0 })])
    expect(deleteLogsBefore(table, 10)).toBe(1)
    expect(ids(table)).toEqual([2])
  })

  test('a filter finds what it says', () => {
    insertLogs(table, [
      row({ tsSeconds: 1, level: 'ERROR', body: 'Alpha', threadId: 'a' }),
      row({ tsSeconds: 2, level: 'WARN', body: 'beta 100%', threadId: null, modulePath: 'codex_tui::app' }),
      row({ tsSeconds: 3, level: 'INFO', body: null, threadId: 'b', modulePath: null, file: null }),
    ])
    const found = (query: Parameters<typeof queryLogRows>[1]) => ids(table, query)
    expect(found({ level: 'error' })).toEqual([1])
    expect(found({ level: 'nonsense' })).toEqual([])
    expect(found({ fromSeconds: 2 })).toEqual([2, 3])
    expect(found({ toSeconds: 2 })).toEqual([1, 2])
    expect(found({ moduleLike: ['TUI', 'nothing'] })).toEqual([2])
    expect(found({ moduleLike: ['codex%app'] })).toEqual([2])
    expect(found({ moduleLike: [''] })).toEqual([1, 2, 3])
    expect(found({ fileLike: ['core/'] })).toEqual([1, 2])
    expect(found({ threadIds: ['a', 'b'] })).toEqual([1, 3])
    expect(found({ threadIds: ['a'], includeThreadless: true })).toEqual([1, 2])
    expect(found({ includeThreadless: true })).toEqual([2])
    expect(found({ threadIds: [''] })).toEqual([1, 2, 3])
    expect(found({ search: 'alpha' })).toEqual([])
    expect(found({ search: 'Alph' })).toEqual([1])
    expect(found({ search: '0%' })).toEqual([2])
    expect(found({ search: '' })).toEqual([1, 2, 3])
    expect(found({ afterId: 1, limit: 1 })).toEqual([2])
    expect(found({ descending: true, limit: 2 })).toEqual([3, 2])
    expect(found({ limit: 0 })).toEqual([])
    expect(found({ limit: -1 })).toEqual([])
  })

  test('the highest id is that of the filter, 0 without rows', () => {
    expect(readMaxLogId(describeLogs(db), {})).toBe(0)
    insertLogs(table, [row({ level: 'WARN' }), row(), row()])
    expect(readMaxLogId(describeLogs(db), {})).toBe(3)
    expect(readMaxLogId(describeLogs(db), { level: 'WARN' })).toBe(1)
    expect(readMaxLogId(describeLogs(db), { level: 'ERROR' })).toBe(0)
  })

  test('a partition keeps its newest 1000 rows in a log database, and all in a state database', () => {
    insertLogs(
      table,
      Array.from({ length: 1003 }, (_, index) => row({ tsSeconds: index })),
    )
    const kept = layout.logsFile.startsWith('logs')
    expect(ids(table).length).toBe(kept ? 1000 : 1003)
    expect(ids(table)[0]).toBe(kept ? 4 : 1)
  })
})

describe('the limits of a partition', () => {
  const layout = LAYOUTS.find(({ name }) => name === '0.140')!
  const mebibyte = 'x'.repeat(1_048_576)

  test('in bytes: newest first by time, then by id, up to 10 MiB; only where rows were added', () => {
    const table = openLayout(layout)
    // Eleven rows of a little over 1 MiB: nine fit. The second is the oldest by time, the first comes after it.
    const rows = Array.from({ length: 11 }, (_, index) =>
      row({ body: mebibyte, tsSeconds: index === 1 ? 0 : 100 }),
    )
    insertLogs(table, rows)
    expect(ids(table)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test('are those of each thread, of each process outside threads, and of the rest', () => {
    const table = openLayout(layout)
    const partitions = [
      { threadId: 'a', processUuid: 'p' },
      { threadId: 'b', processUuid: 'p' },
      { threadId: null, processUuid: 'p' },
      { threadId: null, processUuid: 'q' },
      { threadId: null, processUuid: null },
    ]
    for (const partition of partitions) {
      insertLogs(
        table,
        Array.from({ length: 1001 }, (_, index) => row({ ...partition, tsSeconds: index })),
      )
    }
    expect(
      db.all(
        'SELECT thread_id, process_uuid, count(*) AS n, min(ts) AS oldest FROM logs GROUP BY 1, 2 ORDER BY min(id)',
      ),
    ).toEqual(
      partitions.map(({ threadId, processUuid }) => ({
        thread_id: threadId,
        process_uuid: processUuid,
        n: 1000,
        oldest: 1,
      })),
    )
  })

  test('remove a single row that is larger than all of them', () => {
    const table = openLayout(layout)
    insertLogs(table, [row({ body: mebibyte.repeat(10) })])
    expect(ids(table)).toEqual([])
  })

  test('do not touch partitions that nothing was added to', () => {
    const table = openLayout(layout)
    db.run(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
       INSERT INTO logs (ts, ts_nanos, level, target, thread_id) SELECT i, 0, 'INFO', 't', 'other' FROM n`,
    )
    insertLogs(table, [row()])
    expect(ids(table, { threadIds: ['other'] })).toHaveLength(1500)
  })
})

test('killed in the middle of a batch, it has left none of its rows', async () => {
  const table = openLayout(LAYOUTS.find(({ name }) => name === '0.140')!)
  insertLogs(table, [row()])
  const child = startChild('interrupted-batch', [db.path])
  expect(await child.nextLine()).toBe('in the transaction')
  await child.kill()
  expect(ids(table)).toEqual([1])
  insertLogs(table, [row()])
  expect(ids(table)).toHaveLength(2)
  expect(db.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }])
})

test('a full disk is an error of its own, and leaves the rows that were there', () => {
  const table = openLayout(LAYOUTS.find(({ name }) => name === '0.140')!)
  insertLogs(table, [row()])
  const { page_count: pages } = db.get<{ page_count: number }>('PRAGMA page_count')!
  db.exec(`PRAGMA max_page_count = ${pages + 2}`)
  let failure: StateError | undefined
  try {
    insertLogs(table, [row(), row({ body: 'x'.repeat(100_000) })])
  } catch (error) {
    failure = error as StateError
  }
  expect(failure?.code).toBe('DB_FULL')
  expect(failure?.message).toBe(`cannot write ${db.path}: the disk is full`)
  expect(ids(table)).toEqual([1])
  insertLogs(table, [row({ body: 'short' })])
  expect(ids(table)).toEqual([1, 2])
})
