import { appendFileSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { beforeAll, expect, test } from 'vitest'
import { expectedNames, isInTheLog, readExpected } from '../../helpers/failures.js'
import { copyFixtureHome, copyHome, fixtureNames } from '../../helpers/homes.js'
import { createLogHome, PROCESS_41, PROCESS_412, T } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'

interface FoundFailure {
  name: string | null
  severity: string
  message: string
  ends_turn: boolean
  turn_id: string | null
  row_ids: number[]
  title: string
}

async function readErrors(home: string, ...flags: string[]) {
  const { stdout, stderr } = await runLogs(['errors', '--json', '--codex-home', home, ...flags])
  return { rows: JSON.parse(stdout), stderr }
}

/** Of every home of failures: what `errors` lists one by one, in the order of time. */
const found = new Map<string, FoundFailure[]>()

beforeAll(async () => {
  for (const name of fixtureNames('failures')) {
    const home = copyFixtureHome('failures', name)
    // Its databases may be in a folder that is only there on the machine where it was made.
    const db = name.includes('-full') ? ['--db', `${home}/logs_2.sqlite`] : []
    found.set(name, (await readErrors(home, '--no-group', '--notices', ...db)).rows)
    rmSync(home, { recursive: true })
  }
}, 120_000)

test('every failure of every home is listed under its name, and no other', () => {
  const table: Record<string, Record<string, string | number>> = {}
  const all = { missed: [] as string[], false: [] as string[], unknown: new Set<string>() }
  for (const [home, rows] of found) {
    const missed = expectedNames(readExpected(home)).filter((name) => isInTheLog(home, name))
    const count = missed.length
    const wrong: string[] = []
    for (const { name, severity, message } of rows) {
      const at = missed.indexOf(name ?? '')
      if (at >= 0) missed.splice(at, 1)
      else if (name === null) all.unknown.add(message)
      else if (severity !== 'notice') wrong.push(name)
    }
    table[home] = {
      'in this log': count,
      found: count - missed.length,
      missed: missed.join(' '),
      false: wrong.join(' '),
    }
    all.missed.push(...missed)
    all.false.push(...wrong.map((name) => `${home} ${name}`))
  }
  console.table(table)
  expect(all.missed).toEqual([])
  expect(all.false).toEqual([])
  expect([...all.unknown]).toEqual([])
})

test('warnings and errors that the catalogue does not have are listed by their level', async () => {
  const home = copyFixtureHome('failures', '0.169.0-tools')
  const database = new Database(`${home}/logs_2.sqlite`)
  database.exec(`INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, estimated_bytes)
    SELECT ts, 0, level, 'codex_new::place', body, 10 FROM (SELECT max(ts) AS ts FROM logs),
    (SELECT 'ERROR' AS level, 'engine 7 lost "left"' AS body UNION ALL SELECT 'ERROR', 'engine 8 lost "right"'
     UNION ALL SELECT 'WARN', 'engine 9 is late' UNION ALL SELECT 'INFO', 'engine 10 is fine')`)
  database.close()
  const { rows } = await readErrors(home)
  const told = rows.filter(({ name }: FoundFailure) => name === null)
  expect(
    told.map(({ count, severity, message }: FoundFailure & { count: number }) => [count, severity, message]),
  ).toEqual([
    [2, 'error', 'engine # lost "…"'],
    [1, 'warning', 'engine # is late'],
  ])
})

test('failures of one kind are one line: counted, with their threads, ids masked, one whole example', async () => {
  const home = copyFixtureHome('failures', '0.169.0-mcp')
  const { rows, stderr } = await readErrors(home)
  const closed = rows.find(({ name }: FoundFailure) => name === 'mcp-transport-closed')
  expect(closed).toMatchObject({
    count: 2,
    severity: 'failure',
    level: 'WARN',
    target: 'codex_core::mcp_tool_call',
    where: 'Lookup: note 7',
    message: expect.stringContaining('call failed for `…`'),
    example: expect.stringContaining('call failed for `notes/lookup`'),
    cause: expect.stringContaining('The server ended'),
  })
  expect(stderr).toContain('the log reaches back to 2026-11-25T14:44:11Z')
  const { stdout } = await runLogs(['errors', '--explain', '--codex-home', home], {
    isTerminal: true,
    columns: 80,
    now: Date.parse('2026-11-25T15:44:11Z'),
    env: { NO_COLOR: '1' },
  })
  const lines = stdout.split('\n')
  expect(lines[0]).toMatch(/^×2 mcp-transport-closed {2}MCP server died +59m ago$/)
  expect(lines.filter((line) => [...line].length > 80)).toEqual([])
  expect(stdout).toContain('    do     Start a new thread.')
})

test('filters choose by the rows that tell of a failure, and its cause is still found before them', async () => {
  const home = copyFixtureHome('failures', '0.140.0-model')
  const { rows } = await readErrors(home, '--no-group')
  const all: (FoundFailure & { at: string; last_at: string; thread_id: string })[] = rows
  const failed = all.find(({ name, ends_turn }) => name === 'http-500' && ends_turn)!
  const threadRows = (await readErrors(home, '--no-group', '--thread-id', failed.thread_id)).rows
  expect(threadRows).toEqual(all.filter(({ thread_id }) => thread_id === failed.thread_id))
  // Its retries lie before that time.
  const late = (await readErrors(home, '--no-group', '--since', failed.last_at)).rows
  expect(late[0]).toMatchObject({ name: 'http-500', row_ids: failed.row_ids })
  const grepped = (await readErrors(home, '--no-group', '--grep', 'usage limit')).rows
  expect(grepped.map(({ name }: FoundFailure) => name)).toEqual(['usage-limit'])
  const byTurn = (await readErrors(home, '--by', 'turn')).rows
  expect(byTurn.find(({ turn_id }: FoundFailure) => turn_id === failed.turn_id)).toMatchObject({
    turns_ended: 1,
    failures: { 'http-500': 1 },
  })
})

test.each([
  ['0.113.0-locked', 'from 2026-11-25T14:54:59Z to 2026-11-25T14:55:08Z'],
  ['0.155.0-locked', 'from 2026-11-25T14:53:14Z to 2026-11-25T14:53:26Z'],
  ['0.169.0-locked', 'from 2026-11-25T14:56:21Z to 2026-11-25T14:56:32Z'],
])('a hole that a lock left in the log of %s is told', async (name, text) => {
  const { stderr } = await readErrors(copyFixtureHome('failures', name))
  expect(stderr).toContain(`rows may be missing ${text}`)
})

test('holes are told in the order of time, and only beside a process that wrote all the time', async () => {
  const rowsOf = (processUuid: string, from: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({ processUuid, tsSeconds: T + from + index }))
  const busy = [...rowsOf(PROCESS_41, 0, 20), ...rowsOf(PROCESS_41, 30, 20), ...rowsOf(PROCESS_41, 55, 20)]
  // Four rows on either side are no beat.
  const calm = [...rowsOf(PROCESS_412, 200, 4), ...rowsOf(PROCESS_412, 210, 4)]
  const { stderr } = await readErrors(createLogHome([...busy, ...calm]).home)
  expect(stderr.split('\n').filter((line) => line.includes('may be missing'))).toEqual([
    'codex-logs: rows may be missing from 2026-02-06T09:15:21Z to 2026-02-06T09:15:32Z: pid 41 wrote before and after',
    'codex-logs: rows may be missing from 2026-02-06T09:15:51Z to 2026-02-06T09:15:57Z: pid 41 wrote before and after',
  ])
})

test('an idle process leaves no hole', async () => {
  for (const name of ['0.99.0-tui', '0.140.0-killed', '0.169.0-mcp']) {
    const { stderr } = await readErrors(copyFixtureHome('failures', name))
    expect(stderr).not.toContain('may be missing')
  }
  const { stderr } = await readErrors(copyHome('codex-0.160.1'))
  expect(stderr).not.toContain('may be missing')
})

test('a row without a level, a target or a time is no reason to fail', async () => {
  const home = copyFixtureHome('failures', '0.169.0-tools')
  const database = new Database(`${home}/logs_2.sqlite`)
  database.exec(`UPDATE logs SET file = x'00ff', line = 'x', feedback_log_body = x'ff' || feedback_log_body WHERE id % 3 = 0;
    UPDATE logs SET ts = -5 WHERE id % 50 = 0; UPDATE logs SET ts = 9e18 WHERE id % 51 = 0`)
  database.close()
  const { exitCode, stdout } = await runLogs(['errors', '--json', '--codex-home', home])
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout).length).toBeGreaterThan(0)
})

