import { expect, test } from 'vitest'
import { BODY_FIELD_NAMES, placesBefore, readBodyField } from '../../../src/body/meanings.js'
import { parseBody } from '../../../src/body/parse.js'
import { layoutOf } from '../../../src/cli/logs/records.js'
import { HIGHEST_ID, LOWEST_ID } from '../../../src/query/logs/batches.js'
import { readLogRows } from '../../../src/query/logs/rows.js'
import { visitHomeLogs } from '../../helpers/home-logs.js'
import { expectSameKinds } from '../../helpers/two-ways.js'

const ALL = { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID } as const
const FIELDS = BODY_FIELD_NAMES.filter((one) => placesBefore(one))

test('of every home the kinds counted in bytes are those of its rows', () => {
  visitHomeLogs(expectSameKinds)
}, 60_000)

test('of every home a value stands after one of its signs', () => {
  visitHomeLogs((store, name) => {
    for (const row of readLogRows(store, ALL)) {
      const parsed = parseBody(row.body, { target: row.target ?? '', ...layoutOf(store) })
      for (const field of FIELDS) {
        const value = readBodyField(parsed, field)
        if (typeof value !== 'string' || !/^[\w./:-]+$/.test(value)) continue
        const isAfterSign = placesBefore(field)!.some((sign) => row.body!.includes(sign + value))
        if (!isAfterSign) expect(`${field}: ${row.body}`, name).toBe('after a sign')
      }
    }
  })
}, 60_000)
