import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { readExpected } from '../../helpers/failures.js'
import { copyFixtureHome } from '../../helpers/homes.js'
import { runLogs } from '../../helpers/run.js'

interface Turn {
  id: string | null
  outcome: string
  started_at: string
  prompt: string | null
  partial: boolean | null
  retries: number | null
  retry_wait_ms: number | null
  user_wait_ms: number
  unseen_ms: number | null
  error: string | null
  calls: { name: string; call_id: string | null; state: string; error: string | null }[] | null
  calls_count: number
  sources: Record<string, string>
}

async function readTurns(home: string, ...argv: string[]): Promise<Turn[]> {
  const { stdout } = await runLogs(['turns', ...argv, '--json', '--codex-home', home])
  return JSON.parse(stdout)
}

test.each(['0.113.0-model', '0.140.0-model', '0.140.0-pruned', '0.169.0-model', '0.169.0-tools'])(
  'with its rollout every turn of a thread of %s is there with its outcome, older than its rows or not',
  async (name) => {
    const home = copyFixtureHome('failures', name)
    const threads = Map.groupBy(readExpected(name).turns, ({ thread }) => thread)
    for (const [thread, expected] of threads) {
      const turns = await readTurns(home, thread)
      expect(turns.map(({ outcome }) => outcome)).toEqual(
        expected.map(({ outcome }) => (outcome === 'inProgress' ? 'open' : outcome)),
      )
    }
  },
)

test('each value tells where it comes from', async () => {
  const home = copyFixtureHome('failures', '0.140.0-pruned')
  const turns = await readTurns(home)
  expect(turns).toHaveLength(40)
  expect(turns[0]).toMatchObject({
    outcome: 'completed',
    prompt: 'Turn 0: keep going',
    calls_count: 2,
    calls: null,
    retries: null,
    sources: { started_at: 'rollout', outcome: 'rollout', calls_count: 'rollout' },
  })
  expect(turns.at(-1)).toMatchObject({
    prompt: 'Turn 39: keep going',
    partial: false,
    calls: [
      { name: 'exec_command', state: 'done' },
      { name: 'exec_command', state: 'done' },
    ],
    sources: { started_at: 'log', outcome: 'log', prompt: 'rollout', retries: 'log' },
  })
  for (const turn of turns) {
    const values = Object.entries(turn).filter(([, value]) => value !== null && value !== '')
    const names = values.map(([name]) => name).filter((name) => name !== 'number' && name !== 'sources')
    expect(Object.keys(turn.sources)).toEqual(expect.arrayContaining(names))
  }
  // The rollout is gone: what the rows have is left, and the first turn of it began before them or not.
  rmSync(`${home}/sessions`, { recursive: true })
  const rowsAlone = await readTurns(home)
  expect(rowsAlone.map(({ id }) => id)).toEqual(turns.slice(-rowsAlone.length).map(({ id }) => id))
  expect(rowsAlone[0]!.sources).not.toHaveProperty('prompt')
  expect(Object.values(rowsAlone[0]!.sources)).not.toContain('rollout')
})

test('retries, their waits, refused calls and what waited for a lock or the user are told', async () => {
  const model = await readTurns(copyFixtureHome('failures', '0.169.0-model'))
  const rate = model.find(({ prompt }) => prompt?.startsWith('Rate failed'))!
  expect(rate).toMatchObject({
    outcome: 'failed',
    retries: 2,
    error: expect.stringContaining('Rate limit reached'),
  })
  expect(rate.retry_wait_ms).toBeGreaterThanOrEqual(400)
  // Where the lock took the first rows of a turn as well, its rollout tells when it began.
  const { thread } = readExpected('0.155.0-locked').turns[0]!
  const locked = await readTurns(copyFixtureHome('failures', '0.155.0-locked'), thread)
  const slow = locked.find(({ partial }) => partial)!
  expect(slow).toMatchObject({ outcome: 'completed', partial: true, sources: { started_at: 'rollout' } })
  expect(slow.unseen_ms).toBeGreaterThan(4000)
  const name = '0.169.0-tools'
  const home = copyFixtureHome('failures', name)
  const threads = [...new Set(readExpected(name).turns.map(({ thread }) => thread))]
  const turns = (await Promise.all(threads.map((thread) => readTurns(home, thread)))).flat()
  const calls = turns.flatMap((turn) => turn.calls ?? [])
  expect(calls.filter(({ state }) => state === 'failed').map(({ error }) => error?.slice(0, 30))).toContain(
    'apply_patch verification faile',
  )
  expect(turns.filter(({ user_wait_ms }) => user_wait_ms > 0).length).toBeGreaterThan(0)
})