test('a process that is gone did not end in a turn whose end the rollout tells', async () => {
  const home = copyFixtureHome('failures', '0.155.0-killed')
  const killed = async () =>
    (await readErrors(home, '--no-group')).rows.filter(({ name }: FoundFailure) => name === 'killed')
  const [cut] = await killed()
  expect(cut).toMatchObject({
    turn_id: expect.any(String),
    file: null,
    message: expect.stringContaining('gone'),
  })
  const state = new Database(`${home}/state_5.sqlite`)
  const { rollout_path: path } = state
    .prepare('SELECT rollout_path FROM threads WHERE id = ?')
    .get(cut.thread_id) as { rollout_path: string }
  const payload = (turn_id: string) => ({ type: 'task_complete', turn_id })
  const addLine = (turnId: string) =>
    appendFileSync(
      path.replace('/home/demo/.codex', home),
      `${JSON.stringify({ timestamp: '2026-11-25T15:00:00.000Z', type: 'event_msg', payload: payload(turnId) })}\n`,
    )
  addLine('01a20000-0000-7000-8000-000000000000')
  expect(await killed()).toMatchObject([{ turn_id: cut.turn_id }])
  addLine(cut.turn_id)
  // The process had another one open.
  expect(cut.row_ids).toHaveLength(2)
  expect(await killed()).toMatchObject([{ row_ids: [expect.any(Number)] }])
  expect((await killed())[0].turn_id).not.toBe(cut.turn_id)
  state.close()
})

