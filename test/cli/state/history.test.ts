import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { HISTORY_STATES, type HistoryState } from '../../../src/model/history.js'
import { copyFixtureHome, copyHome, fixtureNames, fixturePath, HOMES } from '../../helpers/homes.js'
import { runState } from '../../helpers/run.js'

const now = Date.UTC(2026, 10, 27)

function homeOf(kind: 'turns' | 'items', name: string): string {
  const home = copyFixtureHome(kind, name)
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  return home
}

const history = (home: string, ...argv: string[]) =>
  runState(['history', ...argv, '--codex-home', home], { now })

type Row = { thread_id: string; state: HistoryState; turns_shown: number; turns: number; cure: string }

test.each(fixtureNames('turns').filter((name) => name.startsWith('history-')))(
  '%s: what is passed over without --all is sound with it, and the exit code tells the worst',
  async (name) => {
    const home = homeOf('turns', name)
    const { stdout, exitCode } = await history(home, '--json')
    const bad = JSON.parse(stdout) as Row[]
    const all = JSON.parse((await history(home, '--all', '--json')).stdout) as Row[]
    expect(all.filter(({ state }) => HISTORY_STATES[state].alarm > 0)).toEqual(bad)
    expect(exitCode).toBe(Math.max(0, ...bad.map(({ state }) => HISTORY_STATES[state].alarm)))
    expect(bad.length === 0).toBe(name === 'history-sound')
  },
)

test('A home as released Codex left it gives no alarm, and hardly a rollout of it is read whole', async () => {
  for (const name of HOMES) {
    const home = copyHome(name)
    const { stdout, exitCode } = await history(home)
    expect([name, stdout, exitCode]).toEqual([name, '', 0])
    rmSync(dirname(home), { recursive: true, force: true })
  }
  const { stdout } = await runState(['history', '--codex-home', homeOf('turns', 'forks-0.153.0')], {
    now,
    isTerminal: true,
  })
  expect(stdout.trimEnd().split('\n').at(-1)).toMatchInlineSnapshot(
    `"1 thread in which something is wrong, 2 sound, 21 projected to the end"`,
  )
})

test('The table names thread, turns, line and cure', async () => {
  const { stdout } = await runState(
    ['history', '--codex-home', homeOf('turns', 'history-duplicate'), '--color', 'never'],
    { now, isTerminal: true },
  )
  expect(stdout).toMatchInlineSnapshot(`
    "THREAD         SHOWN  TURNS  LINE  PROBLEM             CURE
    01a21356-a02a      1      4    15  ordinal used twice  resume it in Codex
    1 thread in which something is wrong, 0 sound
    "
  `)
})

test('A table of a terminal of 80 columns names problem and cure whole, with the thread to resume', async () => {
  const lines = async (name: string) => {
    const { stdout } = await runState(
      ['history', '--codex-home', homeOf('turns', name), '--color', 'never', '--codex', '0.153.0'],
      { now, isTerminal: true, columns: 80 },
    )
    return stdout
  }
  for (const name of fixtureNames('turns').filter((of) => of.startsWith('history-')))
    expect([name, await lines(name)]).toEqual([name, expect.not.stringContaining('…')])
  expect(await lines('history-base-behind')).toContain('its base is short   resume 01a21336-81d5, its base\n')
})

test('Which cure helps depends on the Codex that will open the thread', async () => {
  const home = homeOf('turns', 'history-duplicate')
  const cure = async (version: string) =>
    (JSON.parse((await history(home, '--json', '--codex', version)).stdout) as Row[])[0]!.cure
  expect(await cure('0.153.0')).toBe('resume it in Codex 0.155 or newer')
  expect(await cure('0.169.0')).toBe('resume it in Codex')
})

const TABLES = ['thread_turns', 'thread_items', 'thread_realtime_items', 'thread_history_projection_state']

function rowsOf(path: string): unknown {
  const database = new Database(path, { readonly: true })
  const rows = TABLES.map((table) => database.prepare(`SELECT * FROM ${table}`).all())
  database.close()
  return rows
}

