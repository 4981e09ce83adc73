import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { copyFixtureHome } from '../../helpers/homes.js'
import {
  createLogHome,
  NEWEST_LAYOUT,
  PROCESS_41,
  PROCESS_412,
  THREAD_A,
  THREAD_B,
} from '../../helpers/log-layouts.js'
import { insertLogRows } from '../../helpers/log-rows.js'
import { runLogs } from '../../helpers/run.js'
import { insertThreads } from '../../helpers/seed.js'

const stateOf = (home: string) => join(home, NEWEST_LAYOUT.stateFile)

function lines(text: string): string[] {
  return text.split('\n').slice(0, -1)
}

/** Two threads whose rows alternate, and rows of no thread. */
const ROWS = Array.from({ length: 30 }, (_, index) => ({
  body: `row ${index + 1}`,
  threadId: [THREAD_A, THREAD_B, null][index % 3] ?? null,
  processUuid: index % 2 === 0 ? PROCESS_41 : PROCESS_412,
}))

test('rows around a match are of its thread, each once, with a line between groups', async () => {
  const { home } = createLogHome(ROWS)
  const run = async (...argv: string[]) =>
    lines((await runLogs(['query', '--codex-home', home, '--fields', 'id', ...argv])).stdout)
  expect(await run('-C', '1', '-g', '^row 10$')).toEqual(['7', '10', '13'])
  expect(await run('-A', '2', '-g', '^row (1|10|22)$')).toEqual([
    '1',
    '4',
    '7',
    '10',
    '13',
    '16',
    '--',
    '22',
    '25',
    '28',
  ])
  expect(await run('-B', '1', '-g', '^row (2|10|29)$')).toEqual(['2', '--', '7', '10', '--', '26', '29'])
  // Of no thread: the next ones of the same process.
  expect(await run('-A', '1', '-g', '^row 3$')).toEqual(['3', '9'])
  // So many matches, the newest, and what is around them.
  expect(await run('-n', '2', '-B', '1', '-g', '^row (2|10|29)$')).toEqual(['7', '10', '--', '26', '29'])
  expect(await run('-n', '0', '-B', '1')).toEqual([])
  const json = await runLogs(['query', '--codex-home', home, '--json', '-C', '1', '-g', '^row (1|29)$'])
  expect(lines(json.stdout).map((line) => JSON.parse(line).id)).toEqual([1, 4, 26, 29])
})

test('--count is how many rows there would be', async () => {
  const home = copyFixtureHome('failures', '0.140.0-agents')
  const run = async (...argv: string[]) => (await runLogs(['query', '--codex-home', home, ...argv])).stdout
  for (const filter of [[], ['--failed'], ['--level', 'warn'], ['--where', 'message~completed']]) {
    expect(Number(await run('--count', ...filter))).toBe(lines(await run('--json', ...filter)).length)
  }
  expect(await run('--count', '-n', '5')).toBe('5\n')
})

test('--collapse counts each row once, by call site and masked message, most frequent first', async () => {
  const home = copyFixtureHome('failures', '0.140.0-agents')
  const run = async (...argv: string[]) => (await runLogs(['query', '--codex-home', home, ...argv])).stdout
  const kinds = lines(await run('--collapse', '--json')).map((line) => JSON.parse(line))
  const counts = kinds.map(({ count }) => count)
  expect(counts).toEqual(counts.toSorted((a, b) => b - a))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(Number(await run('--count')))
  const all = lines(await run('--json')).map((line) => JSON.parse(line))
  for (const kind of kinds.slice(0, 20)) {
    const own = all.filter(({ id }) => id === kind.example_id)
    expect(own).toMatchObject([
      { body: kind.example, level: kind.level, target: kind.target, time: kind.first },
    ])
  }
})

test('what would be printed instead of rows goes with nothing that needs them', async () => {
  const { home } = createLogHome(ROWS)
  for (const argv of [
    ['--count', '--collapse'],
    ['-C', '1', '--reverse'],
    ['--collapse', '-n', '1'],
  ]) {
    const { exitCode, stderr } = await runLogs(['query', '--codex-home', home, ...argv])
    expect({ argv, exitCode, says: /cannot be combined with/.test(stderr) }).toEqual({
      argv,
      exitCode: 2,
      says: true,
    })
  }
})

