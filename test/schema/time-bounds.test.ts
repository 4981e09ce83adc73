import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { SMALLEST_MILLIS, THREAD_TABLE, timeBoundSql, toEpochMs } from '../../src/schema/threads.js'

const NOW = 1_770_000_000_000

const COLUMNS = ['updated_at', 'updated_at_ms'] as const

function openTable(column: string, stored: readonly number[]): Database.Database {
  const db = new Database(':memory:')
  db.exec(`CREATE TABLE ${THREAD_TABLE} (id INTEGER PRIMARY KEY, ${column} INTEGER);
    CREATE INDEX times ON ${THREAD_TABLE} (${column} DESC)`)
  for (const value of stored) db.prepare(`INSERT INTO ${THREAD_TABLE} (${column}) VALUES (?)`).run(value)
  return db
}

test.each(COLUMNS)('rows of %s are found by the instant that is meant, in either unit', (column) => {
  const seconds = [0, 1, NOW / 1000 - 1, NOW / 1000, NOW / 1000 + 1, SMALLEST_MILLIS / 1000]
  const millis = [NOW - 1000, NOW - 1, NOW, NOW + 1, NOW + 1000, SMALLEST_MILLIS - 1, SMALLEST_MILLIS]
  const instants = [0, 1500, NOW, NOW - 1, NOW + 1, NOW + 500, SMALLEST_MILLIS, SMALLEST_MILLIS - 1]
  for (const stored of [seconds, millis, [...seconds, ...millis], []]) {
    const db = openTable(column, stored)
    for (const bound of ['notBefore', 'notAfter'] as const) {
      for (const instant of instants) {
        const { sql, params } = timeBoundSql(column, bound, instant)
        const found = db.prepare(`SELECT ${column} FROM ${THREAD_TABLE} WHERE ${sql}`).pluck().all(params)
        const expected = stored.filter((value) => {
          const epochMs = toEpochMs(value, column)
          return bound === 'notBefore' ? epochMs >= instant : epochMs <= instant
        })
        expect(found.sort(), `${bound} ${instant}`).toEqual(expected.toSorted())
      }
    }
    db.close()
  }
})

test.each(COLUMNS)('a bound of %s is a range of its index', (column) => {
  const db = openTable(column, [])
  for (const bound of ['notBefore', 'notAfter'] as const) {
    const { sql, params } = timeBoundSql(column, bound, NOW)
    const plan = db
      .prepare(`EXPLAIN QUERY PLAN SELECT id FROM ${THREAD_TABLE} WHERE ${sql} ORDER BY ${column} DESC`)
      .all(params) as { detail: string }[]
    expect(plan.map(({ detail }) => detail.split(' ')[0])).not.toContain('SCAN')
    expect(plan[0]?.detail).toMatch(/^SEARCH threads USING (COVERING )?INDEX times \(/)
  }
  db.close()
})
