import { rmSync, utimesSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { toldHomes } from '../../helpers/codex-view.js'
import { copyFixtureHome } from '../../helpers/homes.js'
import {
  event,
  line,
  makeFolder,
  ROLLOUT_NAME,
  sessionMeta,
  THREAD_ID,
  userMessage,
  writeFile,
} from '../../helpers/rollouts.js'
import { runState } from '../../helpers/run.js'

const forks = copyFixtureHome('turns', 'forks-0.169.0')
const items = copyFixtureHome('items', 'items-0.140.0')
const rolled = copyFixtureHome('turns', 'forks-0.140.0')
const BASE = '01a21336-81d5-7512-b414-664d5840bf56'
const ROLLED_BACK = '01a21352-5a65-7463-a238-93a96414db53'
const FORK = '01a21336-83d0-7d91-80b7-d457703602c8'

afterAll(() => {
  for (const home of [forks, items, rolled]) rmSync(dirname(home), { recursive: true, force: true })
})

const now = Date.UTC(2026, 10, 25, 15)

test('Turns are told with their outcome, calls and tokens, inherited ones of a fork too', async () => {
  const { stdout, stderr, exitCode } = await runState(
    ['threads', 'turns', FORK, '--codex-home', forks, '--color', 'never'],
    { isTerminal: true, now },
  )
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  expect(stdout).toMatchInlineSnapshot(`
    "#  STARTED    TIME  OUTCOME    PROMPT                  CALLS  TOKENS  MODEL
    1  2m ago   140 ms  completed  Think of one                0   5,198  gpt-5.2-codex
    2  2m ago   275 ms  completed  Shell two        2 (1 failed)  17,281  gpt-5.2-codex
    3  2m ago    43 ms  completed  Say three                   0   5,979  gpt-5.2-codex
    4  2m ago    87 ms  completed  Say in the fork             0   6,047  gpt-5.2-codex
    4 turns, 3 inherited, 6,047 tokens in 1 response of its own

    · waiting for the model  ░ model  █ call
    turn 1                              ················································░░░░░░    140 ms
    turn 2                              ·····░░░███████████████░░░░████████░░░░░░░░░░░░░░░░░░░    275 ms
     /bin/bash -lc 'cat notes.txt; ex…          ███████████████                                    75 ms
     /bin/bash -lc 'wc -l notes.txt'                               ████████                        42 ms
    turn 3                              ····························░░░░░░░░░░░░░░░░░░░░░░░░░░     43 ms
    turn 4                              ················································░░░░░░     87 ms
    "
  `)
})

test('In JSON each turn has all its fields', async () => {
  const { stdout } = await runState(['threads', 'turns', BASE, '--json', '--codex-home', forks])
  const turns = JSON.parse(stdout) as Record<string, unknown>[]
  expect(
    turns.map(({ number, outcome, calls, failed_calls, total_tokens, inherited }) => [
      number,
      outcome,
      calls,
      failed_calls,
      total_tokens,
      inherited,
    ]),
  ).toMatchInlineSnapshot(`
    [
      [
        1,
        "completed",
        0,
        0,
        5198,
        false,
      ],
      [
        2,
        "completed",
        2,
        1,
        17281,
        false,
      ],
      [
        3,
        "completed",
        0,
        0,
        5979,
        false,
      ],
      [
        4,
        "completed",
        1,
        0,
        12293,
        false,
      ],
    ]
  `)
})

test('Items of a release that shows no calls have command, exit code, and who refused one', async () => {
  const told = toldHomes().find(({ name }) => name === 'items-0.140.0')!
  const idOf = (scenario: string) =>
    Object.entries(told.threads).find(([, thread]) => thread.scenario === scenario)![0]
  const read = async (scenario: string) => {
    const argv = ['threads', 'turns', idOf(scenario), '--items', '--json', '--codex-home', items]
    const { stdout, exitCode } = await runState(argv)
    expect(exitCode).toBe(0)
    return JSON.parse(stdout) as Record<string, unknown>[]
  }
  expect((await read('calls')).filter(({ kind }) => kind === 'ran').slice(0, 2)).toMatchObject([
    { turn: 1, text: 'cat notes.txt', exit_code: 0, state: 'answered', hidden: true },
    { turn: 1, text: 'echo err >&2; exit 3', exit_code: 3, state: 'answered', hidden: true },
  ])
  const refused = (await read('approve')).filter(({ refused_by }) => refused_by !== null)
  expect(new Set(refused.map(({ refused_by }) => refused_by))).toEqual(new Set(['user']))
  expect((await read('guard')).find(({ refused_by }) => refused_by === 'autoReview')).toMatchObject({
    refusal_reason: 'guardian refuses it',
  })
  // What stands in no turn is there too.
  expect((await read('inject')).filter(({ turn }) => turn === null).map(({ text }) => text)).toEqual([
    'user: injected user words',
    'assistant: injected answer words',
  ])
})

test('Turns that were rolled back are told when they are asked for, in their place and without a number', async () => {
  const turnsOf = async (...argv: string[]) =>
    (await runState(['threads', 'turns', ROLLED_BACK, '--codex-home', rolled, ...argv])).stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
  expect(await turnsOf('--fields=number,prompt')).toEqual([
    ['1', 'Say r1'],
    ['2', 'Say r4 after the rollback'],
  ])
  expect(await turnsOf('--rolled-back', '--fields=number,prompt,rolled_back,total_tokens')).toEqual([
    ['1', 'Say r1', 'false', '1795'],
    ['', 'Shell r2', 'true', '6294'],
    ['', 'Say r3', 'true', '2274'],
    ['2', 'Say r4 after the rollback', 'false', '1849'],
  ])
  expect(await turnsOf('--rolled-back', '--items', '--fields=turn,rolled_back,text')).toContainEqual([
    '',
    'true',
    'Say r3',
  ])
  const { stdout } = await runState(['threads', 'turns', ROLLED_BACK, '--codex-home', rolled], {
    isTerminal: true,
    now,
  })
  expect(stdout).toContain('2 turns, 2 rolled back (--rolled-back), 12,212 tokens in 6 responses')
})

test('A turn that failed in a release that does not say so has no answer; a review and a compaction have', async () => {
  const unanswered = async (home: string) => {
    const { stdout } = await runState(['threads', 'list', '--quiet', '--codex-home', home])
    const prompts: unknown[] = []
    for (const id of stdout.trim().split('\n')) {
      const told = await runState(['threads', 'turns', id, '--codex-home', home, '--color', 'never'], {
        isTerminal: true,
        now,
      })
      const lines = told.stdout.split('\n').filter((line) => line.includes('completed, no answer'))
      prompts.push(...lines.map((line) => /no answer {2,}(.*?) {2,}/.exec(line)?.[1]))
    }
    return prompts.toSorted()
  }
  expect(await unanswered(rolled)).toEqual(['Cut y1', 'Fail x1', 'Full f2'])
  const old = copyFixtureHome('turns', 'forks-0.98.0')
  onTestFinished(() => rmSync(dirname(old), { recursive: true, force: true }))
  // Of a killed turn that release has no end either.
  expect(await unanswered(old)).toEqual(['Cut y1', 'Endless k2', 'Endless l2', 'Fail x1', 'Full f2'])
  expect(await unanswered(forks)).toEqual([])
})

test('A turn that no line ends is running while its rollout is being written', async () => {
  const told = toldHomes().find(({ name }) => name === 'forks-0.169.0')!
  const [id] = Object.entries(told.threads).find(([, { scenario }]) => scenario === 'killed')!
  const outcomes = async () => {
    const { stdout } = await runState(['threads', 'turns', id, '--json', 'outcome', '--codex-home', forks])
    return (JSON.parse(stdout) as { outcome: string }[]).map(({ outcome }) => outcome)
  }
  expect((await outcomes()).at(-1)).toBe('neverEnded')
  const { stdout: path } = await runState(['threads', 'path', id, '--codex-home', forks])
  const recent = Date.now() / 1000
  utimesSync(path.trim(), recent, recent)
  expect((await outcomes()).at(-1)).toBe('running')
})

test('A thread that is not there is said so', async () => {
  const { stderr, exitCode } = await runState(['threads', 'turns', 'ffffffff', '--codex-home', forks])
  expect(exitCode).toBe(1)
  expect(stderr).toContain('ffffffff')
})

describe('a rollout of 2025', () => {
  const write = (lines: readonly string[]) => {
    const home = makeFolder()
    writeFile(home, `sessions/2026/02/05/${ROLLOUT_NAME}`, lines.map((text) => `${text}\n`).join(''))
    return (...argv: string[]) => runState([...argv, '--codex-home', home])
  }

  test('has the command of a call whose end does not repeat it', async () => {
    const run = write([
      sessionMeta({ cli_version: '0.40.0' }),
      userMessage('do it'),
      line('response_item', {
        type: 'function_call',
        name: 'shell',
        arguments: JSON.stringify({ command: ['ls', '-la'] }),
        call_id: 'c',
      }),
      event('exec_command_end', { call_id: 'c', aggregated_output: 'a\n', exit_code: 0 }),
    ])
    const { stdout } = await run('threads', 'turns', THREAD_ID, '--items', '--json')
    expect(JSON.parse(stdout)[1]).toMatchObject({ kind: 'ran', text: 'ls -la', exit_code: 0 })
    expect((await run('search', 'ls -la')).exitCode).toBe(0)
  })

  test('in the form from before September is called that once, and has no turn', async () => {
    const run = write([
      JSON.stringify({ id: THREAD_ID, timestamp: '2025-08-01T10:00:00Z', instructions: null }),
      JSON.stringify({ type: 'message', role: 'user', content: [] }),
      JSON.stringify({ record_type: 'state' }),
    ])
    for (const command of ['turns', 'read']) {
      const { stdout, stderr, exitCode } = await run('threads', command, THREAD_ID)
      expect([stdout, exitCode]).toEqual(['', 1])
      expect(stderr).toMatch(
        /^codex-state: .*jsonl was written before September 2025, in a form that is not read: 3 lines\n(.* has no turn\n)?$/,
      )
    }
  })
})
