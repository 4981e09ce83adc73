import { appendFileSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import zlib from 'node:zlib'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { copyFixtureHome } from '../../helpers/homes.js'
import { event, makeFolder, ROLLOUT_NAME, sessionMeta, writeFile } from '../../helpers/rollouts.js'
import { runState } from '../../helpers/run.js'

const forks = copyFixtureHome('turns', 'forks-0.169.0')
const legacy = copyFixtureHome('turns', 'forks-0.140.0')
const BASE = '01a21336-81d5-7512-b414-664d5840bf56'
const now = Date.UTC(2026, 10, 25, 15)

afterAll(() => {
  for (const home of [forks, legacy]) rmSync(dirname(home), { recursive: true, force: true })
})

function copyOf(name: string): string {
  const home = copyFixtureHome('turns', name)
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  return home
}

const search = (home: string, ...argv: string[]) => runState(['search', ...argv, '--codex-home', home])

async function found(home: string, ...argv: string[]) {
  const { stdout, stderr } = await search(home, '--json', ...argv)
  expect(stderr).toBe('')
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function rollouts(home: string): string[] {
  return readdirSync(join(home, 'sessions'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl(\.zst)?$/.test(name))
    .map((name) => join(home, 'sessions', name))
}

test('A line that matches is told with thread, turn, time and who said it', async () => {
  const { stdout, stderr, exitCode } = await runState(
    ['search', 'Say three', '-C', '1', '--codex-home', forks, '--color', 'never'],
    { isTerminal: true, now },
  )
  expect([stderr, exitCode]).toEqual(['', 0])
  expect(stdout).toMatchInlineSnapshot(`
    "THREAD         TURN  AT      WHO        TEXT
    01a21336-81d5     3  2m ago  user       Say three
    01a21336-81d5     3  2m ago  assistant  Answer 4: Say three
    "
  `)
})

test.each([
  ['copied lines', legacy],
  ['a base', forks],
])('What forks have by %s is told once, at the thread that wrote it', async (_, home) => {
  const hits = await found(home, 'Think of one', '--in', 'user')
  expect(hits.map(({ turn, inherited }) => [turn, inherited])).toEqual([[1, false]])
  const threads = await found(home, 'Think of one', '-c', '--in', 'user')
  expect(threads).toMatchObject([{ matches: 1, thread_id: hits[0]!.thread_id }])
})

test('What a revert put aside has no place in its thread any more, and what it kept has the one of today', async () => {
  const hits = await found(forks, '^(Say r1|Shell r2|Say r3|Say r4.*)$', '-E', '--in', 'user')
  const rows = hits.map(({ text, turn, rolled_back, inherited }) => [text, turn, rolled_back, inherited])
  expect(rows.filter(([text]) => /r[1-4]/.test(String(text))).toSorted()).toEqual([
    ['Say r1', 1, false, false],
    ['Say r3', null, true, false],
    ['Say r4 after the rollback', 2, false, false],
    ['Shell r2', null, true, false],
  ])
})

test('Where the thread that wrote it is gone, it is told at the fork that has it', async () => {
  const home = copyOf('forks-0.140.0')
  const [origin] = await found(home, 'Think of one', '--in', 'user')
  unlinkSync(String(origin!.path))
  const hits = await found(home, 'Think of one', '--in', 'user')
  expect(hits.length).toBeGreaterThan(0)
  expect(hits.every(({ inherited }) => inherited === true)).toBe(true)
})

test('Nothing that matches ends with 1, a pattern that is none with 2', async () => {
  expect(await search(forks, 'quokka-nowhere')).toEqual({ stdout: '', stderr: '', exitCode: 1 })
  expect((await search(forks, '(', '--regex')).exitCode).toBe(2)
  expect((await search(forks, 'x', '--in', 'nowhere')).stderr).toContain(
    "'nowhere' is not a place to search in",
  )
})

test('Capitals count unless told otherwise, and a pattern is held against each line', async () => {
  expect(await found(forks, 'SAY THREE')).toEqual([])
  const plain = await found(forks, 'Say three')
  expect(plain.length).toBeGreaterThan(1)
  expect(await found(forks, 'sAY tHREE', '-i')).toEqual(plain)
  expect(await found(forks, '^.*Say t[h]ree$', '-E')).toHaveLength(plain.length)
})

test('Errors, each of several equal lines, and a command as it was typed are found; what was not searched is said', async () => {
  const home = makeFolder()
  const typed = `echo "it's $HOME" \`date\``
  const item = (type: string, id: string, fields: object) =>
    event('item_completed', { turn_id: 'a', item: { type, id, ...fields } })
  writeFile(
    home,
    `sessions/2026/02/05/${ROLLOUT_NAME}`,
    [
      sessionMeta({ history_mode: 'paginated' }),
      event('task_started', { turn_id: 'a' }),
      item('CommandExecution', 'c', {
        command: ['bash', '-lc', typed],
        aggregated_output: 'tick\ntock\ntick',
      }),
      event('task_complete', { turn_id: 'a', error: { message: 'the zebra is gone' } }),
    ]
      .map((text) => `${text}\n`)
      .join(''),
  )
  const texts = async (...argv: string[]) =>
    (await found(home, ...argv)).map(({ text, line }) => [text, line])
  expect(await texts('zebra')).toEqual([['the zebra is gone', 4]])
  expect(await texts('tick')).toEqual([
    ['tick', 3],
    ['tick', 3],
  ])
  expect(await texts(typed)).toEqual([[`bash -lc ${typed}`, 3]])
  expect(await texts('bash -lc')).toHaveLength(1)

  appendFileSync(
    join(home, 'sessions/2026/02/05', ROLLOUT_NAME),
    `${event('newest', { words: 'quokka' })}\n${event('newest', {})}\n`,
  )
  expect(await search(home, 'quokka')).toEqual({
    stdout: '',
    stderr: 'codex-state: 2 lines of types that are not known here were not searched\n',
    exitCode: 1,
  })
})

test('Threads, folders, times and archives limit a search', async () => {
  const all = await found(forks, 'Say', '--in', 'user')
  const inBase = await found(forks, 'Say', '--in', 'user', '--thread', BASE)
  expect(inBase).toEqual(all.filter(({ thread_id }) => thread_id === BASE))
  expect(inBase.length).toBeGreaterThan(0)
  const at = String(inBase[0]!.at)
  expect(await found(forks, 'Say', '--in', 'user', '--until', at)).toEqual(
    all.filter((hit) => String(hit.at) <= at),
  )
  expect(await found(forks, 'Say', '--in', 'user', '--since', at)).toEqual(
    all.filter((hit) => String(hit.at) >= at),
  )
  expect(await found(forks, 'Say', '--archived')).toEqual([])
  expect(await found(forks, 'Say', '--cwd', '/nowhere')).toEqual([])
  const cwd = (await runState(['threads', 'show', BASE, '--json=cwd', '--codex-home', forks])).stdout
  expect(
    await found(forks, 'Say', '--in', 'user', '--cwd', (JSON.parse(cwd) as { cwd: string }).cwd),
  ).toEqual(all)
})

test('Ids alone come newest first, each once; -n ends the search', async () => {
  const { stdout } = await search(forks, 'Say', '-l')
  const ids = stdout.trim().split('\n')
  expect(new Set(ids).size).toBe(ids.length)
  const { stdout: listed } = await runState([
    'threads',
    'list',
    '--json=id,updated_at',
    '--codex-home',
    forks,
  ])
  const order = (JSON.parse(listed) as { id: string; updated_at: string }[]).filter(({ id }) =>
    ids.includes(id),
  )
  const times = ids.map((id) => order.find((row) => row.id === id)!.updated_at)
  expect(times).toEqual(times.toSorted().reverse())
  expect((await search(forks, 'Say', '-l', '-n', '2')).stdout.trim().split('\n')).toEqual(ids.slice(0, 2))
})

test('Compressed rollouts, escapes and very long lines are searched, and what cannot be read is said', async () => {
  const home = copyOf('forks-0.140.0')
  const [origin] = await found(home, 'Think of one', '--in', 'user')
  const path = String(origin!.path)
  const line = (message: string) =>
    `${JSON.stringify({ timestamp: '2026-11-25T15:00:00.000Z', type: 'event_msg', payload: { type: 'user_message', message, images: [] } })}\n`
  const words = `${'long '.repeat(500_000)}needle "quoted"\\path`
  const escaped = line('café noir').replace('é', '\\u00e9')
  appendFileSync(path, `${line(words)}${escaped}{"broken\n`)
  const bytes = readFileSync(path)
  const lineCount = bytes.toString().trimEnd().split('\n').length
  writeFileSync(
    `${path}.zst`,
    Buffer.concat([bytes.subarray(0, 5000), bytes.subarray(5000)].map((part) => zlib.zstdCompressSync(part))),
  )
  unlinkSync(path)
  for (const text of ['needle "quoted"\\path', 'café', 'CAFÉ', 'é n']) {
    const { stdout, stderr } = await search(home, '-i', '--json', text)
    expect(stdout.split('\n').filter(Boolean), text).toHaveLength(1)
    expect(stderr).toBe(`codex-state: ${path}.zst: line ${lineCount}: not JSON\n`)
  }
  const other = rollouts(home).find((name) => name.endsWith('.jsonl'))!
  writeFileSync(`${other}.zst`, 'no zstd')
  unlinkSync(other)
  const damaged = await search(home, 'quokka-nowhere')
  expect(damaged.exitCode).toBe(1)
  expect(damaged.stderr).toContain(`cannot read rollout ${other}.zst`)
})

test.each(['forks-0.140.0', 'forks-0.169.0'])(
  'What a review says as prompt, result and answer is found once in a turn: %s',
  async (name) => {
    const hits = await found(copyOf(name), 'what is wrong in notes.txt')
    const keys = hits.map(({ thread_id, turn, who, text }) => [thread_id, turn, who, text].join())
    expect(keys.length).toBeGreaterThan(3)
    expect(keys).toEqual([...new Set(keys)])
  },
)

test('A title is found where a user gave it', async () => {
  const home = copyOf('forks-0.169.0')
  appendFileSync(
    join(home, 'session_index.jsonl'),
    `${JSON.stringify({ id: BASE, thread_name: 'Gathering herbs', updated_at: '2026-11-25T15:00:00Z' })}\n`,
  )
  expect(await found(home, 'herbs')).toMatchObject([
    { thread_id: BASE, who: 'titles', text: 'Gathering herbs', turn: null },
  ])
  expect(await found(home, 'herbs', '--in', 'user')).toEqual([])
})
