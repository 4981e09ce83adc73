import { beforeAll, expect, test } from 'vitest'
import { joinBody, type ParsedBody, parseBody } from '../../src/body/parse.js'
import { createBodyScanner } from '../../src/body/scan.js'
import { SPAN_FIELDS } from '../../src/body/vocabulary.js'
import type { StoredLogRow } from '../../src/model/log.js'
import { type HomeLog, readHomeLogs } from '../helpers/home-logs.js'

/**
 * What an independent reading of the same rows counted: rows, rows with a chain, events without a message.
 * Of releases whose rows all come from one home.
 */
const COUNTED: Record<string, readonly [rowCount: number, chains: number, withoutMessage: number]> = {
  'codex-0.93.0': [695, 0, 0],
  '0.111.0-mix': [1775, 0, 0],
  '0.131.0-mix': [1886, 886, 201],
  '0.148.0-mix': [839, 462, 108],
  '0.150.1-mix': [898, 509, 108],
  '0.166.0-mix': [998, 569, 108],
}

interface Parsed {
  row: StoredLogRow
  parsed: ParsedBody
}

let logs: (HomeLog & { read: Parsed[] })[]

beforeAll(() => {
  logs = readHomeLogs().map((log) => ({
    ...log,
    read: log.rows.map((row) => ({
      row,
      parsed: parseBody(row.body, { target: row.target, isMessageOnly: log.isMessageOnly }),
    })),
  }))
}, 60_000)

const isOdd = ({ home }: HomeLog) => home.endsWith('-odd')

/** Of the rows that begin with a span that has a field, or with a known span and a colon. */
function looksLikeChain({ body }: StoredLogRow): boolean {
  const [, name, next] = /^([\w.]+)(\{[\w.]+=|:)/.exec(body ?? '') ?? []
  return next !== undefined && (next !== ':' || (name! in SPAN_FIELDS && /[._]/.test(name!)))
}

test('every chain of every home is read, and the figures are as counted', () => {
  const table: Record<string, Record<string, number | string>> = {}
  for (const log of logs) {
    if (log.isMessageOnly) {
      expect(log.read.filter(({ parsed }) => parsed.spans.length > 0)).toEqual([])
    }
    const chains = log.read.filter(({ parsed }) => parsed.spans.length > 0)
    const expected = log.isMessageOnly ? [] : log.read.filter(({ row }) => looksLikeChain(row))
    const withoutMessage = chains.filter(({ parsed }) => parsed.message === null).length
    const bare = log.read.filter(
      ({ row, parsed }) => row.body !== null && parsed.spans.length === 0 && parsed.message === null,
    ).length
    table[log.home] = {
      rows: log.rows.length,
      'no body': log.rows.filter(({ body }) => body === null).length,
      chains: chains.length,
      read: expected.length === 0 ? '-' : `${((100 * chains.length) / expected.length).toFixed(1)} %`,
      'no message': withoutMessage + bare,
      guesses: log.read.filter(({ parsed }) => parsed.isGuess).length,
    }
    // Bodies that look like a chain and have none.
    expect(expected.filter(({ parsed }) => parsed.spans.length === 0).map(({ row }) => row.body)).toEqual([])
    expect(chains.length).toBe(expected.length)
    const counted = COUNTED[log.home]
    if (counted) expect([log.rows.length, chains.length, withoutMessage + bare]).toEqual(counted)
  }
  console.table(table)
})

test('the parts of every body make the body', () => {
  for (const { read } of logs) {
    for (const { row, parsed } of read) {
      if (row.body !== null && joinBody(parsed) !== row.body) expect(joinBody(parsed)).toBe(row.body)
    }
  }
})

test('the message begins where the quick look says', () => {
  const scanner = createBodyScanner()
  for (const { read, isMessageOnly } of logs) {
    if (isMessageOnly) continue
    for (const { row, parsed } of read) {
      const bytes = Buffer.from(row.body ?? '')
      const event = bytes.subarray(scanner.findEvent(bytes, 0, bytes.length)).toString()
      expect(event === joinBody({ ...parsed, spans: [] })).toBe(true)
    }
  }
})

test('every span and every field of a span is a known one, in homes of odd names too', () => {
  for (const { read } of logs) {
    for (const { row, parsed } of read) {
      for (const { name, fields } of parsed.spans) {
        const known = SPAN_FIELDS[name]?.split(' ')
        const unknown = fields.filter(({ key }) => !known?.includes(key))
        if (unknown.length > 0) expect(unknown, `${name} in ${row.body}`).toEqual([])
      }
    }
  }
})

test('odd folders are read as a whole, marked as guesses', () => {
  const cwds = logs
    .filter(isOdd)
    .flatMap(({ read }) =>
      read.flatMap(({ parsed }) =>
        parsed.spans.flatMap(({ fields }) =>
          fields.filter(({ key }) => key === 'cwd').map(({ value }) => ({ value, isGuess: parsed.isGuess })),
        ),
      ),
    )
  expect(cwds.length).toBeGreaterThan(80)
  expect(new Set(cwds.map(({ value }) => value)).size).toBe(1)
  expect(cwds.every(({ isGuess }) => isGuess)).toBe(true)
})

test('only rows of odd homes and of texts within fields are guesses', () => {
  const guesses = logs
    .filter((log) => !isOdd(log))
    .flatMap(({ read }) => read.filter(({ parsed }) => parsed.isGuess))
  const rowCount = logs.reduce((sum, { rows }) => sum + rows.length, 0)
  expect(guesses.length / rowCount).toBeLessThan(0.0005)
})

test('all rows of a call site are cut alike', () => {
  const disagreeing = new Set<string>()
  for (const { home, read, isMessageOnly } of logs) {
    if (isMessageOnly) continue
    const sites = Map.groupBy(
      read.filter(({ row }) => row.line !== null && row.body !== null),
      ({ row }) => `${home} ${row.target} ${row.line}`,
    )
    for (const [site, rows] of sites) {
      const keys = new Set(rows.flatMap(({ parsed }) => parsed.fields.map(({ key }) => key)))
      const always = [...keys].filter((key) =>
        rows.every(({ parsed }) => parsed.fields.some((field) => field.key === key)),
      )
      // A key that only a few rows have was cut from a text, one within a message or a value was missed.
      for (const { parsed } of rows) {
        const texts = [parsed.message ?? '', ...parsed.fields.map(({ value }) => value)]
        for (const key of always) {
          if (key !== 'thread_id' && texts.some((text) => text.includes(` ${key}=`)))
            disagreeing.add(`${site} ${key}`)
        }
        if ((parsed.message === null) !== (rows[0]!.parsed.message === null)) disagreeing.add(site)
      }
    }
  }
  expect([...disagreeing].filter((site) => !site.includes('-odd'))).toEqual([])
})
