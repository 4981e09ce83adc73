import { afterAll, describe, expect, test } from 'vitest'
import { describeEntry } from '../../src/format/turn-entry.js'
import { listRollouts, parseRolloutName } from '../../src/rollout/list.js'
import { indexRollouts, locateRollout } from '../../src/rollout/locate.js'
import { wordsOf } from '../../src/rollout/search-words.js'
import { readTurns, type ThreadTurns } from '../../src/rollout/turns.js'
import { diffTurns, type ToldUsage, toldHomes } from '../helpers/codex-view.js'
import {
  event,
  line,
  makeFolder,
  OTHER_ID,
  ROLLOUT_NAME,
  sessionMeta,
  THREAD_ID,
  writeFile,
} from '../helpers/rollouts.js'

/** Threads that Codex itself shows damaged: their projection stopped, the rollout has more. */
const DAMAGED: Record<string, string[]> = {
  'forks-0.153.0': ['killed2'],
  'items-0.145.0-paginated': ['review'],
}

const table: Record<string, number | string>[] = []

describe('turns and items of every release', () => {
  test.each(toldHomes())(
    '$name is read as $release itself tells it',
    async ({ name, release, home, threads }) => {
      const files = await rolloutsByThread(home)
      const row = { home: name, threads: 0, turns: 0, items: 0, responses: 0, tokens: 0 }
      const diffs: string[] = []
      const carriedOn = name === 'upgrade-0.169.0'
      for (const [id, told] of Object.entries(threads)) {
        const rollouts = await Promise.all((files.get(id) ?? []).map((path) => readTurns(path)))
        const current = rollouts[0]
        if (current === undefined) {
          expect(told.turns ?? []).toEqual([])
          continue
        }
        row.threads += 1
        if (told.turns && !DAMAGED[name]?.includes(told.scenario ?? '')) {
          diffs.push(...diffTurns(release, told.turns, current).map((diff) => `${id} ${diff}`))
          row.turns += told.turns.length
          row.items += told.turns.reduce((sum, { items }) => sum + items.length, 0)
        }
        if (told.sent && !carriedOn) {
          const sent = sumUsage(rollouts)
          expect({ id, ...sent }).toEqual({ id, ...told.sent })
          row.responses += sent.responses
          row.tokens += sent.total
        }
      }
      expect(diffs).toEqual([])
      expect(row.turns).toBeGreaterThan(0)
      table.push(row)
    },
  )

  afterAll(() => console.table(table))
})

describe('a thread whose projection stopped', () => {
  test.each(Object.entries(DAMAGED))(
    '%s has turns in the rollout that Codex does not show',
    async (name, scenarios) => {
      const { home, threads } = toldHomes().find((told) => told.name === name)!
      const files = await rolloutsByThread(home)
      const damaged = Object.entries(threads).filter(([, { scenario }]) => scenarios.includes(scenario ?? ''))
      expect(damaged).toHaveLength(1)
      const [id, told] = damaged[0]!
      const { turns } = await readTurns(files.get(id)![0]!)
      expect(turns.length).toBe(told.turns!.length + 1)
    },
  )
})

/** The rollouts of each thread, the one in force first. */
async function rolloutsByThread(home: string): Promise<Map<string, string[]>> {
  const { files } = await listRollouts(home)
  const byThread = new Map<string, string[]>()
  for (const { path } of files) {
    const { threadId } = parseRolloutName(path)!
    byThread.set(threadId, [...(byThread.get(threadId) ?? []), path])
  }
  const order = (path: string) => parseRolloutName(path)!.rolloutId ?? ''
  for (const paths of byThread.values()) paths.sort((a, b) => (order(a) < order(b) ? 1 : -1))
  return byThread
}

function sumUsage(rollouts: readonly ThreadTurns[]): ToldUsage {
  const sum = { responses: 0, input: 0, cached: 0, output: 0, reasoning: 0, total: 0 }
  for (const { responses, usage } of rollouts) {
    sum.responses += responses
    for (const field of ['input', 'cached', 'output', 'reasoning', 'total'] as const)
      sum[field] += usage[field]
  }
  return sum
}