test('repair deletes the rows of all four tables after a copy, and --undo writes them back', async () => {
  const home = homeOf('turns', 'history-tailgone')
  const { thread } = JSON.parse(
    readFileSync(join(fixturePath('turns', 'history-tailgone'), 'expected.json'), 'utf8'),
  ) as { thread: string }
  const path = join(home, 'thread_history_1.sqlite')
  const before = rowsOf(path)
  const dry = await history(home, 'repair', thread, '--dry-run')
  expect(dry.stdout).toContain('1 of 4 turns are shown')
  expect(rowsOf(path)).toEqual(before)
  expect(readdirSync(home)).not.toContain('db-backups')

  const done = await history(home, 'repair', thread, '--yes')
  expect([done.exitCode, done.stderr]).toEqual([0, ''])
  expect(done.stdout).toMatch(/\ndeleted 1 turn, 2 items and 1 cursor; the database as it was is at .*\n/)
  expect(rowsOf(path)).toEqual([[], [], [], []])
  const [copy] = readdirSync(join(home, 'db-backups'))
  expect(rowsOf(join(home, 'db-backups', copy!, 'thread_history_1.sqlite'))).toEqual(before)
  const [row] = JSON.parse((await history(home, thread, '--json')).stdout) as Row[]
  expect(row).toMatchObject({ state: 'notProjected', cure: 'resume it in Codex' })

  const undone = await history(home, 'repair', thread, '--undo')
  expect(undone.exitCode).toBe(0)
  expect(undone.stdout).toMatch(/^1 turn, 2 items and 1 cursor written back from .*\n$/)
  expect(rowsOf(path)).toEqual(before)
  const again = await history(home, 'repair', thread, '--undo')
  expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('are all there; nothing was')])
})

test('--undo passes over what stands in the way of the copy, and says so', async () => {
  const home = homeOf('turns', 'history-tailgone')
  const path = join(home, 'thread_history_1.sqlite')
  const before = rowsOf(path)
  await history(home, 'repair', 'last', '--yes')
  const inTheWay = (number: number) => join(home, 'db-backups', `codex-state-${number}-20990101T000000Z`)
  mkdirSync(join(inTheWay(9001), 'thread_history_1.sqlite'), { recursive: true })
  mkdirSync(inTheWay(9002))
  writeFileSync(
    join(inTheWay(9002), 'thread_history_1.sqlite'),
    'no database, but as long as the head of one '.repeat(9),
  )
  const { exitCode, stderr } = await history(home, 'repair', 'last', '--undo')
  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/-9002-.* is not an SQLite database\n.*-9001-.*: it is a folder\n/)
  expect(rowsOf(path)).toEqual(before)
})

test('A repair that fails changes nothing and leaves no copy', async () => {
  const home = homeOf('turns', 'history-tailgone')
  const path = join(home, 'thread_history_1.sqlite')
  const database = new Database(path)
  database.exec(
    `CREATE TRIGGER refuses BEFORE DELETE ON thread_turns BEGIN SELECT RAISE(ABORT, 'not now'); END`,
  )
  database.close()
  const before = rowsOf(path)
  const { exitCode, stderr } = await history(home, 'repair', 'last', '--yes')
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('not now')])
  expect(rowsOf(path)).toEqual(before)
  expect(readdirSync(join(home, 'db-backups'))).toEqual([])
})

test('A review that 0.145 left out of its count is cured by a newer Codex, not by a repair before 0.153', async () => {
  const home = homeOf('items', 'items-0.145.0-paginated')
  const [row] = JSON.parse((await history(home, '--json')).stdout) as Row[]
  expect(row).toMatchObject({ state: 'cursorTooLow', cure: 'resume it in Codex 0.155 or newer' })
  const { exitCode, stderr } = await history(home, 'repair', String(row!.thread_id), '--dry-run')
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('would stop at that line again')])
})

test.each(['at another place', 'at the place where it stood'])(
  '--undo leaves alone what Codex has projected anew: cursor %s',
  async (place) => {
    const home = homeOf('turns', 'history-tailgone')
    const path = join(home, 'thread_history_1.sqlite')
    await history(home, 'repair', 'last', '--yes')
    const [copy] = readdirSync(join(home, 'db-backups'))
    const database = new Database(path)
    database.exec(`ATTACH '${join(home, 'db-backups', copy!, 'thread_history_1.sqlite')}' AS saved`)
    const offset = place === 'at another place' ? 1 : 'next_rollout_byte_offset'
    database.exec(
      `INSERT INTO thread_history_projection_state (thread_id, next_rollout_byte_offset, next_rollout_ordinal)
       SELECT thread_id, ${offset}, next_rollout_ordinal FROM saved.thread_history_projection_state`,
    )
    database.close()
    const before = rowsOf(path)
    const { exitCode, stderr } = await history(home, 'repair', 'last', '--undo')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('Codex has projected this thread anew')
    expect(rowsOf(path)).toEqual(before)
  },
)