test('a thread is named as codex-state takes it', async () => {
  const { home } = createLogHome(ROWS)
  insertThreads(stateOf(home), [
    { id: THREAD_A, title: 'Fix the bug', cwd: '/srv/shop', updatedAt: 1_770_000_001 },
    { id: THREAD_B, title: 'Other', cwd: '/srv/else', updatedAt: 1_770_000_002 },
  ])
  const run = async (thread: string, ...argv: string[]) => {
    const { stdout } = await runLogs(
      ['query', '--codex-home', home, '--json', '--thread-id', thread, ...argv],
      {
        workingFolder: '/srv/shop',
      },
    )
    return lines(stdout).map((line) => JSON.parse(line))
  }
  for (const [typed, id] of [
    ['fix the BUG', THREAD_A],
    ['last', THREAD_B],
    ['.', THREAD_A],
    ['019b', THREAD_B],
  ] as const) {
    const rows = await run(typed)
    expect({ typed, ids: [...new Set(rows.map((row) => row.thread_id))], count: rows.length }).toEqual({
      typed,
      ids: [id],
      count: 10,
    })
  }
  const both = await run(THREAD_A, '--with-process')
  expect(both.filter((row) => row.thread_id === null).length).toBe(10)
  const { stderr, exitCode } = await runLogs(['query', '--codex-home', home, '--with-children'])
  expect({ stderr, exitCode }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('require --thread-id'),
  })
})

test('children join: those that are there, and in a tail those that are spawned later', async () => {
  const { home, path } = createLogHome(ROWS)
  insertThreads(stateOf(home), [{ id: THREAD_A }])
  const state = new Database(stateOf(home))
  const controller = new AbortController()
  const tail = runLogs(
    [
      'tail',
      '-n',
      '0',
      '--codex-home',
      home,
      '--thread-id',
      THREAD_A,
      '--with-children',
      '--fields',
      'id',
      '--poll-ms',
      '50',
    ],
    { signal: controller.signal },
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  insertLogRows(path, [{ body: 'of the child', threadId: THREAD_B }])
  insertThreads(stateOf(home), [{ id: THREAD_B }])
  state
    .prepare('INSERT INTO thread_spawn_edges (parent_thread_id, child_thread_id, status) VALUES (?, ?, ?)')
    .run(THREAD_A, THREAD_B, 'open')
  state.close()
  await new Promise((resolve) => setTimeout(resolve, 1800))
  insertLogRows(path, [{ body: 'of the child too', threadId: THREAD_B }])
  await new Promise((resolve) => setTimeout(resolve, 400))
  controller.abort('SIGTERM')
  const { stdout } = await tail
  // The child's rows from before it was known come too, each once.
  const ids = lines(stdout).map(Number)
  expect(ids).toContain(31)
  expect(ids.at(-1)).toBe(32)
  expect(new Set(ids).size).toBe(ids.length)
  const { stdout: queried } = await runLogs([
    'query',
    '--codex-home',
    home,
    '--thread-id',
    THREAD_A,
    '--with-children',
    '--count',
  ])
  expect(queried).toBe('22\n')
})

test('an empty answer on a terminal says how far the log reaches', async () => {
  const { home } = createLogHome([{ tsSeconds: 1_770_369_302, threadId: THREAD_A }])
  const run = (...argv: string[]) =>
    runLogs(['query', '--codex-home', home, '--search', 'zebra', ...argv, '--no-pager'], { isTerminal: true })
  expect((await run()).stderr).toMatch(
    /^codex-logs: no rows match; the log has rows from 2026-02-06 .* to 2026-02-06 /,
  )
  expect((await run('--thread-id', THREAD_A)).stderr).toMatch(/rows of this thread reach back to 2026-02-06/)
  expect((await run('--thread-id', THREAD_B)).stderr).toMatch(/there is no row of this thread \(any more\)/)
  const piped = await runLogs(['query', '--codex-home', home, '--search', 'zebra'])
  expect(piped).toEqual({ stdout: '', stderr: '', exitCode: 0 })
})
