import { join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, test } from 'vitest'
import { createLogHome, NEWEST_LAYOUT, THREAD_A } from '../../helpers/log-layouts.js'
import { runLogs } from '../../helpers/run.js'
import { insertThreads } from '../../helpers/seed.js'

const CHAIN = `session_loop{thread_id=${THREAD_A}}:turn{turn.id=T1 cwd=/a: b{c}}: `

const BODIES: readonly (string | Buffer | null)[] = [
  `${CHAIN}${'x'.repeat(10 * 1024 * 1024)} field=1`,
  null,
  Buffer.from([0x74, 0xff, 0xfe, 0x00, 0x78]),
  `${CHAIN}told value=${'('.repeat(100_000)}`,
  `${'a{b=1}:'.repeat(20_000)} told`,
  CHAIN.slice(0, 40),
  `${CHAIN}\x1b]52;c;aGk=\x07\x1b[2J\u202e\u200b\r\nnext`,
  `${CHAIN}${'é\u0301👩‍👩‍👧नमस्ते'.repeat(100)}`,
]

let home: string

beforeAll(() => {
  const made = createLogHome(
    BODIES.map(() => ({ body: '', threadId: THREAD_A, level: 'ERROR', target: 'codex_core::session::turn' })),
  )
  home = made.home
  const database = new Database(made.path)
  const update = database.prepare('UPDATE logs SET feedback_log_body = ? WHERE id = ?')
  for (const [index, body] of BODIES.entries()) update.run(body, index + 1)
  database.close()
  insertThreads(join(home, NEWEST_LAYOUT.stateFile), [
    { id: THREAD_A, title: `\x1b[31m${'title '.repeat(200_000)}` },
  ])
})

function run(argv: readonly string[], columns?: number, env = {}) {
  return runLogs([...argv, '--codex-home', home, '--no-pager'], {
    env,
    ...(columns !== undefined && { isTerminal: true, columns }),
  })
}

/** What acts on a terminal, colours left out. */
const ACTS = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e\u200b]|\x1b(?!\[[\d;]*m)/

describe.each([20, 80, 1000])('on a terminal of %i columns', (columns) => {
  test.each([
    ['tail', '--no-follow'],
    ['query', '--compact'],
    ['query', '--thread-id', THREAD_A],
    ['status'],
  ])('%s %s: no line is wider, nothing acts', async (...argv) => {
    const { stdout, exitCode } = await run(argv.filter(Boolean), columns)
    expect(exitCode).toBe(0)
    expect(stdout).not.toMatch(ACTS)
    const plain = stdout.replaceAll(/\x1b\[[\d;]*m/g, '')
    expect(plain.split('\n').length).toBeLessThan(60)
    // A cell is at least a part of one code unit of these texts.
    for (const line of plain.split('\n')) expect(line.length).toBeLessThan(columns * 8 + 20)
  })
})

test('without colour, and on a terminal that can nothing, there are no escapes at all', async () => {
  for (const line of [
    ['tail', '--no-follow'],
    ['show', '7'],
  ]) {
    expect((await run(line, 80)).stdout).toContain('\x1b[')
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const { stdout } = await run(line, 80, env)
      expect(stdout.split('\n').length).toBeGreaterThan(5)
      expect(stdout).not.toContain('\x1b')
    }
  }
})

test('combining marks and joiners of real text stay as they are', async () => {
  const { stdout } = await run(['query', '--where', 'id=8', '--color', 'never'], 400)
  expect(stdout).toContain('é\u0301👩‍👩‍👧नमस्ते')
})

test('every row is there in JSON with its parts, whatever its body', async () => {
  const { stdout, exitCode } = await run(['query', '--json', '--parse'])
  const rows = stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
  expect(exitCode).toBe(0)
  expect(rows.map(({ id }) => id)).toEqual(BODIES.map((_, index) => index + 1))
  expect(rows.slice(0, 2).map(({ message }) => message?.length ?? null)).toEqual([10 * 1024 * 1024, null])
  expect(rows[4].spans.length).toBe(20_000)
})

test('show tells of each of them', async () => {
  for (const [index] of BODIES.entries()) {
    const { stdout, exitCode } = await run(['show', String(index + 1)], 80)
    expect({ index, exitCode, acts: ACTS.test(stdout) }).toEqual({ index, exitCode: 0, acts: false })
  }
})

test('conditions and kinds are told of them all', async () => {
  expect((await run(['query', '--count', '--where', 'message!='])).stdout).toMatch(/^[4-8]\n$/)
  expect((await run(['query', '--count', '--failed'])).exitCode).toBe(0)
  const { stdout } = await run(['query', '--collapse'])
  const counts = stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line.split('\t')[0]))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(BODIES.length)
})
