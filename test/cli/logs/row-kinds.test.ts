import { expect, test } from 'vitest'
import { maskMessage } from '../../../src/body/mask.js'
import { BODY_FIELD_NAMES, placesBefore, readBodyField } from '../../../src/body/meanings.js'
import { parseBody } from '../../../src/body/parse.js'
import { layoutOf } from '../../../src/cli/logs/records.js'
import { createKindsReader } from '../../../src/cli/logs/row-kinds.js'
import { readLogRows } from '../../../src/query/logs/rows.js'
import { readHighestId, readLowestId } from '../../../src/query/logs/store.js'
import { visitHomeLogs } from '../../helpers/home-logs.js'

test('of every home the kinds counted in bytes are those of its rows, and a value stands after one of its signs', () => {
  visitHomeLogs((store, name) => {
    const low = readLowestId(store)
    if (low === undefined) return
    const all = { kind: 'window', low, high: readHighestId(store) } as const
    const counts = new Map<string, number>()
    for (const row of readLogRows(store, all)) {
      const parsed = parseBody(row.body, { target: row.target ?? '', ...layoutOf(store) })
      const told = Buffer.from(parsed.message ?? parsed.fields.map(({ key }) => key).join(' '))
      const message = maskMessage(told.toString('utf8', 0, 1000).replace(/\ufffd+$/, ''))
      const key = [row.level, row.target, row.file, row.line, message].join('|')
      counts.set(key, (counts.get(key) ?? 0) + 1)
      for (const field of BODY_FIELD_NAMES.filter((one) => placesBefore(one))) {
        const value = readBodyField(parsed, field)
        if (typeof value !== 'string' || !/^[\w./:-]+$/.test(value)) continue
        const isAfterSign = placesBefore(field)!.some((sign) => row.body!.includes(sign + value))
        if (!isAfterSign) expect(`${field}: ${row.body}`, name).toBe('after a sign')
      }
    }
    const { kinds, otherCount } = createKindsReader(store)(all)
    const found = kinds.map(({ first, message, count }) => [
      [first.level, first.target, first.file, first.line, message].join('|'),
      count,
    ])
    expect(new Map(found as [string, number][]), name).toEqual(counts)
    expect([found.length, otherCount]).toEqual([counts.size, 0])
  })
}, 60_000)
