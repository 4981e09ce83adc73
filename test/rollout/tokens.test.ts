import { readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import zlib from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { TokenUsage } from '../../src/model/turn.js'
import { listRollouts } from '../../src/rollout/list.js'
import { type RolloutTokens, readRolloutTokens, readTokenLedger } from '../../src/rollout/tokens.js'
import { readTurns } from '../../src/rollout/turns.js'
import { type ToldUsage, toldHomes } from '../helpers/codex-view.js'
import {
  CHARGED,
  fixtureNames,
  fixturePath,
  HOMES,
  type HomeName,
  homePath,
  makeCase,
} from '../helpers/homes.js'
import {
  event,
  line,
  makeFolder,
  OTHER_ID,
  ROLLOUT_NAME,
  sessionMeta,
  THREAD_ID,
  turnContext,
  writeFile,
} from '../helpers/rollouts.js'

async function readLedger(home: string): Promise<RolloutTokens[]> {
  const rollouts: RolloutTokens[] = []
  for await (const rollout of readTokenLedger(home)) {
    if ('kind' in rollout) throw new Error(`unreadable: ${rollout.path}`)
    rollouts.push(rollout)
  }
  return rollouts
}

function sum(rollouts: readonly RolloutTokens[]): ToldUsage {
  const total = { responses: 0, input: 0, cached: 0, output: 0, reasoning: 0, total: 0 }
  for (const { responses, usage } of rollouts) {
    total.responses += responses.length
    for (const key of Object.keys(usage) as (keyof TokenUsage)[]) total[key] += usage[key]
  }
  return total
}

describe('the ledger', () => {
  test.each(Object.keys(CHARGED))('of %s is what the server charged', async (name) => {
    const { responses, input, cached, output, reasoning, total } = sum(
      await readLedger(homePath(name as HomeName)),
    )
    expect([input, cached, output, reasoning, responses]).toEqual(CHARGED[name as HomeName])
    expect(total).toBe(input + output)
  })

  test.each(fixtureNames('turns').filter((name) => /^(forks|midfork|v2)/.test(name)))(
    'of %s is what the server charged, response by response',
    async (name) => {
      const folder = fixturePath('turns', name)
      const told = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
        total: ToldUsage
        responses: { thread: string; status: number; usage: TokenUsage | null }[]
      }
      const ledger = await readLedger(join(folder, 'home'))
      expect(sum(ledger)).toEqual(told.total)
      const charged = told.responses.filter(({ usage }) => usage !== null)
      for (const thread of new Set(charged.map((response) => response.thread))) {
        const mine = ledger
          .filter(({ threadId }) => threadId === thread)
          .sort((a, b) => (a.rolloutId < b.rolloutId ? -1 : 1))
          .flatMap(({ responses }) => responses.map(({ usage }) => usage))
        expect(mine).toEqual(
          charged.filter((response) => response.thread === thread).map(({ usage }) => usage),
        )
      }
    },
  )

  test('of a home that a newer release carried on holds what was used before and after', async () => {
    const before = await readLedger(join(fixturePath('turns', 'forks-0.140.0'), 'home'))
    const after = await readLedger(join(fixturePath('turns', 'upgrade-0.169.0'), 'home'))
    const { total } = JSON.parse(
      readFileSync(join(fixturePath('turns', 'upgrade-0.169.0'), 'expected.json'), 'utf8'),
    ) as { total: ToldUsage }
    expect(sum(after).total).toBe(sum(before).total + total.total)
    expect(sum(after).responses).toBe(sum(before).responses + total.responses)
  })

  test('finds the same responses as the reader of turns, in every home', async () => {
    const homes = [
      ...HOMES.map(homePath),
      ...fixtureNames('items').map((name) => join(fixturePath('items', name), 'home')),
    ]
    for (const home of homes) {
      for (const { path } of (await listRollouts(home)).files) {
        const [tokens, turns] = [await readRolloutTokens(path), await readTurns(path, { detail: 'summary' })]
        expect([path, tokens.responses.length, tokens.usage]).toEqual([path, turns.responses, turns.usage])
        const byTurn = turns.turns.reduce((all, turn) => all + (turn.isInherited ? 0 : turn.responses), 0)
        // Rolled back turns were used too.
        const hidden = turns.rolledBack.reduce((all, turn) => all + turn.responses, 0)
        expect([path, byTurn + hidden]).toEqual([path, turns.threadResponses])
      }
    }
  })

  test.each(['power-loss', 'utf8-broken', 'bom-crlf', 'pre-envelope'])(
    'finds the same responses as the reader of turns in damaged files: %s',
    async (name) => {
      const home = makeCase(name, 'codex-0.140.0')
      onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
      for (const { path } of (await listRollouts(home)).files) {
        const [tokens, turns] = [await readRolloutTokens(path), await readTurns(path)]
        expect([path, tokens.responses.length, tokens.usage]).toEqual([path, turns.responses, turns.usage])
      }
    },
  )

  test('says why the total of a row is another: inherited, a full window, a restart', async () => {
    const reasons = async (name: string) =>
      (await readLedger(join(fixturePath('turns', name), 'home')))
        .filter(({ lastTotal, usage }) => lastTotal !== null && lastTotal !== usage.total)
        .map(({ differences }) => differences.join())
        .sort()
    const inherited = Array<string>(6).fill('inherited')
    expect(await reasons('forks-0.98.0')).toEqual([...inherited, 'windowFull'])
    expect(await reasons('forks-0.169.0')).toEqual([...inherited, 'windowFull'])
    expect(await reasons('forks-0.153.0')).toEqual(['restarted', 'restarted', 'windowFull'])
  })

  test('names the turn, the model and the folder of each response', async () => {
    const { home, threads } = toldHomes().find(({ name }) => name === 'forks-0.169.0')!
    const ids = new Set(Object.values(threads).flatMap(({ turns }) => turns!.map(({ id }) => id)))
    const responses = (await readLedger(home)).flatMap((rollout) => rollout.responses)
    // Four responses belong to turns that a revert took out of their threads.
    expect(responses.filter(({ turnId }) => !ids.has(turnId!))).toHaveLength(4)
    expect(new Set(responses.map(({ model }) => model))).toEqual(new Set(['gpt-5.2-codex']))
    expect(new Set(responses.map(({ cwd }) => cwd))).toEqual(new Set(['/home/demo/projects/shop']))
    expect(responses.every(({ atMs }) => atMs !== null)).toBe(true)
  })

  test('counts a rollout that lies in both folders once, and names one that cannot be read', async () => {
    const home = makeFolder()
    const content = `${sessionMeta()}\n${count(usage(10), usage(10))}\n`
    writeFile(home, `sessions/2026/02/05/${ROLLOUT_NAME}`, content)
    writeFile(home, `archived_sessions/${ROLLOUT_NAME}`, content)
    const damaged = writeFile(
      home,
      `sessions/2026/02/05/${ROLLOUT_NAME.replace(THREAD_ID, OTHER_ID)}.zst`,
      'no',
    )
    const told: unknown[] = []
    for await (const rollout of readTokenLedger(home))
      told.push('kind' in rollout ? [rollout.kind, rollout.path] : [rollout.threadId, rollout.usage.total])
    expect(told).toEqual([
      [THREAD_ID, 11],
      ['unreadableRollout', damaged],
    ])
  })
})

