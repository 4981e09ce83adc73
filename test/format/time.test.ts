import fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, test } from 'vitest'
import { createUtcTime, createZonedTime, formatUtcNanos, localOffset } from '../../src/format/time.js'

const SECOND = 1_770_369_302

describe('UTC', () => {
  const { full, clock } = createUtcTime()
  test('milliseconds are cut, not rounded', () => {
    expect(full(SECOND, 41_999_999)).toBe('2026-02-06T09:15:02.041Z')
    expect(full(SECOND, 0)).toBe('2026-02-06T09:15:02.000Z')
    expect(full(-1, 999_999_999)).toBe('1969-12-31T23:59:59.999Z')
  })
  test('time of day', () => {
    expect(clock(SECOND, 5)).toBe('09:15:02')
  })
  test('nanoseconds', () => {
    expect(formatUtcNanos(SECOND, 41_123_456)).toBe('2026-02-06T09:15:02.041123456Z')
  })
  test('the first and the last date, and what lies beyond', () => {
    expect(full(-62_135_596_800, 0)).toBe('0001-01-01T00:00:00.000Z')
    expect(full(253_370_764_799, 0)).toBe('9998-12-31T23:59:59.000Z')
    expect(full(-62_135_596_801, 5)).toBe('-62135596801.000000005Z')
    expect(clock(253_370_764_800, 5)).toBe('253370764800.000000005Z')
    expect(formatUtcNanos(1e15, 5)).toBe('1000000000000000.000000005Z')
  })
  test('impossible nanoseconds', () => {
    expect(formatUtcNanos(0, -5)).toBe('0.-00000005Z')
    expect(formatUtcNanos(0, 1_000_000_000)).toBe('0.1000000000Z')
    expect(full(0, -5)).toBe('0.-00000005Z')
  })
})

describe('in a zone', () => {
  test.each([
    'Europe/Berlin',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Kiritimati',
  ])('%s, over its changes, as luxon writes it', (zone) => {
    const { full, clock } = createZonedTime((ms) => DateTime.fromMillis(ms, { zone }).offset)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000_000 }), fc.nat(999), (seconds, ms) => {
        const time = DateTime.fromMillis(seconds * 1000 + ms, { zone })
        expect(full(seconds, ms * 1_000_000)).toBe(time.toISO({ includeOffset: true }))
        expect(clock(seconds, ms)).toBe(time.toFormat('HH:mm:ss'))
      }),
      { numRuns: 300, seed: 20_260_206 },
    )
  })
  test('the process’s own', () => {
    expect(createZonedTime(localOffset).full(SECOND, 0)).toBe('2026-02-06T10:15:02.000+01:00')
    expect(createZonedTime(localOffset).full(SECOND + 150 * 86_400, 0)).toBe('2026-07-06T11:15:02.000+02:00')
  })
  test('the offset of UTC is Z', () => {
    expect(createZonedTime(() => 0).full(SECOND, 0)).toBe('2026-02-06T09:15:02.000Z')
  })
  test('what is no date', () => {
    expect(createZonedTime(() => 60).full(1e15, 5)).toBe('1000000000000000.000000005Z')
  })
})
