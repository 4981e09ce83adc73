import stringWidth from 'string-width'
import { beforeAll, expect, test } from 'vitest'
import { parseBody } from '../../src/body/parse.js'
import { summarizeRow } from '../../src/body/summary.js'
import { createShortFormatter } from '../../src/format/short.js'
import type { ShortOptions } from '../../src/format/short-line.js'
import { createUtcTime } from '../../src/format/time.js'
import type { LogSummary } from '../../src/model/log-summary.js'
import { readHomeLogs } from '../helpers/home-logs.js'

let logs: { home: string; rows: LogSummary[] }[]

beforeAll(() => {
  logs = readHomeLogs().map(({ home, rows, isMessageOnly }) => ({
    home,
    rows: rows.map((row) => summarizeRow(row, parseBody(row.body, { target: row.target, isMessageOnly }))),
  }))
}, 60_000)

function print(rows: readonly LogSummary[], options: Partial<ShortOptions>): string[] {
  const formatter = createShortFormatter({
    time: createUtcTime(),
    palette: undefined,
    width: 120,
    ...options,
  })
  return (rows.map((row) => formatter.format(row)).join('') + formatter.flush()).split('\n').slice(0, -1)
}

test('every row of every home has a text, and no line is wider than it may be', () => {
  for (const { home, rows } of logs) {
    for (const width of [60, 120]) {
      for (const line of print(rows, { width })) {
        if (line.length > width && stringWidth(line) > width) expect(line, home).toBe('too wide')
        if (/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(line)) expect(line, home).toBe('unsafe')
      }
    }
    // A chain of spans that was not cut off would stand before the message.
    expect(rows.filter(({ text }) => /^(?:session_loop|app_server\.request)\{/.test(text)).length, home).toBe(
      0,
    )
  }
})

test('in a pipe a row without a patch is one line, and holds its whole message', () => {
  for (const { home, rows } of logs) {
    const plain = rows.filter(({ text }) => !text.includes('*** Begin Patch'))
    const lines = print(plain, { width: undefined }).filter((line) => !line.startsWith('──'))
    expect(lines.length, home).toBe(plain.length)
    const bare = plain.findIndex(
      ({ text }, index) => /^[\x21-\x7e]+$/.test(text) && !lines[index]!.includes(text),
    )
    expect(bare, home).toBe(-1)
  }
})