test('a terminal shows each turn over its own time, fitted to the width', async () => {
  const home = copyFixtureHome('failures', '0.169.0-tools')
  for (const columns of [60, 100, 180]) {
    const { stdout } = await runLogs(['turns', '--codex-home', home], {
      isTerminal: true,
      columns,
      env: { NO_COLOR: '1', TZ: 'UTC' },
    })
    const lines = stdout.trimEnd().split('\n')
    expect(lines.filter((line) => [...line].length > columns)).toEqual([])
    expect(lines[0]).toMatch(/^ {2}1 14:47:21 interrupted.* 1\.5 s {2}·*░?▒+/)
    expect(stdout).toMatch(/^ {6}exec_command +2\.5 s {2} *█+$/m)
    expect(lines.at(-1)).toBe('3 turns, 3 with rows of the log')
  }
  const { stdout } = await runLogs(['turns', '--items', '--codex-home', home])
  expect(stdout).toMatch(/^2\t2026-11-25T14:47:22\.950Z\tcall\texec_command\tended\t/m)
})

test('turns are told by their order where rows have no ids', async () => {
  const home = copyFixtureHome('failures', '0.113.0-tools')
  rmSync(`${home}/sessions`, { recursive: true })
  const { stdout, stderr } = await runLogs(['turns', '--json', '--codex-home', home])
  expect(stderr).toContain('known only by their order')
  const turns: Turn[] = JSON.parse(stdout)
  expect(turns.length).toBeGreaterThan(1)
  expect(turns.every(({ id }) => id === null)).toBe(true)
})

test('a thread that is not there leads to an error; one that the log alone knows is shown', async () => {
  const home = copyFixtureHome('failures', '0.169.0-model')
  const unknown = await runLogs(['turns', 'nothing like it', '--codex-home', home])
  expect(unknown).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining('no thread is called'),
  })
  const { thread } = readExpected('0.169.0-model').turns[0]!
  const turns = await readTurns(home, thread)
  rmSync(`${home}/sessions`, { recursive: true })
  const database = new Database(`${home}/state_5.sqlite`)
  database.exec('DELETE FROM threads')
  database.close()
  expect((await readTurns(home, thread)).map(({ id }) => id)).toEqual(turns.map(({ id }) => id))
  // Its beginning, too.
  expect(await readTurns(home, thread.slice(0, 18))).toHaveLength(turns.length)
})

test('damaged rows, times that step back and one pid for two processes are no reason to fail', async () => {
  const home = copyFixtureHome('failures', '0.169.0-tools')
  const database = new Database(`${home}/logs_2.sqlite`)
  database.exec(`UPDATE logs SET feedback_log_body = x'ff00' WHERE id % 7 = 0; UPDATE logs SET ts = ts - 3600 WHERE id % 11 = 0;
    UPDATE logs SET process_uuid = process_uuid || 'x' WHERE id % 2 = 0; UPDATE logs SET ts = -1 WHERE id % 13 = 0`)
  database.close()
  for (const flags of [[], ['--items'], ['--since', '2026-11-25T14:47:22Z']]) {
    const { exitCode, stdout } = await runLogs(['turns', '--json', ...flags, '--codex-home', home])
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout).length).toBeGreaterThan(0)
  }
})