describe('one rollout', () => {
  const read = (...lines: string[]) =>
    readRolloutTokens(writeFile(makeFolder(), ROLLOUT_NAME, lines.map((text) => `${text}\n`).join('')))
  const totals = async (...lines: string[]) =>
    (await read(sessionMeta(), turnContext(), ...lines)).responses.map((response) => response.usage.total)

  test('A total that stands still, an estimate and the mark of a full window are no responses', async () => {
    const estimate = { ...usage(0), output_tokens: 0, total_tokens: 900 }
    const full = { ...usage(0), output_tokens: 0, total_tokens: 258_400 }
    expect(
      await totals(
        count(usage(10), usage(10)),
        count(usage(10), usage(10)),
        count(usage(10), estimate),
        count(full, { ...full, total_tokens: 258_389 }),
        count({ ...full, total_tokens: 258_421 }, usage(20)),
      ),
    ).toEqual([11, 21])
  })

  test('A record and the count beside it are one response, and a record counts once', async () => {
    const record = (id: string, tokens: number, thread = THREAD_ID) =>
      line('token_usage_record', {
        thread_id: thread,
        turn_id: 'a',
        response_id: id,
        usage: usage(tokens),
      })
    expect(
      await totals(
        record('r1', 10),
        count(usage(10), usage(10)),
        record('r1', 10),
        record('r2', 20, OTHER_ID),
        count(usage(30), usage(20)),
        count(usage(60), usage(30)),
      ),
    ).toEqual([11, 31])
  })

  test('Lines in another order of keys, with other keys between, or of other spacing are read as well', async () => {
    const payload = {
      type: 'token_count',
      info: { last_token_usage: usage(10), total_token_usage: usage(10) },
    }
    const spaced = JSON.stringify({ payload, type: 'event_msg', timestamp: '2026-02-05T10:20:30Z' }, null, 1)
    const second = event('token_count', {
      info: {
        total_token_usage: { ...usage(40), cache_write_input_tokens: 7, new_tokens: 1 },
        last_token_usage: { ...usage(30), cache_write_input_tokens: 7 },
      },
    })
    expect(await totals(spaced.replaceAll('\n', ''), second)).toEqual([11, 31])
    expect(await totals(`  ${spaced.replaceAll('\n', '')}`, `\t${second}`)).toEqual([11, 31])
  })

  test.each(['legacy', 'paginated'])(
    'Without its first line what it used is its own, by the name of the file: %s',
    async (mode) => {
      const usage = { input_tokens: 10, output_tokens: 1, total_tokens: 11 }
      const record = (thread_id: string, response_id: string) =>
        line('token_usage_record', { thread_id, turn_id: 'x', response_id, usage })
      const home = makeFolder()
      const path = writeFile(
        home,
        `sessions/2026/02/05/${ROLLOUT_NAME}`,
        [
          '\ufeff{"timestamp":"2026-02-05T10:20:30.100Z","type":"session_meta","payload":{}}',
          ...(mode === 'legacy' ? [sessionMeta({ id: OTHER_ID }), record(OTHER_ID, 'r1')] : []),
          event('task_started', { turn_id: '0199aaab-0000-7000-8000-000000000001' }),
          record(THREAD_ID, 'r2'),
        ]
          .map((text) => `${text}\n`)
          .join(''),
      )
      const { threadId, usage: used, responses } = await readRolloutTokens(path)
      expect([threadId, used.total, responses.length]).toEqual([THREAD_ID, 11, 1])
    },
  )

  test('The model is that of the turn, in whatever order its settings stand', async () => {
    const { cwd, model, ...rest } = JSON.parse(turnContext()).payload
    const mode = { settings: { model: 'of the mode', cwd: '/of/the/mode' } }
    const { responses } = await read(
      sessionMeta(),
      line('turn_context', { collaboration_mode: mode, ...rest, cwd, model }),
      count(usage(10), usage(10)),
    )
    expect(responses.map((response) => [response.model, response.cwd])).toEqual([[model, cwd]])
  })

  test('Words that look like a count are none', async () => {
    const words = `{"timestamp":"2026-02-05T10:20:30.123Z","type":"event_msg","payload":{"type":"token_count"`
    expect(
      await totals(
        event('agent_message', { message: `"token_count" ${words} ${count(usage(1), usage(1))}` }),
        line('response_item', { type: 'message', text: count(usage(1), usage(1)) }),
      ),
    ).toEqual([])
  })

  test('A line that was cut off or written over is no response', async () => {
    const whole = count(usage(10), usage(10))
    expect(
      await totals(
        `${whole.slice(0, -1)}`,
        `${whole.slice(0, -40)}${whole}`,
        `${whole}${'\0'.repeat(100)}`,
        `${whole.slice(0, -2)}${'\0'.repeat(100)}`,
        `${whole}}`,
        `${whole}\r`,
      ),
    ).toEqual([11])
  })

  test('A compressed rollout, and one that is longer than what is read at once, are read to their end', async () => {
    const filler = event('agent_message', { message: 'x'.repeat(3_000_000) })
    const lines = [
      sessionMeta(),
      filler,
      count(usage(10), usage(10)),
      filler,
      filler,
      count(usage(40), usage(30)),
    ]
    const content = lines.map((text) => `${text}\n`).join('')
    const folder = makeFolder()
    const plain = writeFile(folder, ROLLOUT_NAME, content)
    expect((await readRolloutTokens(plain)).usage.total).toBe(42)
    const packed = writeFile(makeFolder(), `${ROLLOUT_NAME}.zst`, zlib.zstdCompressSync(content))
    expect((await readRolloutTokens(packed)).usage.total).toBe(42)
  })

  test('Rate limits are told with their windows and the time, those of copied lines left out', async () => {
    const limits = (used: number) => ({
      limit_id: 'codex',
      primary: { used_percent: used, window_minutes: 300, resets_at: 1_795_000_000 },
      secondary: null,
    })
    const folder = makeFolder()
    const path = writeFile(
      folder,
      ROLLOUT_NAME,
      [
        sessionMeta({ cli_version: '0.169.0' }),
        sessionMeta({ id: OTHER_ID }),
        event('token_count', { info: null, rate_limits: limits(3.5) }),
        event('task_started', { turn_id: THREAD_ID }),
        event('token_count', { info: null, rate_limits: limits(4.5) }),
        event('token_count', {
          info: null,
          rate_limits: { limit_id: 'codex', primary: null, secondary: null },
        }),
      ]
        .map((text) => `${text}\n`)
        .join(''),
    )
    const { limits: told } = await readRolloutTokens(path, { withLimits: true })
    expect(told).toEqual([
      {
        atMs: Date.parse('2026-02-05T10:20:30.123Z'),
        limitId: 'codex',
        limitName: null,
        planType: null,
        windows: [{ name: 'primary', usedPercent: 4.5, windowMinutes: 300, resetsAtSeconds: 1_795_000_000 }],
        reached: null,
      },
    ])
  })
})

function usage(input: number) {
  return {
    input_tokens: input,
    cached_input_tokens: 0,
    output_tokens: 1,
    reasoning_output_tokens: 0,
    total_tokens: input + 1,
  }
}

function count(total: object, last: object): string {
  return event('token_count', {
    info: { total_token_usage: total, last_token_usage: last },
    rate_limits: null,
  })
}