describe('what Codex hides', () => {
  test('Calls of every era have their command, exit code, time and output', async () => {
    const calls: Record<string, unknown> = {}
    for (const name of ['items-0.120.0', 'items-0.140.0', 'items-0.169.0']) {
      const { home, threads } = toldHomes().find((told) => told.name === name)!
      const files = await rolloutsByThread(home)
      const [id] = Object.entries(threads).find(([, { scenario }]) => scenario === 'calls')!
      const { turns } = await readTurns(files.get(id)![0]!)
      calls[name] = turns[0]!.entries
        .flatMap((part) => (part.kind === 'note' || !part.call ? [] : [part.call]))
        .map(({ tool, command, exitCode, state, output }) => [
          tool,
          command,
          exitCode,
          state,
          output?.split('Output:\n')[1],
        ])
        .slice(0, 2)
    }
    const shell = [
      ['exec_command', 'cat notes.txt', 0, 'answered', 'one\ntwo\nthree\nx\n'],
      ['exec_command', 'echo err >&2; exit 3', 3, 'answered', 'err\n'],
    ]
    expect(calls).toEqual({ 'items-0.120.0': shell, 'items-0.140.0': shell, 'items-0.169.0': shell })
  })

  test('A turn that failed is called so although the newest Codex shows it as completed', async () => {
    const { home, threads } = toldHomes().find(({ name }) => name === 'items-0.120.0-extended')!
    const files = await rolloutsByThread(home)
    const [id] = Object.entries(threads).find(([, { scenario }]) => scenario === 'failed')!
    const { turns } = await readTurns(files.get(id)![0]!)
    const failed = turns.filter(({ isErrorHidden }) => isErrorHidden)
    expect(failed.map(({ status, outcome, error }) => [status, outcome, error?.info])).toEqual([
      ['completed', 'failed', 'internalServerError'],
    ])
  })
})

describe('a rollout that continues another one', () => {
  const turnLines = (turn: string, ordinal: number) => [
    paginated(ordinal, 'event_msg', { type: 'task_started', turn_id: turn }),
    paginated(ordinal + 1, 'event_msg', { type: 'task_complete', turn_id: turn }),
  ]

  test('has the turns of its base up to where it left it, and says whose they are', async () => {
    const home = makeFolder()
    writeLines(home, inSessions(THREAD_ID), [
      paginated(0, 'session_meta', meta(THREAD_ID)),
      ...turnLines('a', 1),
      ...turnLines('b', 3),
    ])
    const fork = writeLines(home, inSessions(OTHER_ID), [
      paginated(3, 'session_meta', meta(OTHER_ID, THREAD_ID, 3)),
      ...turnLines('c', 4),
    ])
    const { turns, bases, missingBase } = await readTurns(fork)
    expect(turns.map(({ number, id, isInherited }) => [number, id, isInherited])).toEqual([
      [1, 'a', true],
      [2, 'c', false],
    ])
    expect(bases.map(({ rolloutId }) => rolloutId)).toEqual([THREAD_ID])
    expect(missingBase).toBeNull()
  })

  test('of the same thread has what was reverted as rolled back, and nothing as inherited', async () => {
    const home = makeFolder()
    const used = (ordinal: number, turn_id: string) =>
      paginated(ordinal, 'token_usage_record', {
        thread_id: THREAD_ID,
        turn_id,
        response_id: turn_id,
        usage: { input_tokens: 10, output_tokens: 1, total_tokens: 11 },
      })
    writeLines(home, inSessions(THREAD_ID), [
      paginated(0, 'session_meta', meta(THREAD_ID)),
      ...turnLines('a', 1),
      used(3, 'a'),
      ...turnLines('b', 4),
      used(6, 'b'),
    ])
    const path = writeLines(home, inSessions(`${THREAD_ID}_${OTHER_ID}`), [
      paginated(4, 'session_meta', meta(THREAD_ID, THREAD_ID, 4)),
      ...turnLines('c', 5),
      used(7, 'c'),
    ])
    const { turns, rolledBack, ...read } = await readTurns(path)
    expect(
      [...turns, ...rolledBack].map(({ id, isInherited, isRolledBack }) => [id, isInherited, isRolledBack]),
    ).toEqual([
      ['a', false, false],
      ['c', false, false],
      ['b', false, true],
    ])
    expect([read.threadUsage.total, read.threadResponses, read.inheritedLineCount]).toEqual([33, 3, 0])
    expect([read.usage.total, read.responses]).toEqual([11, 1])
  })

  test('keeps its own turns when the base is gone, or leads back to it', async () => {
    const home = makeFolder()
    const fork = writeLines(home, inSessions(OTHER_ID), [
      paginated(3, 'session_meta', meta(OTHER_ID, THREAD_ID, 3)),
      ...turnLines('c', 4),
    ])
    const gone = await readTurns(fork)
    expect(gone.turns.map(({ id }) => id)).toEqual(['c'])
    expect(gone.missingBase).toEqual({ rolloutId: THREAD_ID, neededBy: OTHER_ID, reason: 'not found' })

    writeLines(home, inSessions(THREAD_ID), [paginated(0, 'session_meta', meta(THREAD_ID, OTHER_ID, 9))])
    const circle = await readTurns(fork)
    expect(circle.turns.map(({ id }) => id)).toEqual(['c'])
    expect(circle.missingBase).toEqual({ rolloutId: OTHER_ID, neededBy: THREAD_ID, reason: 'circle' })
  })
})

