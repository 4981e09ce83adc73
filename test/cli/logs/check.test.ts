import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseSize, parseSpan } from '../../../src/cli/flags.js'
import { copyFixtureHome } from '../../helpers/homes.js'
import { openTurn, startIdle } from '../../helpers/live-log.js'
import { createLogHome, LOG_LAYOUTS, SAMPLE_ROWS, T } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'

async function check(home: string, now: number, ...argv: string[]) {
  const { stdout, exitCode } = await runLogs(['check', '--json', '--codex-home', home, ...argv], { now })
  return { rows: JSON.parse(stdout), exitCode }
}

describe('a threshold', () => {
  const home = copyFixtureHome('failures', '0.140.0-model')
  const endMs = Date.parse('2026-11-25T14:58:30Z')

  test('of the size counts the database with its WAL', async () => {
    const size = statSync(join(home, 'logs_2.sqlite')).size
    expect(await check(home, endMs, '--max-size', String(size), '--max-wal', '1MB')).toMatchObject({
      rows: [
        { result: 'ok', check: 'max-size', value: size, limit: size },
        { result: 'ok', check: 'max-wal', limit: 1_000_000 },
      ],
      exitCode: 0,
    })
    expect(await check(home, endMs, '--max-size', String(size - 1))).toMatchObject({
      rows: [{ result: 'FAILED' }],
      exitCode: 1,
    })
  })

  test('of growth counts what was written in a day, pruned or not', async () => {
    const { rows, exitCode } = await check(home, endMs, '--max-gb-per-day', '1')
    expect(exitCode).toBe(0)
    // 5,043 rows were written; those up to the first that is left are not seen to be of this day.
    expect(rows[0].says).toMatch(/^about \d\.\d MB in 5,0\d\d rows in the last 24 hours, at most 1\.0 GB$/)
    expect(await check(home, endMs, '--max-gb-per-day', '0.001')).toMatchObject({ exitCode: 1 })
    expect(await check(home, endMs + 2 * 86_400_000, '--max-gb-per-day', '0')).toMatchObject({
      rows: [{ result: 'ok', value: 0 }],
      exitCode: 0,
    })
  })

  test('of failures counts what was not done, whatever its level', async () => {
    const { rows } = await check(home, endMs, '--max-errors', '0/1h')
    expect(rows[0]).toMatchObject({ result: 'FAILED', check: 'max-errors', limit: 0 })
    expect(rows[0].value).toBeGreaterThan(10)
    expect(await check(home, endMs, '--max-errors', `${rows[0].value}/1h`)).toMatchObject({ exitCode: 0 })
    expect(await check(home, endMs + 86_400_000, '--max-errors', '0/1h')).toMatchObject({
      rows: [{ value: 0 }],
      exitCode: 0,
    })
  })

  test('of stuck threads is that of stuck', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home: live } = createLogHome(openTurn(ms, uuid))
    expect(await check(live, ms + 60_000, '--stuck', '10m')).toMatchObject({
      rows: [{ result: 'ok', says: 'no thread is stuck for 10m' }],
      exitCode: 0,
    })
    expect(await check(live, ms + 900_000, '--stuck', '10m')).toMatchObject({
      rows: [{ result: 'FAILED', says: '1 thread stuck, the longest for 14m 50s' }],
      exitCode: 1,
    })
  })
})

test.each(LOG_LAYOUTS.map((layout) => [layout.name, layout] as const))(
  'on every layout each threshold has an answer, and one that is not known is no ok: %s',
  async (_name, layout) => {
    const { home, hasProcesses } = createLogHome(SAMPLE_ROWS, layout)
    const { rows, exitCode } = await check(
      home,
      (T + 60) * 1000,
      ...[
        '--max-size',
        '1GB',
        '--max-wal',
        '1GB',
        '--max-gb-per-day',
        '1',
        '--max-errors',
        '9/1h',
        '--stuck',
        '1h',
      ],
    )
    expect(rows.map(({ result }: { result: string }) => result)).toEqual([
      ...['ok', 'ok', 'ok', 'ok'],
      hasProcesses ? 'ok' : 'unknown',
    ])
    expect(exitCode).toBe(hasProcesses ? 0 : 1)
  },
)

test('without a threshold the values are told alone', async () => {
  const { home } = createLogHome(SAMPLE_ROWS)
  const { rows, exitCode } = await check(home, T * 1000)
  expect(rows.map(({ result, check, limit }: Record<string, unknown>) => [result, check, limit])).toEqual([
    ['no limit', 'max-size', null],
    ['no limit', 'max-wal', null],
    ['no limit', 'max-gb-per-day', null],
  ])
  expect(exitCode).toBe(0)
})

test.each([
  ['5GB', 5e9],
  ['500MiB', 500 * 1024 ** 2],
  ['1.5 g', 1.5e9],
  ['100', 100],
])('%s is a size of %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each([
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['10 min', 600_000],
  ['250ms', 250],
])('%s is a span of %d ms', (text, ms) => {
  expect(parseSpan(text)).toBe(ms)
})

test.each(['', 'x', '5', '1h later', '-1h', '1h 2'])('%j is no span', (text) => {
  expect(() => parseSpan(text)).toThrow('span of time')
})

test.each(['', 'GB', '5 XB', '-1', '5constructor'])('%j is no size', (text) => {
  expect(() => parseSize(text)).toThrow('a size')
})
