import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { copyFixtureHome } from '../../helpers/homes.js'
import { openTurn, startIdle, turnRow } from '../../helpers/live-log.js'
import { createLogHome, LOG_LAYOUTS, NEWEST_LAYOUT, THREAD_A, THREAD_B } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'
import { insertThreads } from '../../helpers/seed.js'

function stuck(home: string, now: number, ...argv: string[]) {
  return runLogs(['stuck', '--codex-home', home, ...argv], { now })
}

async function readJson(home: string, now: number, ...argv: string[]) {
  const { stdout, exitCode } = await stuck(home, now, '--json', ...argv)
  return { rows: JSON.parse(stdout), exitCode }
}

describe('beside a running process', () => {
  test('a call in which nothing happens is stuck after the span that is given, and no longer when the process is gone', async () => {
    const { running, uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome(openTurn(ms, uuid))
    // A flush of 10 s counts as no silence.
    expect(await readJson(home, ms + 300_000)).toMatchObject({
      rows: [{ id: THREAD_A, stuck: false, step: 'tool', alive: true, turn_id: 'T1' }],
      exitCode: 0,
    })
    expect(await readJson(home, ms + 310_101)).toMatchObject({
      rows: [{ stuck: true, silent_ms: 300_001, calls: [{ name: 'exec_command' }] }],
      exitCode: 1,
    })
    expect(await readJson(home, ms + 70_000, '--longer-than', '1m')).toMatchObject({ exitCode: 0 })
    expect(await readJson(home, ms + 71_000, '--longer-than', '1m')).toMatchObject({ exitCode: 1 })
    await running.end('SIGKILL')
    expect(await readJson(home, ms + 900_000)).toEqual({ rows: [], exitCode: 0 })
    expect(await readJson(home, ms + 900_000, '--all')).toMatchObject({
      rows: [{ stuck: false, alive: false, does: 'cut off: runs exec_command' }],
      exitCode: 0,
    })
  })

  test('an idle thread is not stuck, however long it is silent', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome([
      ...openTurn(ms, uuid).slice(0, 3),
      turnRow(ms + 200, 'post sampling token usage turn_id=T1 needs_follow_up=false', { processUuid: uuid }),
    ])
    expect(await readJson(home, ms + 86_400_000)).toEqual({ rows: [], exitCode: 0 })
    expect(await readJson(home, ms + 86_400_000, '--all')).toMatchObject({
      rows: [{ step: 'idle', last_outcome: 'completed' }],
      exitCode: 0,
    })
  })

  test('the table names threads by their titles, what is stuck first', async () => {
    const { running, uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome([
      ...openTurn(ms, uuid),
      ...openTurn(ms + 590_000, uuid, THREAD_B).slice(0, 2),
    ])
    insertThreads(join(home, NEWEST_LAYOUT.stateFile), [
      { id: THREAD_A, title: 'Build it' },
      { id: THREAD_B, title: 'Ask it' },
    ])
    const { stdout, exitCode } = await runLogs(['stuck', '--codex-home', home], {
      now: ms + 600_000,
      isTerminal: true,
      columns: 120,
      env: { NO_COLOR: '1' },
    })
    expect(stdout.replaceAll(String(running.child.pid), 'PID').replaceAll(/ +/g, ' ')).toBe(
      [
        'STUCK THREAD TITLE DOES SILENT PID ALIVE',
        'STUCK 019a1111-0000 Build it runs exec_command 9m 50s PID running',
        ' 019b0000-0000 Ask it waits for the model server to answer 0 ms PID running',
        '',
      ].join('\n'),
    )
    expect(exitCode).toBe(1)
  })

  test('what the log has missed is not called stuck: its rollout was written to since', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const { home } = createLogHome(openTurn(ms, uuid))
    const rollout = join(home, 'sessions', 'rollout-2026-02-06T09-15-02-x.jsonl')
    mkdirSync(join(home, 'sessions'), { recursive: true })
    writeFileSync(rollout, '{}\n')
    utimesSync(rollout, new Date(ms + 500_000), new Date(ms + 500_000))
    insertThreads(join(home, NEWEST_LAYOUT.stateFile), [
      { id: THREAD_A, title: 'Build it', rolloutPath: rollout },
    ])
    expect(await readJson(home, ms + 600_000)).toMatchObject({
      rows: [{ stuck: null, log_is_behind: true, does: expect.stringContaining('not known') }],
      exitCode: 0,
    })
  })

  test('a command that may be waiting for its user is told as such', async () => {
    const { uuid } = await startIdle()
    const ms = Date.now()
    const [submission, request, ...rest] = openTurn(ms, uuid)
    const asking = { ...request!, body: String(request!.body).replace('Never', 'OnRequest') }
    const { home } = createLogHome([submission!, asking, ...rest])
    const { rows } = await readJson(home, ms + 20_000)
    expect(rows).toMatchObject([{ does: 'runs exec_command, or waits for an approval' }])
  })
})

test.each(['0.140.0-killed', '0.169.0-locked', '0.169.0-full', '0.113.0-killed'])(
  'nothing is stuck in a home that no Codex runs in: %s',
  async (name) => {
    const home = copyFixtureHome('failures', name)
    // The folder that its config.toml names for databases was a small disk.
    const place = name.endsWith('-full') ? ['--db', join(home, 'logs_2.sqlite')] : ['--codex-home', home]
    const { stdout, exitCode } = await runLogs(['stuck', ...place], { isTerminal: true })
    expect(exitCode).toBe(0)
    expect(stdout).toBe('')
  },
)

test.each(LOG_LAYOUTS.map((layout) => [layout.name, layout] as const))(
  'every layout has an answer, and says what it cannot tell: %s',
  async (_name, layout) => {
    const { home, hasThreads, hasProcesses } = createLogHome(openTurn(Date.now(), 'pid:1:x'), layout)
    const { stderr, exitCode } = await stuck(home, Date.now(), '--all', '--longer-than', '1w')
    expect(exitCode).toBe(0)
    expect(/not known/.test(stderr)).toBe(!hasThreads || !hasProcesses)
  },
)

test('a span that is none is refused', async () => {
  const { stderr, exitCode } = await runLogs([
    'stuck',
    '--longer-than',
    'soon',
    '--codex-home',
    '/nonexistent',
  ])
  expect(stderr).toContain('span of time')
  expect(exitCode).toBe(2)
})