test('A call without an answer is running, unanswered or lost, by what became of its turn', async () => {
  const call = (id: string) =>
    line('response_item', {
      type: 'function_call',
      name: 'exec_command',
      arguments: '{"cmd":"sleep 9"}',
      call_id: id,
    })
  const path = writeLines(makeFolder(), ROLLOUT_NAME, [
    sessionMeta(),
    event('task_started', { turn_id: 'a' }),
    call('1'),
    event('turn_aborted', { turn_id: 'a', reason: 'interrupted' }),
    event('task_started', { turn_id: 'b' }),
    call('2'),
  ])
  const states = async (hasWriter: boolean) => {
    const { turns } = await readTurns(path, { hasWriter })
    return turns.map(({ status, outcome, entries }) => [
      status,
      outcome,
      ...entries.map((entry) => (entry.kind === 'call' ? entry.call.state : entry.kind)),
    ])
  }
  const aborted = ['interrupted', 'interrupted', 'unanswered']
  expect(await states(false)).toEqual([aborted, ['interrupted', 'neverEnded', 'lost']])
  expect(await states(true)).toEqual([aborted, ['interrupted', 'running', 'running']])
})

test('who writes a rollout is asked only where a turn is open', async () => {
  const begun = [sessionMeta(), event('task_started', { turn_id: 'a' })]
  const open = writeLines(makeFolder(), ROLLOUT_NAME, begun)
  const ended = writeLines(makeFolder(), ROLLOUT_NAME, [...begun, event('task_complete', { turn_id: 'a' })])
  const asked: string[] = []
  for (const path of [open, ended]) {
    const hasWriter = () => {
      asked.push(path)
      return true
    }
    await readTurns(path, { hasWriter })
  }
  expect(asked).toEqual([open])
})

test('A line of an unknown kind is told by its type, and one that lacks what it needs by that', async () => {
  const lines = [
    event('task_started', { turn_id: 'a' }),
    line('brand_new', { words: 1 }),
    line('response_item', { type: 'newer_still' }),
    event('newest', { turn_id: 'a' }),
    event('newest', { turn_id: 'a' }),
    line('event_msg', { words: 1 }),
    line('response_item', { words: 1 }),
    event('item_completed', { turn_id: 'a', item: { type: 'Plan' } }),
    event('user_message', { message: 7 }),
  ]
  const unknown = {
    brand_new: 1,
    newer_still: 1,
    newest: 2,
    'event_msg without a type': 1,
    'response_item without a type': 1,
    'item_completed without an item': 1,
    'user_message without a message': 1,
  }
  for (const history_mode of ['legacy', 'paginated']) {
    const path = writeLines(makeFolder(), ROLLOUT_NAME, [sessionMeta({ history_mode }), ...lines])
    const { turns, unknownTypes } = await readTurns(path)
    expect(unknownTypes).toEqual(unknown)
    expect(turns).toHaveLength(1)
    const notes = turns[0]!.entries.flatMap((entry) => (entry.kind === 'note' ? [entry.note.text] : []))
    expect(new Set(notes)).toEqual(new Set(Object.keys(unknown)))
  }
})

test('An error is a note where it is told, whether Codex shows it or not', async () => {
  const path = writeLines(makeFolder(), ROLLOUT_NAME, [
    sessionMeta(),
    event('error', { message: 'before any turn' }),
    event('task_started', { turn_id: 'a' }),
    event('error', { message: 'in a turn' }),
    event('task_complete', { turn_id: 'a', error: { message: 'at its end' } }),
  ])
  const { turns, outside } = await readTurns(path)
  expect(
    [outside, turns[0]!.entries].map((entries) => entries.map((entry) => 'note' in entry && entry.note)),
  ).toEqual([
    [{ kind: 'error', text: 'before any turn' }],
    [
      { kind: 'error', text: 'in a turn' },
      { kind: 'error', text: 'at its end' },
    ],
  ])
})

describe('an item whose turn is nowhere', () => {
  const plan = (turn_id: string) =>
    event('item_completed', { turn_id, item: { type: 'Plan', id: 'p', text: 'kept words' } })
  const wordsIn = (entries: ThreadTurns['outside']) =>
    entries.map((entry) => entry.kind === 'item' && [entry.item.id, entry.isHidden])

  test.each(['legacy', 'paginated'])('stands outside of all turns: %s', async (history_mode) => {
    const path = writeLines(makeFolder(), ROLLOUT_NAME, [sessionMeta({ history_mode }), plan('lost')])
    const { turns, outside } = await readTurns(path)
    expect(turns).toEqual([])
    expect(wordsIn(outside)).toEqual([['p', true]])
  })

  test('stands in the turn that was rolled back meanwhile', async () => {
    const path = writeLines(makeFolder(), ROLLOUT_NAME, [
      sessionMeta(),
      event('task_started', { turn_id: 'a' }),
      event('thread_rolled_back', { num_turns: 1 }),
      plan('a'),
    ])
    const { turns, rolledBack } = await readTurns(path)
    expect(turns).toEqual([])
    expect(rolledBack.map(({ entries }) => wordsIn(entries))).toEqual([[['p', false]]])
  })
})