test.each([
  ['history-sound', 'there is nothing to repair'],
  ['history-behind', 'a resume brings its turns back'],
  ['history-duplicate', 'a resume brings its turns back'],
  ['history-noordinal', 'its own rows are not what is wrong'],
])('repair of %s is refused: %s', async (name, reason) => {
  const home = homeOf('turns', name)
  const before = rowsOf(join(home, 'thread_history_1.sqlite'))
  const { exitCode, stderr } = await history(home, 'repair', 'last', '--yes')
  expect(exitCode).toBe(1)
  expect(stderr).toContain(reason)
  expect(rowsOf(join(home, 'thread_history_1.sqlite'))).toEqual(before)
})

test('The base of a reverted thread is never reset, and nothing is done without a word', async () => {
  const home = homeOf('turns', 'history-reverted-base-empty')
  const [bad] = JSON.parse((await history(home, '--json')).stdout) as Row[]
  const { exitCode, stderr } = await history(home, 'repair', bad!.thread_id, '--yes')
  expect(exitCode).toBe(1)
  expect(stderr).toContain('none is known; its rows must not be deleted')
  expect((await history(home, 'repair', bad!.thread_id)).exitCode).toBe(2)
})

test('Who asks for a thread, or for damage, is told that turns of it are not shown', async () => {
  const home = homeOf('turns', 'history-tailgone')
  for (const argv of [['threads', 'show', 'last'], ['why', 'last'], ['verify']]) {
    const { stderr } = await runState([...argv, '--codex-home', home], { now })
    expect(stderr, argv.join(' ')).toMatch(
      /Codex (shows 1 of its 4 turns|does not show all turns of 1 thread): see/,
    )
  }
  const sound = homeOf('turns', 'history-sound')
  for (const argv of [['threads', 'show', 'last'], ['verify']])
    expect((await runState([...argv, '--codex-home', sound], { now })).stderr).toBe('')
})

test('threads show tells how the chat stands, and of a missing base that Codex cannot open it', async () => {
  const home = homeOf('turns', 'forks-0.169.0')
  const show = async (id: string) => {
    const { stdout, stderr } = await runState(
      ['threads', 'show', id, '--json=history', '--codex-home', home],
      { now },
    )
    return { ...(JSON.parse(stdout) as { history: unknown }), stderr }
  }
  const [base, fork] = ['01a21336-81d5-7512-b414-664d5840bf56', '01a21336-83d0-7d91-80b7-d457703602c8']
  expect(await show(fork)).toEqual({
    history: { state: 'complete', problem: 'every turn of the rollout is shown', turns_shown: 4, turns: 4 },
    stderr: '',
  })
  const { stdout } = await runState(['threads', 'path', base, '--codex-home', home])
  rmSync(stdout.trim())
  expect(await show(fork)).toEqual({
    history: {
      state: 'baseMissing',
      problem: 'a rollout that this one continues is missing',
      turns_shown: 0,
      turns: 1,
    },
    stderr: `codex-state: Codex cannot open it, since a rollout that this one continues is missing: see 'codex-state history ${fork}'\n`,
  })
})

test('threads tree says which of its threads Codex does not show whole, and of no others', async () => {
  const home = copyFixtureHome('items', 'items-0.145.0-paginated')
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  const { stdout, stderr } = await runState(['threads', 'tree', '--json=id,history', '--codex-home', home])
  const rows = JSON.parse(stdout) as { id: string; history: string | null }[]
  expect(rows.length).toBeGreaterThan(4)
  expect(rows.filter(({ history }) => history !== null)).toEqual([
    { id: '01a2137f-fdcb-70e2-aa29-2df962c85b07', history: 'cursorTooLow' },
  ])
  expect(stderr).toBe("codex-state: Codex does not show all turns of 1 thread: see 'codex-state history'\n")
})
