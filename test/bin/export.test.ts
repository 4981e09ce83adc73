import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import { TEST_EVERYTHING } from '../helpers/everything.js'
import { copyHome } from '../helpers/homes.js'
import { runBin, startBin } from '../helpers/spawn.js'

const home = copyHome('codex-0.140.0')
const folder = mkdtempSync(join(tmpdir(), 'codex-state-export-'))
afterAll(() => {
  rmSync(dirname(home), { recursive: true })
  rmSync(folder, { recursive: true })
})

const run = (...args: string[]) => runBin('codex-logs', [...args, '--codex-home', home])

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

describe('codex-logs export', () => {
  test('DuckDB reads from Parquet what query --json prints', async () => {
    const path = join(folder, 'all.parquet')
    expect(await run('export', '-o', path)).toMatchObject({ stdout: '', stderr: '', exitCode: 0 })
    const printed = (await run('query', '--json')).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const columns = 'id, ts, ts_nanos, level, target, body, thread_id, process_uuid, module_path, file, line'
    const rows = await query(`SELECT ${columns}, epoch_us(time) AS us FROM '${path}' ORDER BY id`)
    expect(rows).toHaveLength(printed.length)
    const text = (value: unknown) => (typeof value === 'number' ? String(value) : value)
    expect(rows).toEqual(
      printed
        .toSorted((a, b) => a.id - b.id)
        .map((row) => ({
          ...Object.fromEntries(columns.split(', ').map((name) => [name, text(row[name])])),
          us: String(BigInt(row.ts) * 1_000_000n + BigInt(Math.floor(row.ts_nanos / 1000))),
        })),
    )
  })

  test('NDJSON and CSV are what query prints, and filters hold', async () => {
    for (const [ending, format] of [
      ['ndjson', 'json'],
      ['csv', 'csv'],
    ] as const) {
      const path = join(folder, `some.${ending}`)
      expect(await run('export', '-o', path, '--min-level', 'warn')).toMatchObject({
        stderr: '',
        exitCode: 0,
      })
      const { stdout } = await run('query', '--format', format, '--min-level', 'warn')
      expect(readFileSync(path, 'utf8')).toBe(stdout)
      expect(stdout.split('\n').length).toBeGreaterThan(10)
    }
    const path = join(folder, 'some.parquet')
    await run('export', '-o', path, '--level', 'warn')
    expect(await query(`SELECT DISTINCT level FROM '${path}'`)).toEqual([{ level: 'WARN' }])
  })

  test('--shareable leaves no key and no home folder', async () => {
    const path = join(folder, 'shared.ndjson')
    expect(await run('export', '-o', path, '--shareable')).toMatchObject({ stderr: '', exitCode: 0 })
    const text = readFileSync(path, 'utf8')
    expect(text).not.toMatch(/sk-demo-|\/home\/demo/)
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toHaveLength(5015)
  })

  test('--shareable holds for Parquet too: the same rows, without a key', async () => {
    const [plain, shared] = [join(folder, 'plain.parquet'), join(folder, 'shared.parquet')]
    await run('export', '-o', plain)
    expect(await run('export', '-o', shared, '--shareable')).toMatchObject({ stderr: '', exitCode: 0 })
    const count = (path: string) =>
      query(
        `SELECT count(*) AS n, count(body) AS bodies, count_if(body LIKE '%sk-demo-%') AS keys,
           count_if(body LIKE '%[secret:%') AS secrets, count_if(body LIKE '%/home/demo%') AS homes FROM '${path}'`,
      )
    const [before] = await count(plain)
    const [after] = await count(shared)
    expect(Number(before!.keys)).toBeGreaterThan(0)
    expect(after).toEqual({ ...before, keys: '0', homes: '0', secrets: after!.secrets })
    expect(Number(after!.secrets)).toBeGreaterThanOrEqual(Number(before!.keys))
    const threads = join(folder, 'shared-threads.parquet')
    await runBin('codex-state', ['export', 'threads', '-o', threads, '--shareable', '--codex-home', home])
    const [{ n, cwds }] = (await query(
      `SELECT count(*) AS n, count_if(cwd LIKE '[home]%' AND rollout_path NOT LIKE '%/home/demo%') AS cwds FROM '${threads}'`,
    )) as [{ n: string; cwds: string }]
    expect(Number(n)).toBeGreaterThan(1)
    expect(cwds).toBe(n)
  })

  test.runIf(TEST_EVERYTHING)('bodies of ten megabytes go through a small heap', async () => {
    const path = join(folder, 'big.sqlite')
    const database = new Database(path)
    database.exec(
      `CREATE TABLE logs (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, ts_nanos INTEGER NOT NULL, level TEXT NOT NULL,
         target TEXT NOT NULL, feedback_log_body TEXT, module_path TEXT, file TEXT, line INTEGER);
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
       INSERT INTO logs (id, ts, ts_nanos, level, target, feedback_log_body)
         SELECT i, 1795564800 + i, 0, 'INFO', 'big', i || replace(hex(zeroblob(3400000)), '00', 'é ') FROM n`,
    )
    database.close()
    const target = join(folder, 'big.parquet')
    expect(await runBin('codex-logs', ['export', '-o', target, '--db', path])).toMatchObject({
      stderr: '',
      exitCode: 0,
    })
    expect(await query(`SELECT count(*) AS n, sum(length(body)) AS chars FROM '${target}'`)).toEqual([
      { n: '30', chars: String(30 * 6_800_000 + 9 + 42) },
    ])
    rmSync(path)
  })

  test.each([
    [
      ['-o', join(folder, 'x.xlsx')],
      /^codex-logs: no format is known for .*x\.xlsx\. The file ends in \.ndjson, \.csv, \.parquet\./,
      2,
    ],
    [[], /^codex-logs: missing option: -o <file>/, 2],
    [['-o', join(folder, 'none', 'x.csv')], /cannot write .*x\.csv: its folder does not exist/, 2],
    [['-o', join(folder, 'z.csv'), '--db', join(folder, 'no.sqlite')], /no\.sqlite/, 3],
  ])('%j is refused in one line, and leaves no file', async (args, message, exitCode) => {
    const before = readdirSync(folder).toSorted()
    const ended = await runBin('codex-logs', ['export', '--codex-home', home, ...args])
    expect(ended).toMatchObject({ stdout: '', stderr: expect.stringMatching(message), exitCode })
    expect(readdirSync(folder).toSorted()).toEqual(before)
  })

  test('one that is interrupted leaves no file', async () => {
    const running = startBin('codex-logs', [
      'export',
      '-o',
      join(folder, 'cut.parquet'),
      '--codex-home',
      home,
    ])
    await running.until(() => readdirSync(folder).some((name) => name.includes('cut')))
    await running.end('SIGINT')
    // It may have been done already: then it is whole.
    const left = readdirSync(folder).filter((name) => name.includes('cut'))
    expect(left.filter((name) => name !== 'cut.parquet')).toEqual([])
  })
})

