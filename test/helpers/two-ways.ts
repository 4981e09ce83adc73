import { expect } from 'vitest'
import { maskMessage } from '../../src/body/mask.js'
import { parseBody } from '../../src/body/parse.js'
import { summarizeRow } from '../../src/body/summary.js'
import { PARSED_FIELDS } from '../../src/cli/logs/output.js'
import { createParsedReader, planParsed } from '../../src/cli/logs/parsed-bytes.js'
import { openBody } from '../../src/cli/logs/read-body.js'
import { createBytesReader, layoutOf, type RecordReader } from '../../src/cli/logs/records.js'
import { createKindsReader } from '../../src/cli/logs/row-kinds.js'
import { createShortReader } from '../../src/cli/logs/short-bytes.js'
import { FORMATS } from '../../src/format/formats.js'
import { createShortFormatter } from '../../src/format/short.js'
import { createUtcTime } from '../../src/format/time.js'
import type { StoredLogRow } from '../../src/model/log.js'
import { LOG_FIELD_NAMES } from '../../src/model/log-records.js'
import { HIGHEST_ID, LOWEST_ID } from '../../src/query/logs/batches.js'
import { readLogRows } from '../../src/query/logs/rows.js'
import { type LogStore, readHighestId, readLowestId } from '../../src/query/logs/store.js'

// What is printed of many rows is made of their bytes, of one row by its values. Both say the same.

const ALL = { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID } as const
const PIECES = FORMATS.json.pieces([...LOG_FIELD_NAMES, ...PARSED_FIELDS])

/** @returns the lines */
export function expectSameShort(store: LogStore, what: string): string {
  const records = createShortReader(store, undefined)(ALL)
  const formatter = createShortFormatter({ time: createUtcTime(), palette: undefined, width: undefined })
  const layout = layoutOf(store)
  const wanted = readLogRows(store, ALL)
    .map((row) =>
      formatter.format(summarizeRow(row, parseBody(row.body, { target: row.target ?? '', ...layout }))),
    )
    .join('')
  expectSameLines(records ? Buffer.from(records.bytes).toString() : '', wanted, what)
  return wanted
}

/** @returns how many rows were not made of bytes */
export function expectSameParsed(store: LogStore, what: string): number {
  const plan = { pieces: PIECES, isRaw: false, styles: undefined }
  const byRow = createBytesReader(store, undefined, plan, openBody)
  let rowsRead = 0
  const counted: RecordReader = (batch) => {
    rowsRead += batch.kind === 'ids' ? batch.ids.length : Number.POSITIVE_INFINITY
    return byRow(batch)
  }
  const byBytes = createParsedReader(store, undefined, planParsed(PIECES)!, counted)
  const [made, wanted] = [byBytes, byRow].map((read) => Buffer.from(read(ALL)?.bytes ?? []).toString())
  expectSameLines(made!, wanted!, what)
  return rowsRead
}

export function expectSameKinds(store: LogStore, what: string): void {
  const layout = layoutOf(store)
  const counts = new Map<string, number>()
  for (const row of readLogRows(store, ALL)) {
    const parsed = parseBody(row.body, { target: row.target ?? '', ...layout })
    const told = Buffer.from(parsed.message ?? parsed.fields.map(({ key }) => key).join(' '))
    // What is long is not cut within a character.
    const begin = told.toString('utf8', 0, 1000)
    const key = keyOf(row, maskMessage(told.length > 1000 ? begin.replace(/\ufffd+$/, '') : begin))
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  // It goes through the ids, so they are not all that there can be.
  const low = readLowestId(store) ?? 0n
  const { kinds, otherCount } = createKindsReader(store)({ kind: 'window', low, high: readHighestId(store) })
  expect(new Map(kinds.map(({ first, message, count }) => [keyOf(first, message), count])), what).toEqual(
    counts,
  )
  expect([kinds.length, otherCount]).toEqual([counts.size, 0])
}

function keyOf({ level, target, file, line }: StoredLogRow, message: string): string {
  return [level, target, file, line, message].join('|')
}

export function expectSameLines(made: string, wanted: string, what: string): void {
  if (made === wanted) return
  const lines = made.split('\n')
  const at = wanted.split('\n').findIndex((line, index) => line !== lines[index])
  expect(lines[at], what).toBe(wanted.split('\n')[at])
}
