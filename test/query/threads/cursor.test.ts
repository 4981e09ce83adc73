import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from '../../../src/query/threads/cursor.js'

const id = '0199aaaa-0000-7000-8000-000000000001'

test.each([
  [`2026-02-05T10:20:30Z|${id}`, Date.UTC(2026, 1, 5, 10, 20, 30)],
  [`2026-02-05T10:20:30.125Z|${id}`, Date.UTC(2026, 1, 5, 10, 20, 30, 125)],
  [`2026-02-05T12:20:30+02:00|${id}`, Date.UTC(2026, 1, 5, 10, 20, 30)],
  [`2026-02-05T10-20-30|${id}`, Date.UTC(2026, 1, 5, 10, 20, 30)],
  [`2026-02-05T10:20:30Z|${id.toUpperCase()}`, Date.UTC(2026, 1, 5, 10, 20, 30)],
])('%s is an anchor', (token, timestampMs) => {
  expect(decodeCursor(token)).toEqual({ timestampMs, id })
})

test.each([
  '',
  '|',
  id,
  '2026-02-05T10:20:30Z',
  `|${id}`,
  `2026-02-05T10:20:30Z|${id}|`,
  '2026-02-05T10:20:30Z|not-a-uuid',
  `yesterday|${id}`,
  `2026-02-05|${id}`,
  `2026-02-05T10:20:30|${id}`,
  `2026-02-05T10-20-30Z|${id}`,
  `2026-13-05T10:20:30Z|${id}`,
])('%j is no anchor', (token) => {
  expect(decodeCursor(token)).toBeUndefined()
})

test('an anchor is written as Codex writes it, and read back', () => {
  const whole = { timestampMs: Date.UTC(2026, 10, 21, 0, 13, 24), id }
  expect(encodeCursor(whole)).toBe(`2026-11-21T00:13:24Z|${id}`)
  expect(decodeCursor(encodeCursor(whole))).toEqual(whole)
  const precise = { timestampMs: Date.UTC(2026, 10, 21, 0, 13, 24, 7), id }
  expect(encodeCursor(precise)).toBe(`2026-11-21T00:13:24.007Z|${id}`)
  expect(decodeCursor(encodeCursor(precise))).toEqual(precise)
})
