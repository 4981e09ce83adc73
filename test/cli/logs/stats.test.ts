import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { STATS_GROUPS } from '../../../src/model/log-stats.js'
import { copyFixtureHome, copyHome } from '../../helpers/homes.js'
import {
  createLogHome,
  LOG_LAYOUTS,
  NEWEST_LAYOUT,
  SAMPLE_ROWS,
  T,
  THREAD_A,
} from '../../helpers/log-layouts.js'
import { insertInto } from '../../helpers/log-rows.js'
import { runLogs } from '../../helpers/run.js'

async function readJson(home: string, ...argv: string[]) {
  const { stdout, stderr, exitCode } = await runLogs(['stats', '--json', '--codex-home', home, ...argv])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  return JSON.parse(stdout)
}

/** What each group is in plain SQL, from a home of 0.140. */
const GROUPS_IN_SQL: Record<(typeof STATS_GROUPS)[number], string> = {
  level: 'level',
  target: 'target',
  'call-site': `coalesce(file || ':' || line, target)`,
  module: 'module_path',
  file: 'file',
  thread: 'thread_id',
  process: 'process_uuid',
  hour: `strftime('%Y-%m-%dT%H:00:00.000Z', ts, 'unixepoch')`,
  day: `strftime('%Y-%m-%dT00:00:00.000Z', ts, 'unixepoch')`,
}

describe('the sums', () => {
  const home = copyFixtureHome('failures', '0.140.0-model')
  const path = join(home, 'logs_2.sqlite')
  const inSql = (group: string) => {
    const database = new Database(path, { readonly: true })
    try {
      return database
        .prepare(
          `SELECT ${group} AS key, count(*) AS rows, sum(estimated_bytes) AS size_bytes FROM logs GROUP BY 1`,
        )
        .all() as Record<string, unknown>[]
    } finally {
      database.close()
    }
  }

  test.each(STATS_GROUPS)('by %s are those of SQL', async (group) => {
    const found: Record<string, unknown>[] = await readJson(home, '--by', group)
    const name = Object.keys(found[0]!)[0]!
    const byKey = (a: { key: unknown }, b: { key: unknown }) => (String(a.key) < String(b.key) ? -1 : 1)
    expect(
      found.map((row) => ({ key: row[name], rows: row.rows, size_bytes: row.size_bytes })).sort(byKey),
    ).toEqual((inSql(GROUPS_IN_SQL[group]) as { key: unknown }[]).sort(byKey))
  })

  test('have shares that are one together, by two things at once too', async () => {
    const found: { row_share: number; byte_share: number }[] = await readJson(
      home,
      '--by',
      'target',
      '--by',
      'level',
    )
    expect(Object.keys(found[0]!).slice(0, 2)).toEqual(['target', 'level'])
    expect(found.reduce((sum, row) => sum + row.row_share, 0)).toBeCloseTo(1, 3)
    expect(found.reduce((sum, row) => sum + row.byte_share, 0)).toBeCloseTo(1, 3)
    expect(await readJson(home, '--by', 'target,level')).toEqual(found)
  })

  test('of a histogram are those of all rows, span by span', async () => {
    const spans: Record<string, number | string>[] = await readJson(home, '--histogram')
    expect(spans.length).toBeLessThanOrEqual(40)
    for (const [at, span] of spans.entries()) {
      const levels = ['error', 'warn', 'info', 'debug', 'trace'].map((name) => Number(span[name]))
      expect(levels.reduce((sum, n) => sum + n, 0)).toBe(span.rows)
      expect(at === 0 ? span.from : spans[at - 1]!.until).toBe(span.from)
    }
    const [all] = inSql("'all'")
    expect(spans.reduce((sum, { rows }) => sum + Number(rows), 0)).toBe(all!.rows)
  })

  test('are of the rows that a filter selects', async () => {
    const [all] = await readJson(home, '--level', 'warn')
    const { stdout } = await runLogs(['query', '--level', 'warn', '--json', '--codex-home', home])
    expect(all).toMatchObject({ level: 'WARN', rows: stdout.trim().split('\n').length })
    const spans: { rows: number }[] = await readJson(home, '--level', 'warn', '--histogram')
    expect(spans.reduce((sum, { rows }) => sum + rows, 0)).toBe(all.rows)
  })

  test('tell how much was written and pruned', async () => {
    expect(await readJson(home, '--churn')).toMatchObject([
      { database: path, written: 5043, kept: 2112, pruned: 2931 },
    ])
  })
})

test.each(LOG_LAYOUTS.map((layout) => [layout.name, layout] as const))(
  'every layout is summed up by everything: %s',
  async (_name, layout) => {
    const { home, hasThreads } = createLogHome(SAMPLE_ROWS, layout)
    for (const group of STATS_GROUPS) {
      const found: { rows: number }[] = await readJson(home, '--by', group)
      expect(found.reduce((sum, { rows }) => sum + rows, 0)).toBe(SAMPLE_ROWS.length)
    }
    const threads: { thread_id: string | null }[] = await readJson(home, '--by', 'thread')
    expect(threads.some(({ thread_id }) => thread_id === THREAD_A)).toBe(hasThreads)
  },
)

test('times before 1970 belong to the hour that they are in', async () => {
  const { home } = createLogHome([{ tsSeconds: -1 }, { tsSeconds: -3600 }, { tsSeconds: 0 }])
  const found = await readJson(home, '--by', 'hour')
  expect(found.map(({ hour, rows }: { hour: string; rows: number }) => [hour, rows])).toEqual([
    ['1969-12-31T23:00:00.000Z', 2],
    ['1970-01-01T00:00:00.000Z', 1],
  ])
})