describe('codex-state export', () => {
  const runState = (...args: string[]) => runBin('codex-state', [...args, '--codex-home', home])

  test.each([
    ['threads', ['threads', 'list', '--json'], ''],
    ['tokens', ['tokens', 'list', '--json'], ''],
    ['turns', ['threads', 'turns', 'last', '--json'], 'WHERE thread_id = $newest'],
  ])('%s: DuckDB reads from Parquet what the list prints as JSON', async (what, argv, where) => {
    const path = join(folder, `${what}.parquet`)
    expect(await runState('export', what, '-o', path)).toMatchObject({ stdout: '', exitCode: 0 })
    const printed = JSON.parse((await runState(...argv)).stdout) as Record<string, unknown>[]
    const newest = JSON.parse((await runState('threads', 'list', '-n', '1', '--json=id')).stdout)[0].id
    const rows = await query(`FROM '${path}' ${where.replace('$newest', `'${newest}'`)}`)
    expect(rows.length).toBeGreaterThan(0)
    const inJson = (row: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, withoutForm(value)]))
    expect(rows.map(({ thread_id: _, ...row }) => inJson(row))).toEqual(printed.map(inJson))
  })

  test('NDJSON has the same records, and CSV as many, none of them with a home folder where they are to be shared', async () => {
    const ndjson = join(folder, 'threads.ndjson')
    const csv = join(folder, 'turns.csv')
    expect(await runState('export', 'threads', '-o', ndjson)).toMatchObject({ stdout: '', exitCode: 0 })
    const { stdout } = await runState('threads', 'list', '--json')
    const records = readFileSync(ndjson, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(records).toEqual(JSON.parse(stdout))
    await runState('export', 'turns', '-o', csv, '--shareable')
    const lines = readFileSync(csv, 'utf8').trimEnd().split('\n')
    const [turns] = await query(`SELECT count(*) AS n FROM '${join(folder, 'turns.parquet')}'`)
    expect(lines).toHaveLength(Number(turns!.n) + 1)
    expect(lines[0]).toMatch(/^thread_id,number,id,/)
    expect(lines.join()).not.toContain('/home/demo')
  })

  test('tokens are summed as the list sums them', async () => {
    const path = join(folder, 'sums.ndjson')
    await runState('export', 'tokens', '--by', 'model', '-o', path)
    const { stdout } = await runState('tokens', 'list', '--by', 'model', '--json')
    expect(
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(JSON.parse(stdout))
    expect(await runState('export', 'turns', '--by', 'model', '-o', path)).toMatchObject({
      stderr: expect.stringMatching(/--by goes with tokens/),
      exitCode: 2,
    })
  })
})

/** DuckDB prints 64-bit integers as text, and instants in local time; what is no scalar in JSON is a text of it there. */
function withoutForm(value: unknown): unknown {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  const [, date, time, zone] = /^(\d{4}-\d\d-\d\d) ([\d:.]+)([+-]\d\d)$/.exec(String(value)) ?? []
  return date === undefined ? value : new Date(`${date}T${time}${zone}:00`).toISOString()
}
