import { join } from 'node:path'
import { expect, test } from 'vitest'
import { joinBody, parseBody } from '../../../src/body/parse.js'
import { copyFixtureHome, copyHome } from '../../helpers/homes.js'
import { openTurn, startIdle } from '../../helpers/live-log.js'
import { createLogHome, NEWEST_LAYOUT, THREAD_A, THREAD_B } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'
import { insertThreads } from '../../helpers/seed.js'

test.each(['codex-0.93.0', 'codex-0.120.0', 'codex-0.169.0'] as const)(
  'show tells all of a row of %s, and where the next ones are',
  async (name) => {
    const home = copyHome(name)
    const run = async (...argv: string[]) => (await runLogs([...argv, '--codex-home', home])).stdout
    const rows = (await run('query', '--json', '-n', '3'))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
    const shown = JSON.parse(await run('show', String(rows[1].id), '--json'))
    expect(shown).toMatchObject({ ...rows[1], previous: rows[0].id, next: rows[2].id })
    expect(JSON.parse(await run('show', 'last', '--json'))).toMatchObject({ ...rows[2], next: null })
  },
)

test('show draws spans as a tree, then the message and the fields one below the other', async () => {
  const { home } = createLogHome([
    {
      tsSeconds: 0,
      level: 'INFO',
      target: 'codex_core::elsewhere',
      body: 'session_loop{thread_id=x}:turn{turn.id=T1 model="m"}: Turn error: quota\nsecond\x1b[2J line took=5 why="a \\"b\\""',
      threadId: THREAD_A,
    },
  ])
  const { stdout, exitCode } = await runLogs(['show', '1', '--codex-home', home])
  expect(exitCode).toBe(0)
  expect(stdout).toContain('row 1  1970-01-01T00:00:00.000000000Z  FAIL (stored as INFO)\n')
  expect(stdout).toContain(
    `spans
  session_loop  thread_id=x
  └ turn  turn.id=T1 model=m
message
  Turn error: quota
  second\\x1b[2J line
fields
  took  5
  why   a "b"
`,
  )
})

test('a row that is not there is told apart from one that never was', async () => {
  const { home } = createLogHome([{}, {}])
  const show = (row: string) => runLogs(['show', row, '--codex-home', home])
  expect(await show('7')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('the newest id given is 2'),
  })
  expect(await show('last-error')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('no row of'),
  })
  expect(await show('first')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("'first' is not a row"),
  })
})

test('last-error is the newest row that failed, a failed turn included', async () => {
  const home = copyFixtureHome('failures', '0.169.0-model')
  const { stdout } = await runLogs(['show', 'last-error', '--json', '--codex-home', home])
  const { body, target, failure, level } = JSON.parse(stdout)
  expect(failure !== null || level === 'ERROR').toBe(true)
  expect(joinBody(parseBody(body, { target }))).toBe(body)
})

test('status tells what a running process does, what failed last, and how far the log reaches', async () => {
  const { uuid } = await startIdle()
  const ms = Date.now()
  const now = ms + 5000
  const { home } = createLogHome([
    { tsSeconds: Math.floor(now / 1000) - 500, level: 'TRACE', body: 'old', processUuid: uuid },
    {
      tsSeconds: Math.floor(now / 1000) - 400,
      level: 'INFO',
      target: 'codex_core::session::turn',
      body: 'turn{turn.id=T0}: Turn error: You have hit your usage limit.',
      threadId: THREAD_B,
      processUuid: uuid,
    },
    ...openTurn(ms, uuid),
  ])
  insertThreads(join(home, NEWEST_LAYOUT.stateFile), [{ id: THREAD_A, title: 'Make it\x1b[31m so' }])
  const run = (...argv: string[]) => runLogs([...argv, '--codex-home', home], { now })
  const status = JSON.parse((await run('status', '--json')).stdout)
  expect(status).toMatchObject({
    processes: [{ process_uuid: uuid, state: 'running', rows_in_10_min: 6 }],
    last_failure: { id: 2, thread_id: THREAD_B },
    reaches: {
      rows: 6,
      ids_without_row: 0,
      without_thread_since: new Date((Math.floor(now / 1000) - 500) * 1000).toISOString(),
    },
  })
  expect(status.threads[0]).toMatchObject({ thread_id: THREAD_A, step: 'tool' })
  const since = Date.parse(status.threads[0].since)
  expect(since).toBeGreaterThanOrEqual(Math.floor(ms))
  expect(since).toBeLessThanOrEqual(now)
  const { stdout } = await run('status')
  expect(stdout).toMatch(/^1 process that logged here is alive; newest row/)
  expect(stdout).toContain('Make it\\x1b[31m so')
  expect(stdout).toContain('runs exec_command')
  const bare = await runLogs([], { now, env: { CODEX_HOME: home } })
  expect(bare).toEqual({ stdout, stderr: 'See codex-logs --help for all commands.\n', exitCode: 0 })
})

test('an error that is known to be harmless is no last failure, and the last error all the same', async () => {
  const { home } = createLogHome([
    { level: 'WARN', target: 'codex_mcp::rmcp_client', body: 'MCP server startup failed error=gone' },
    { level: 'ERROR', target: 'codex_app_server', body: '`[features].multi_agent` is deprecated. It goes.' },
  ])
  const run = (...argv: string[]) => runLogs([...argv, '--json', '--codex-home', home])
  expect(JSON.parse((await run('status')).stdout)).toMatchObject({ last_failure: { id: 1 } })
  expect(JSON.parse((await run('show', 'last-error')).stdout)).toMatchObject({ id: 2 })
})

test('an error that nobody knows is the last failure, by its level', async () => {
  const { home } = createLogHome([
    { level: 'ERROR', target: 'codex_new::place', body: 'engine 7 lost the left wing' },
    { level: 'WARN', target: 'codex_new::place', body: 'engine 8 is late' },
  ])
  const { stdout } = await runLogs(['status', '--json', '--codex-home', home])
  expect(JSON.parse(stdout)).toMatchObject({
    last_failure: { id: 1, name: null, text: 'engine 7 lost the left wing' },
  })
})

test('status says of a thread whose process is not named what it was last seen to do', async () => {
  const home = copyHome('codex-0.93.0')
  const run = (...argv: string[]) =>
    runLogs([...argv, '--codex-home', home], { now: Date.parse('2026-11-21T01:00:00Z') })
  const { stdout } = await run('status')
  expect(stdout).toContain('of 1 other that is not known')
  expect(stdout.match(/last seen: receives an answer/g)).toHaveLength(2)
  // Which release wrote is not known here.
  expect(stdout).not.toContain('writes its rows')
  expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({ written_every_ms: null })
  expect((await run('stuck', '--all')).stdout).toContain('last seen: receives an answer')
})
