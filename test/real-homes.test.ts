import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatUtcNanos } from '../src/format/time.js'
import { describeFolder } from './helpers/folder.js'
import { copyHome, expectedPath, HOMES, type HomeName, homePath } from './helpers/homes.js'
import { requirePrograms } from './helpers/programs.js'
import { runLogs, runState } from './helpers/run.js'
import { binPath, runBin, startProcess } from './helpers/spawn.js'

/** Where each home keeps its logs, and what the layout calls a body or lacks. */
const OLD = { body: 'message', process: 'NULL' }
const NEW = { body: 'feedback_log_body', process: 'process_uuid' }
const LOGS: Record<HomeName, { file: string; body: string; process: string }> = {
  'codex-0.93.0': { file: 'state.sqlite', ...OLD },
  'codex-0.98.0': { file: 'state_2.sqlite', ...OLD },
  'codex-0.99.0': { file: 'state_4.sqlite', ...OLD },
  'codex-0.100.0': { file: 'state_5.sqlite', ...OLD },
  'codex-0.113.0': { file: 'logs_1.sqlite', body: 'message', process: 'process_uuid' },
  'codex-0.120.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.140.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.140.0-killed': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.169.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.169.0-killed': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.169.0-compressed': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.98.0-then-0.169.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.95.0': { file: 'state.sqlite', ...OLD },
  'codex-0.111.0': { file: 'state_5.sqlite', body: 'message', process: 'process_uuid' },
  'codex-0.125.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.135.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.148.0': { file: 'logs_2.sqlite', ...NEW },
  'codex-0.160.1': { file: 'logs_2.sqlite', ...NEW },
}

interface JsonRow extends Record<string, unknown> {
  ts: number
  ts_nanos: number
}

/** Asks the sqlite3 program, which sees the write-ahead log and may write beside the copy. */
function askSqlite<Row>(path: string, sql: string): Row[] {
  requirePrograms('sqlite3')
  const output = execFileSync('sqlite3', ['-json', path, sql], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  return output === '' ? [] : JSON.parse(output)
}

describe.each(HOMES)('%s', (name) => {
  const { file, body, process } = LOGS[name]
  let home: string
  let copy: string
  let before: Record<string, string>

  beforeAll(() => {
    home = homePath(name)
    copy = copyHome(name)
    before = describeFolder(home)
  })
  afterAll(() => {
    expect(describeFolder(home)).toEqual(before)
    rmSync(copy, { recursive: true })
  })

  test('query --json prints as many lines as there are rows', async () => {
    const { databases } = JSON.parse(
      readFileSync(join(expectedPath(name), 'databases-read-with-sqlite.json'), 'utf8'),
    )
    requirePrograms('bash')
    const line = `'${globalThis.process.execPath}' '${binPath('codex-logs')}' query --json --codex-home '${home}' | wc -l`
    const { stdout } = await startProcess('bash', ['-o', 'pipefail', '-c', line]).end()
    expect(Number(stdout)).toBe(databases[file].tables.logs)
  })

  test('with the content that sqlite3 prints', async () => {
    const rows = askSqlite<JsonRow>(
      join(copy, file),
      `SELECT id, NULL AS time, ts, ts_nanos, level, target, ${body} AS body, thread_id,
         ${process} AS process_uuid, module_path, file, line FROM logs ORDER BY id`,
    )
    const expected = rows.map((row) => ({ ...row, time: formatUtcNanos(row.ts, row.ts_nanos) }))
    const { stdout, exitCode } = await runBin('codex-logs', ['query', '--json', '--codex-home', home])
    const printed = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
    expect(exitCode).toBe(0)
    expect(printed).toEqual(expected)
    expect(Object.keys(printed[0] ?? {})).toEqual(Object.keys(expected[0] ?? {}))
  })

  test('every command leaves the home as it is', async () => {
    const commands = [
      ['where'],
      ['where', '--json'],
      ['tail', '--no-follow'],
      ['tail', '--no-follow', '--backfill', 'all', '--json', '--min-level', 'info'],
      ['query', '-n', '5', '--reverse', '--format', 'csv'],
      ['query', '--since', '2026-01-01', '--until', 'now', '--threadless', '-g', 'error', '-v'],
    ]
    for (const argv of commands) {
      expect(await runLogs([...argv, '--codex-home', home])).toMatchObject({ exitCode: 0 })
      expect(describeFolder(home), argv.join(' ')).toEqual(before)
    }
    expect(await runState(['where', '--codex-home', home])).toMatchObject({ exitCode: 0 })
    expect(describeFolder(home)).toEqual(before)
  })

  test('where names every database with its migrations', async () => {
    const { databases } = JSON.parse(
      readFileSync(join(expectedPath(name), 'databases-read-with-sqlite.json'), 'utf8'),
    ) as {
      databases: Record<string, { bytes: number; wal_bytes: number | null; tables: Record<string, number> }>
    }
    const { stdout } = await runLogs(['where', '--json', '--codex-home', home])
    const found = (JSON.parse(stdout) as Record<string, unknown>[]).map((place) => [
      String(place.path).slice(home.length + 1),
      {
        bytes: place.size_bytes,
        wal_bytes: place.wal_bytes,
        migrations: place.migrations,
        error: place.error,
      },
    ])
    const expected = Object.entries(databases).map(([database, { bytes, wal_bytes, tables }]) => [
      database,
      { bytes, wal_bytes: wal_bytes ?? 0, migrations: tables._sqlx_migrations ?? 0, error: null },
    ])
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected))
  })
})