test('Words of parts that are not known, and of a plan that another one replaced, are kept', async () => {
  const item = (type: string, fields: object) =>
    event('item_completed', { turn_id: 'a', item: { type, id: type, ...fields } })
  const path = writeLines(makeFolder(), ROLLOUT_NAME, [
    sessionMeta({ history_mode: 'paginated' }),
    event('task_started', { turn_id: 'a' }),
    item('UserMessage', { content: [{ type: 'hologram', text: 'seen words' }] }),
    item('AgentMessage', {
      content: [
        { type: 'Text', text: 'plain and ' },
        { type: 'Rich', text: 'rich' },
      ],
    }),
    item('CommandExecution', { command: 'ls -la' }),
    item('Plan', { text: 'plan one' }),
    item('Plan', { text: 'plan two' }),
  ])
  const { turns } = await readTurns(path)
  const { entries } = turns[0]!
  expect(entries.map((entry) => [describeEntry(entry).text, 'isHidden' in entry && entry.isHidden])).toEqual([
    ['[hologram seen words]', false],
    ['plain and rich', false],
    ['ls -la', false],
    ['plan two', false],
    ['plan one', true],
  ])
  expect(entries.flatMap(wordsOf).map(({ text }) => text)).toEqual([
    'seen words',
    'plain and rich',
    'ls -la',
    'plan two',
    'plan one',
  ])
})

test('What an older Codex wrote into a paginated thread is there, hidden', async () => {
  const path = writeLines(makeFolder(), ROLLOUT_NAME, [
    paginated(0, 'session_meta', meta(THREAD_ID)),
    paginated(1, 'event_msg', { type: 'task_started', turn_id: 'a' }),
    paginated(2, 'event_msg', { type: 'task_complete', turn_id: 'a' }),
    event('task_started', { turn_id: 'b' }),
    event('user_message', { message: 'asked' }),
    event('agent_reasoning', { text: 'thought' }),
    event('agent_message', { message: 'answered' }),
  ])
  const { turns } = await readTurns(path)
  expect(turns.map(({ id, prompt, hasAnswer }) => [id, prompt, hasAnswer])).toEqual([
    ['a', null, false],
    ['b', 'asked', true],
  ])
  expect(
    turns[1]!.entries.map((entry) => entry.kind === 'item' && [entry.item.type, entry.isHidden]),
  ).toEqual([
    ['userMessage', true],
    ['reasoning', true],
    ['agentMessage', true],
  ])
})

test('A fork whose first line is lost is not taken for the thread that it was copied from', async () => {
  const home = makeFolder()
  const copied = [
    sessionMeta({ id: OTHER_ID, cli_version: '0.140.0' }),
    event('task_started', { turn_id: '0199a000-0000-7000-8000-000000000001' }),
    event('user_message', { message: 'asked there' }),
  ]
  const path = writeLines(home, inSessions(THREAD_ID), [
    '\ufeff{}',
    ...copied,
    event('task_started', { turn_id: '0199aaab-0000-7000-8000-000000000001' }),
    event('user_message', { message: 'asked here' }),
  ])
  const { threadId, turns, badLineCount } = await readTurns(path)
  expect([threadId, badLineCount]).toEqual([THREAD_ID, 1])
  expect(turns.map(({ prompt, isInherited }) => [prompt, isInherited])).toEqual([
    ['asked there', true],
    ['asked here', false],
  ])
  const located = await locateRollout({
    codexHome: home,
    id: THREAD_ID,
    recordedPath: path,
    index: () => indexRollouts(home),
    onProblem(problem) {
      throw new Error(problem.kind)
    },
  })
  expect(located).toMatchObject({ path, foundBy: 'unverified' })
})

function paginated(ordinal: number, type: string, payload: Record<string, unknown>): string {
  return JSON.stringify({ timestamp: '2026-02-05T10:20:30.123Z', ordinal, type, payload })
}

function meta(id: string, baseId?: string, endOrdinal?: number): Record<string, unknown> {
  const base = baseId && { history_base: { thread_id: baseId, end_ordinal_exclusive: endOrdinal } }
  return { id, history_mode: 'paginated', ...base }
}

function writeLines(folder: string, name: string, lines: readonly string[]): string {
  return writeFile(folder, name, lines.map((text) => `${text}\n`).join(''))
}

function inSessions(threadId: string): string {
  return `sessions/2026/02/05/rollout-2026-02-05T10-20-30-${threadId}.jsonl`
}
