import { expect, test } from 'vitest'
import { parseTimestampMs } from '../../src/rollout/timestamp.js'

test.each([
  ['2026-02-05T10:20:30Z', '2026-02-05T10:20:30.000Z'],
  ['2026-02-05T10:20:30.1Z', '2026-02-05T10:20:30.100Z'],
  ['2026-02-05T10:20:30.123999999Z', '2026-02-05T10:20:30.123Z'],
  ['2026-02-05t10:20:30z', '2026-02-05T10:20:30.000Z'],
  ['2026-02-05T10:20:30+02:30', '2026-02-05T07:50:30.000Z'],
  ['2026-02-05T10:20:30-01:00', '2026-02-05T11:20:30.000Z'],
  ['2026-02-05T10-20-30', '2026-02-05T10:20:30.000Z'],
])('the timestamp %s is %s', (text, iso) => {
  expect(parseTimestampMs(text)).toBe(Date.parse(iso))
})

test.each([
  '',
  'yesterday',
  '2026-02-05',
  '2026-02-05T10:20:30',
  '2026-02-05T10-20-30Z',
  '2026-02-31T10:20:30Z',
  '2026-13-01T10:20:30Z',
  '2026-02-05T24-00-00',
])('the timestamp "%s" is none', (text) => {
  expect(parseTimestampMs(text)).toBeNull()
})
