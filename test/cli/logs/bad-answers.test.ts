import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { copyFixtureHome } from '../../helpers/homes.js'
import { runLogs } from '../../helpers/run.js'

const LOGS = {
  '0.169.0-tools': 'logs_2.sqlite',
  '0.169.0-model': 'logs_2.sqlite',
  '0.140.0-model': 'logs_2.sqlite',
  '0.113.0-tools': 'logs_1.sqlite',
}

type Home = keyof typeof LOGS

/** A home whose log was changed; the statements name the column of bodies as it is today. */
function changedHome(name: Home, statements: readonly string[]): string {
  const home = copyFixtureHome('failures', name)
  const database = new Database(join(home, LOGS[name]))
  const columns = database.pragma('table_info(logs)') as { name: string }[]
  const body = columns.some((column) => column.name === 'message') ? 'message' : 'feedback_log_body'
  for (const sql of statements) database.exec(sql.replaceAll('feedback_log_body', body))
  database.close()
  return home
}

/** The same rows in a table of other columns, or in another order. */
const rebuilt = (columns: string, order = 'id') =>
  `CREATE TABLE changed AS SELECT ${columns} FROM logs ORDER BY ${order}; DROP TABLE logs; ALTER TABLE changed RENAME TO logs`

const ALL = 'ts, ts_nanos, level, target, feedback_log_body, module_path, file, line, thread_id, process_uuid'
const without = (...names: string[]) =>
  rebuilt(
    ALL.split(', ')
      .filter((name) => !names.includes(name))
      .join(', '),
  )

const HOMES: Record<string, string[]> = {
  'damaged rows': [
    `UPDATE logs SET level = x'ff00', target = '' WHERE id % 7 = 0`,
    `UPDATE logs SET feedback_log_body = x'00ff' || feedback_log_body, file = x'80', line = 'x' WHERE id % 11 = 0`,
    `UPDATE logs SET thread_id = x'01', process_uuid = 'pid:x' WHERE id % 13 = 0`,
    `UPDATE logs SET ts = 'soon', ts_nanos = 'x' WHERE id % 17 = 0`,
    `UPDATE logs SET ts = 9e18 WHERE id % 19 = 0; UPDATE logs SET ts = -9e18 WHERE id % 23 = 0`,
    `UPDATE logs SET feedback_log_body = replace(feedback_log_body, '}', '') WHERE id % 5 = 0`,
  ],
  // Not within a silence, of which nobody could tell how long it was.
  'a clock that steps back': ['UPDATE logs SET ts = ts - 3600 WHERE id > (SELECT max(id) / 3 FROM logs)'],
  'two processes with one pid': [
    `UPDATE logs SET process_uuid = 'pid:4711:' || substr(process_uuid, -36);
     INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, process_uuid, estimated_bytes)
     SELECT ts, ts_nanos, 'INFO', 'log', 'told by another', 'pid:4711:00000000-0000-4000-8000-000000000000', 9
     FROM logs WHERE id % 40 = 0`,
  ],
  'rows out of the order of time': [rebuilt(`${ALL}, row_number() OVER (ORDER BY id DESC) AS id`, 'id DESC')],
  'no bodies': [without('feedback_log_body')],
  'no threads': [without('thread_id')],
  'no processes': [without('process_uuid')],
  'no threads, processes and levels': [without('thread_id', 'process_uuid', 'level')],
  'no times': [without('ts', 'ts_nanos')],
  'no rows': ['DELETE FROM logs'],
}

const VERBS = [
  'errors',
  'errors --no-group --notices',
  'errors --by turn',
  'turns last',
  'turns last --items',
  'stuck',
  'stuck --all',
  'mcp',
  'stats',
  'stats --by thread,process',
  'stats --by call-site,hour',
  'stats --histogram',
  'stats --churn',
  'check --max-size 5GB --max-gb-per-day 10 --max-errors 20/1h --stuck 10m',
  'status',
]

/** Runs a verb; whatever it says is an answer. */
async function ask(home: string, verb: string, ...more: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await runLogs([...verb.split(' '), '--codex-home', home, ...more])
  const told = `${verb}: exit ${exitCode}\n${stderr}\n${stdout.slice(0, 1000)}`
  expect([0, 1], told).toContain(exitCode)
  expect(`${stderr}${stdout}`, told).not.toMatch(/unexpected error|undefined|NaN|Invalid time/)
  return stdout
}

const SHOWN = ['errors --explain', 'turns last', 'stuck --all', 'stats --histogram', 'status']

describe.each(Object.entries(HOMES))('of %s', (name, statements) => {
  test.each(
    name === 'damaged rows' || name === 'a clock that steps back'
      ? (['0.169.0-tools', '0.113.0-tools'] as const)
      : (['0.169.0-tools'] as const),
  )('every verb gives an answer over %s', async (fixture) => {
    const home = changedHome(fixture, statements)
    for (const verb of VERBS) expect(JSON.parse(await ask(home, verb, '--json'))).toBeTypeOf('object')
    for (const verb of SHOWN) await ask(home, verb)
    rmSync(home, { recursive: true })
  })
})

test('neither the clock, nor the order of rows, nor a pid that was given twice changes what failed', async () => {
  const failures = async (home: string) => {
    const rows: { name: string; turn_id: string }[] = JSON.parse(
      await ask(home, 'errors --no-group', '--json'),
    )
    rmSync(home, { recursive: true })
    return rows.map(({ name, turn_id }) => `${name} ${turn_id}`).sort()
  }
  for (const fixture of ['0.169.0-model', '0.140.0-model'] as const) {
    const expected = await failures(changedHome(fixture, []))
    expect(expected.length).toBeGreaterThan(15)
    for (const name of [
      'a clock that steps back',
      'two processes with one pid',
      'rows out of the order of time',
    ]) {
      expect(await failures(changedHome(fixture, HOMES[name]!)), `${fixture} ${name}`).toEqual(expected)
    }
  }
})

test('no time that passed is below 0 where the clock was set back', async () => {
  const home = changedHome('0.169.0-model', HOMES['a clock that steps back']!)
  const turns: Record<string, number | null>[] = JSON.parse(await ask(home, 'turns last', '--json'))
  expect(turns.length).toBeGreaterThan(5)
  const spans = [
    'duration_ms',
    'first_token_ms',
    'server_wait_ms',
    'answer_ms',
    'tool_ms',
    'preparing_ms',
    'silence_ms',
  ]
  for (const turn of turns) {
    for (const span of spans) expect(turn[span] ?? 0, `${turn.number} ${span}`).toBeGreaterThanOrEqual(0)
  }
  rmSync(home, { recursive: true })
})