test('a retry after which the request went well is recovered, unless one of its kind was in vain', async () => {
  const row = (second: number, level: string, target: string, body: string) => ({
    tsSeconds: T + second,
    level,
    target,
    body: `session_loop{thread_id=t}:turn{turn.id=u}: ${body}`,
    threadId: 't',
  })
  const retry = (second: number) =>
    row(
      second,
      'WARN',
      'codex_core::responses_retry',
      'stream disconnected - retrying sampling request (1/5 in 200ms)... sampling_error=Transport error: reset',
    )
  const went = (second: number) =>
    row(second, 'INFO', 'codex_core::session::turn', 'post sampling token usage needs_follow_up=false')
  const failed = (second: number) =>
    row(second, 'INFO', 'codex_core::session::turn', 'Turn error: Quota exceeded.')
  const severities = async (...rows: ReturnType<typeof row>[]) => {
    const { home } = createLogHome(rows)
    const errors = (await readErrors(home)).rows.map((one: FoundFailure) => [one.name, one.severity])
    const check = await runLogs(['check', '--json', '--max-errors', '0/1h', '--codex-home', home], {
      now: (T + 100) * 1000,
    })
    return [errors, check.exitCode]
  }
  expect(await severities(retry(1), went(2))).toEqual([[['stream-cut', 'recovered']], 0])
  expect(await severities(retry(1), went(2), retry(3), failed(4))).toEqual([
    [
      ['quota', 'failure'],
      ['stream-cut', 'failure'],
    ],
    1,
  ])
})