describe('on a terminal', () => {
  const look = { isTerminal: true, columns: 100, env: { NO_COLOR: '1' }, now: (T + 60) * 1000 }

  test('a histogram has bars of levels that fit into the width, and shows levels that are rare', async () => {
    const rows = Array.from({ length: 300 }, (_, at) => ({
      tsSeconds: T + (at % 3),
      level: at === 4 ? 'ERROR' : at % 3 === 0 ? 'INFO' : 'TRACE',
    }))
    const { home } = createLogHome(rows)
    const { stdout } = await runLogs(['stats', '--histogram', '--codex-home', home], look)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[0]).toContain('█ error ▓ warn')
    expect(lines.every((line) => line.length <= 100)).toBe(true)
    expect(lines[2]).toMatch(/ 100 {6}1 {5}0 {2}█·+$/)
    // Seconds stand in each line or in none.
    const { home: onTheMinute } = createLogHome([{ tsSeconds: 59 }, { tsSeconds: 60 }, { tsSeconds: 61 }])
    const { stdout: seconds } = await runLogs(['stats', '--histogram', '--codex-home', onTheMinute], look)
    expect(seconds.match(/^1970\S* \S+/gm)).toEqual([
      '1970-01-01 00:00:59',
      '1970-01-01 00:01:00',
      '1970-01-01 00:01:01',
    ])
  })

  test('each group has its line of rows over time, and the whole its churn', async () => {
    const home = copyFixtureHome('failures', '0.140.0-model')
    const { stdout } = await runLogs(['stats', '--codex-home', home], look)
    const [heading, ...lines] = stdout.trimEnd().split('\n')
    expect(heading).toMatch(/^LEVEL +ROWS +SHARE +SIZE +OF SIZE +FIRST +LAST +OVER TIME$/)
    expect(lines.filter((line) => /[▁▂▃▄▅▆▇█]/.test(line))).toHaveLength(4)
    expect(lines.at(-1)).toMatch(/^2,112 rows, .*5,043 ever written, 2,931 pruned; file /)
  })
})

describe('a sample', () => {
  test('measures what is written while it looks, by level and target', async () => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    const database = new Database(path)
    const writer = setInterval(() => {
      insertInto(database, [
        { level: 'TRACE', target: 'a', body: 'x'.repeat(100) },
        { level: 'INFO', target: 'b', body: 'x' },
      ])
    }, 50)
    try {
      const { stdout, exitCode } = await runLogs([
        'stats',
        '--sample',
        '1200ms',
        '--json',
        '--codex-home',
        home,
      ])
      const sample = JSON.parse(stdout)
      expect(exitCode).toBe(0)
      expect(
        sample.groups.map(({ level, target }: Record<string, string>) => [level, target]).sort(),
      ).toEqual([
        ['INFO', 'b'],
        ['TRACE', 'a'],
      ])
      expect(sample.rows).toBe(sample.groups[0].rows + sample.groups[1].rows)
      expect(sample.unseen_rows).toBe(0)
    } finally {
      clearInterval(writer)
      database.close()
    }
  })

  test('that is interrupted prints what it has, and counts what was pruned before it was seen', async () => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    const controller = new AbortController()
    const database = new Database(path)
    setTimeout(() => {
      insertInto(database, [{ body: 'seen' }, { body: 'gone' }])
      database.exec(`DELETE FROM logs WHERE feedback_log_body = 'gone'`)
      database.close()
    }, 50)
    setTimeout(() => controller.abort('SIGINT'), 900)
    const { stdout, exitCode } = await runLogs(['stats', '--sample', '1h', '--json', '--codex-home', home], {
      signal: controller.signal,
    })
    expect(JSON.parse(stdout)).toMatchObject({ rows: 1, unseen_rows: 1 })
    expect(exitCode).toBe(130)
  })

  test('whose database is replaced prints what it had by then, and why it ended', async () => {
    const { home, path } = createLogHome(SAMPLE_ROWS)
    const database = new Database(path)
    setTimeout(() => {
      insertInto(database, [{ body: 'seen' }])
      database.close()
    }, 50)
    setTimeout(() => renameSync(createLogHome(SAMPLE_ROWS).path, path), 900)
    const argv = ['stats', '--sample', '1m', '--json', '--codex-home', home]
    const { stdout, stderr, exitCode } = await runLogs(argv)
    expect(JSON.parse(stdout)).toMatchObject({ rows: 1 })
    expect(stderr).toContain('was replaced by another file')
    expect(exitCode).toBe(1)
  })
})

test.each([
  [['--by', 'colour'], 'cannot sum up by'],
  [['--by', 'level', '--by', 'target', '--by', 'day'], 'one or two'],
  [['--by', 'level,level'], 'one or two'],
])('%j is refused', async (argv, says) => {
  const { stderr, exitCode } = await runLogs(['stats', ...argv, '--codex-home', copyHome('codex-0.169.0')])
  expect(stderr).toContain(says)
  expect(exitCode).toBe(2)
})

test('a home without a log is told as such, and an empty log has no groups', async () => {
  const { home, path } = createLogHome([], NEWEST_LAYOUT)
  expect(await readJson(home)).toEqual([])
  expect(await readJson(home, '--histogram')).toEqual([])
  rmSync(path)
  expect(await runLogs(['stats', '--codex-home', home])).toMatchObject({ stdout: '', exitCode: 3 })
})
