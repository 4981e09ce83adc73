import { describe, expect, test } from 'vitest'
import { loadZoneOffset, parseTime } from '../../src/cli/options.js'

/** 2026-02-06T09:16:42.250Z, a Friday; 10:16:42 in Berlin. */
const NOW = 1_770_369_402_250
const DAY = 86_400
/** Midnight of that day, UTC. */
const MIDNIGHT = 1_770_336_000

type Case = [text: string, seconds: number, startNanos: number, endNanos: number]

describe('a time', () => {
  test.each<Case>([
    // RFC 3339
    ['2026-02-06T09:15:02Z', 1_770_369_302, 0, 999_999_999],
    ['2026-02-06t09:15:02z', 1_770_369_302, 0, 999_999_999],
    ['2026-02-06 09:15:02Z', 1_770_369_302, 0, 999_999_999],
    ['2026-02-06T10:15:02+01:00', 1_770_369_302, 0, 999_999_999],
    ['2026-02-06T03:45:02-0530', 1_770_369_302, 0, 999_999_999],
    ['2026-02-06T09:15:02.041Z', 1_770_369_302, 41_000_000, 41_999_999],
    ['2026-02-06T09:15:02,5Z', 1_770_369_302, 500_000_000, 599_999_999],
    ['2026-02-06T09:15:02.041123456Z', 1_770_369_302, 41_123_456, 41_123_456],
    ['2026-02-06T09:15:02.0411234567Z', 1_770_369_302, 41_123_456, 41_123_456],
    ['1969-12-31T23:59:59.9Z', -1, 900_000_000, 999_999_999],
    // In the zone
    ['2026-02-06', MIDNIGHT - 3600, 0, 0],
    ['2026-02-06 10:15', 1_770_369_300, 0, 0],
    ['2026-02-06T10:15', 1_770_369_300, 0, 0],
    ['2026-02-06 10:15:02', 1_770_369_302, 0, 999_999_999],
    ['2026-02-06 10:15:02.25', 1_770_369_302, 250_000_000, 259_999_999],
    ['today', MIDNIGHT - 3600, 0, 0],
    ['yesterday', MIDNIGHT - 3600 - DAY, 0, 0],
    // Unix
    ['0', 0, 0, 999_999_999],
    ['1770369302', 1_770_369_302, 0, 999_999_999],
    ['-1', -1, 0, 999_999_999],
    ['1770369302.041', 1_770_369_302, 41_000_000, 41_999_999],
    ['1770369302041', 1_770_369_302, 41_000_000, 41_999_999],
    ['99999999999', 99_999_999_999, 0, 999_999_999],
    ['100000000000', 100_000_000, 0, 999_999],
    ['-1770369302041', -1_770_369_303, 959_000_000, 959_999_999],
    // Before now
    ['now', 1_770_369_402, 250_000_000, 250_000_000],
    [' now ', 1_770_369_402, 250_000_000, 250_000_000],
    ['0s', 1_770_369_402, 250_000_000, 250_000_000],
    ['90s', 1_770_369_312, 250_000_000, 250_000_000],
    ['10m', 1_770_368_802, 250_000_000, 250_000_000],
    ['2h30m', 1_770_360_402, 250_000_000, 250_000_000],
    ['3d', 1_770_369_402 - 3 * DAY, 250_000_000, 250_000_000],
    ['1w2d', 1_770_369_402 - 9 * DAY, 250_000_000, 250_000_000],
    ['-1h', 1_770_365_802, 250_000_000, 250_000_000],
    ['1hour', 1_770_365_802, 250_000_000, 250_000_000],
    ['2 hours ago', 1_770_362_202, 250_000_000, 250_000_000],
    ['30 min ago', 1_770_367_602, 250_000_000, 250_000_000],
    ['1 week 2 days', 1_770_369_402 - 9 * DAY, 250_000_000, 250_000_000],
    // Today, in the zone
    ['10:15', 1_770_369_300, 0, 0],
    ['9:15', 1_770_365_700, 0, 0],
    ['10:15:02', 1_770_369_302, 0, 999_999_999],
    ['10:15:02.25', 1_770_369_302, 250_000_000, 259_999_999],
  ])('%s', async (text, seconds, startNanos, endNanos) => {
    const context = { nowMs: NOW, zone: undefined }
    expect(await parseTime(text, 'start', context)).toEqual({ seconds, nanos: startNanos })
    expect(await parseTime(text, 'end', context)).toEqual({ seconds, nanos: endNanos })
  })

  test.each([
    '',
    '24:00',
    '10:60',
    '2 hoursago',
    'hours ago',
    'soon',
    '2026-02',
    '2026-02-30',
    '2026-13-01',
    '2026-02-06T',
    '2026-02-06T25:00',
    '2026-02-06 10',
    'Today',
    '5x',
    'm',
    '1.2.3',
    '-0.5',
    '1e9',
    '0x10',
    'NaN',
    '12345678901234567',
    '1770369302041.5',
  ])('%j is none', async (text) => {
    await expect(parseTime(text, 'start', { nowMs: NOW, zone: undefined })).rejects.toMatchObject({
      code: 'USAGE',
      message: `'${text}' is not a time`,
    })
  })

  test('a day in another zone, and on the days when clocks change', async () => {
    const at = (text: string, zone: string | undefined) => parseTime(text, 'start', { nowMs: NOW, zone })
    expect(await at('today', 'Pacific/Kiritimati')).toEqual({ seconds: MIDNIGHT - 14 * 3600, nanos: 0 })
    expect(await at('today', 'utc')).toEqual({ seconds: MIDNIGHT, nanos: 0 })
    const afterChange = { nowMs: Date.parse('2026-03-30T10:00:00Z'), zone: 'Europe/Berlin' }
    expect(await parseTime('yesterday', 'start', afterChange)).toEqual({
      seconds: Date.parse('2026-03-28T23:00:00Z') / 1000,
      nanos: 0,
    })
  })
})

test('zones', async () => {
  const offset = async (zone: string) => (await loadZoneOffset(zone))(NOW)
  expect(await offset('Europe/Berlin')).toBe(60)
  expect(await offset('UTC')).toBe(0)
  expect(await offset('utc')).toBe(0)
  expect(await offset('UTC+5:30')).toBe(330)
  await expect(loadZoneOffset('Mars/Olympus')).rejects.toMatchObject({ code: 'USAGE' })
  await expect(loadZoneOffset('')).rejects.toMatchObject({ code: 'USAGE' })
})
