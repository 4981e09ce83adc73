import { appendFileSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openReadOnly } from '../../src/db/open-read.js'
import { inspectHistory } from '../../src/inspect/history.js'
import {
  HISTORY_STATES,
  type HistoryState,
  type ThreadHistory,
  type UnreadableHistory,
} from '../../src/model/history.js'
import { copyFixtureHome, copyHome, fixtureNames, fixturePath, HOMES, makeCase } from '../helpers/homes.js'

const LONG_AGO = new Date('2026-11-26T00:00:00Z')

interface LookOptions {
  findCurrent?: (threadId: string) => string | undefined
  now?: () => number
  sleep?: (ms: number) => Promise<void>
}

async function look(home: string, options: LookOptions = {}): Promise<ThreadHistory[]> {
  const found: ThreadHistory[] = []
  for await (const thread of lookAtAll(home, options)) {
    if (!('state' in thread)) throw new Error(thread.reason)
    found.push(thread)
  }
  return found
}

async function* lookAtAll(
  home: string,
  {
    now = () => LONG_AGO.getTime() + 60_000_000,
    sleep = async () => {},
    findCurrent = () => undefined,
  }: LookOptions = {},
): AsyncGenerator<ThreadHistory | UnreadableHistory> {
  const path = join(home, 'thread_history_1.sqlite')
  const connection = existsSync(path) ? openReadOnly(path) : undefined
  try {
    yield* inspectHistory({ codexHome: home, connection, findCurrent, now, sleep })
  } finally {
    connection?.close()
  }
}

function temporary(home: string): string {
  onTestFinished(() => rmSync(dirname(home), { recursive: true, force: true }))
  return home
}

/** What is damaged in each, and what cures it: with a Codex up to 0.153, and from 0.155 on. */
const DAMAGED: Record<string, [HistoryState, string, string]> = {
  'history-behind': ['behind', 'resume', 'resume'],
  'history-midline': ['cursorInLine', 'resume', 'resume'],
  'history-duplicate': ['ordinalAgain', 'newerCodex', 'resume'],
  'history-noordinal': ['lastOrdinalMissing', 'ordinals', 'ordinals'],
  'history-badline': ['badLine', 'resume', 'resume'],
  'history-ordinalhigh': ['cursorTooHigh', 'reset', 'reset'],
  'history-pastend': ['cursorPastEnd', 'reset', 'reset'],
  'history-tailgone': ['rowsMissing', 'reset', 'reset'],
  'history-nostatewithrows': ['rowsWithoutCursor', 'resume', 'resume'],
  'history-sound': ['complete', 'none', 'none'],
}

describe('a damaged projection', () => {
  test.each(Object.keys(DAMAGED))('%s is named, with its turns and what cures it', async (name) => {
    const told = JSON.parse(readFileSync(join(fixturePath('turns', name), 'expected.json'), 'utf8')) as {
      thread: string
      turnsInRollout: number
      itemsInRollout: number
      turnsListBeforeResume?: number
      in0_153_0?: string
      turnsListAfterResume?: number
    }
    const [history] = await look(temporary(copyFixtureHome('turns', name)))
    const { state, cures, turnsShown, turnsThere } = history!
    const [wantedState, until153, from155] = DAMAGED[name]!
    expect([state, cures.until153, cures.from155]).toEqual([wantedState, until153, from155])
    expect(turnsThere).toBe(told.turnsInRollout)
    expect(turnsShown).toBe(told.turnsListBeforeResume ?? told.turnsInRollout)
    // What really happened: where a resume brought all turns back, it is the cure, and nowhere else.
    if (told.turnsListAfterResume !== undefined && wantedState !== 'cursorTooHigh')
      expect(from155 === 'resume').toBe(told.turnsListAfterResume === told.turnsInRollout)
    if (told.in0_153_0 !== undefined)
      expect(until153 === 'resume').toBe(told.in0_153_0 === 'resume shows all')
  })

  test('The line at which it stops is told with its number and its place', async () => {
    const [duplicate] = await look(temporary(copyFixtureHome('turns', 'history-duplicate')))
    expect(duplicate!.line).toEqual({
      lineNumber: 15,
      offset: 35_002,
      reason: 'has ordinal 13, where 14 is expected',
    })
    expect(duplicate!.cursor).toEqual({ offset: 35_002, ordinal: 14 })
  })

  test('Of a fork whose base is behind, the base is what has to be resumed', async () => {
    const histories = await look(temporary(copyFixtureHome('turns', 'history-base-behind')))
    const told = JSON.parse(
      readFileSync(join(fixturePath('turns', 'history-base-behind'), 'expected.json'), 'utf8'),
    ) as { thread: string; base: string; turnsOfFork: number; turnsListBeforeResume: number }
    const fork = histories.find(({ threadId }) => threadId === told.thread)!
    expect(fork).toMatchObject({
      state: 'baseShort',
      cures: { until153: 'resumeBase', from155: 'resumeBase' },
      affectedThreadId: told.base,
      baseState: 'behind',
      turnsShown: told.turnsListBeforeResume,
      turnsThere: told.turnsOfFork,
    })
    expect(histories.find(({ threadId }) => threadId === told.base)!.state).toBe('behind')
  })

  test('The base of a reverted thread is never to be reset', async () => {
    const histories = await look(temporary(copyFixtureHome('turns', 'history-reverted-base-empty')))
    const bad = histories.filter(({ state }) => state !== 'complete')
    expect(bad).toMatchObject([
      {
        state: 'supersededBaseShort',
        cures: { until153: 'unknown', from155: 'unknown' },
        turnsShown: 1,
        turnsThere: 2,
      },
    ])
  })

  test('A line that stops releases up to 0.153 stops them as well where nothing is projected yet', async () => {
    const home = temporary(copyFixtureHome('turns', 'history-duplicate'))
    const stopped = (await look(home)).filter(({ state }) => state === 'ordinalAgain')
    expect(stopped).toHaveLength(1)
    const database = new Database(join(home, 'thread_history_1.sqlite'))
    for (const table of ['thread_items', 'thread_turns', 'thread_history_projection_state'])
      database.prepare(`DELETE FROM ${table} WHERE thread_id = ?`).run(stopped[0]!.threadId)
    database.close()
    const [found] = (await look(home)).filter(({ threadId }) => threadId === stopped[0]!.threadId)
    expect(found).toMatchObject({
      state: 'notProjected',
      cures: { until153: 'newerCodex', from155: 'resume' },
    })
  })

  test('Of the rollouts of a reverted thread the newest is in force where the row names one that is gone', async () => {
    const home = temporary(copyFixtureHome('turns', 'history-reverted-base-empty'))
    const namesGone = (threadId: string) =>
      join(
        home,
        `sessions/rollout-2026-11-21T00-00-00-${threadId}_00000000-0000-7000-8000-000000000001.jsonl`,
      )
    expect(await look(home, { findCurrent: namesGone })).toEqual(await look(home))
  })

  test('Releases that wedge a thread themselves are found out', async () => {
    const bad = async (kind: 'turns' | 'items', name: string) =>
      (await look(temporary(copyFixtureHome(kind, name))))
        .filter(({ state }) => state !== 'complete')
        .map(({ state, turnsShown, turnsThere }) => [state, turnsShown, turnsThere])
    expect(await bad('turns', 'forks-0.153.0')).toEqual([['ordinalAgain', 2, 3]])
    expect(await bad('items', 'items-0.145.0-paginated')).toEqual([['cursorTooLow', 2, 3]])
  })

  test('Statuses, rows and ordinals that differ, made by hand, are told apart', async () => {
    const stateAfter = async (change: string) => {
      const home = temporary(copyFixtureHome('turns', 'history-sound'))
      const database = new Database(join(home, 'thread_history_1.sqlite'))
      database.exec(change)
      database.close()
      const [history] = await look(home)
      return [history!.state, history!.cures.until153, history!.cures.from155]
    }
    const state = 'UPDATE thread_history_projection_state SET'
    expect(
      await stateAfter(`UPDATE thread_turns SET status = 'interrupted' WHERE rollout_ordinal = 14`),
    ).toEqual(['rowsStale', 'reset', 'reset'])
    expect(await stateAfter('DELETE FROM thread_items WHERE rollout_ordinal = 9')).toEqual([
      'rowsMissing',
      'reset',
      'reset',
    ])
    expect(await stateAfter(`${state} next_rollout_ordinal = 50`)).toEqual([
      'cursorTooLow',
      'reset',
      'resume',
    ])
    expect(
      await stateAfter(
        'DELETE FROM thread_turns; DELETE FROM thread_items; DELETE FROM thread_history_projection_state',
      ),
    ).toEqual(['notProjected', 'resume', 'resume'])
  })

  test('A rollout whose first line is lost is not passed over without a word', async () => {
    const home = temporary(copyFixtureHome('turns', 'history-sound'))
    const [sound] = await look(home)
    writeFileSync(sound!.path, `\ufeff${readFileSync(sound!.path, 'utf8')}`)
    const found = []
    for await (const thread of lookAtAll(home)) found.push(thread)
    expect(found).toEqual([
      {
        path: sound!.path,
        reason: `${sound!.path}: its first line cannot be read, so what Codex shows of it is not known`,
      },
    ])
  })

  test('A fork whose base is gone, or cannot be read, cannot be opened, and it is said which', async () => {
    const home = temporary(copyFixtureHome('turns', 'forks-0.169.0'))
    const base = (await look(home)).find(
      ({ threadId, turnsThere }) => turnsThere === 4 && threadId.startsWith('01a21336-81d5'),
    )!
    const statesNow = async () => {
      const states: ThreadHistory[] = []
      // The base itself has no state where it cannot be read.
      for await (const thread of lookAtAll(home))
        if ('state' in thread && thread.state !== 'complete') states.push(thread)
      expect(states.every(({ affectedRolloutId }) => affectedRolloutId === base.rolloutId)).toBe(true)
      expect(states.length).toBeGreaterThan(2)
      return new Set(states.map(({ state }) => state))
    }
    rmSync(base.path)
    expect(await statesNow()).toEqual(new Set(['baseMissing']))
    writeFileSync(`${base.path}.zst`, 'not packed')
    expect(await statesNow()).toEqual(new Set(['baseUnreadable']))
  })
})

describe('a healthy home', () => {
  test.each(HOMES)('%s gives no alarm', async (name) => {
    const alarms = (await look(temporary(copyHome(name)))).filter(
      ({ state }) => HISTORY_STATES[state].alarm > 0,
    )
    expect(alarms).toEqual([])
  })

  const others = [
    ...fixtureNames('turns').map((name) => ['turns', name] as const),
    ...fixtureNames('items').map((name) => ['items', name] as const),
  ].filter(([, name]) => !/^history-|forks-0\.153|0\.145/.test(name))

  test.each(others)('%s/%s gives no alarm', async (kind, name) => {
    const histories = await look(temporary(copyFixtureHome(kind, name)))
    expect(histories.filter(({ state }) => state !== 'complete')).toEqual([])
    for (const { turnsShown, turnsThere, itemsShown, itemsThere } of histories)
      expect([turnsShown, itemsShown]).toEqual([turnsThere, itemsThere])
  })
})

describe('a thread that is being written', () => {
  async function lookWhile(change: (path: string, database: Database.Database) => void) {
    const home = temporary(copyFixtureHome('turns', 'history-sound'))
    const [sound] = await look(home)
    const { path, end, cursor } = sound!
    const turn = (ordinal: number) =>
      `${JSON.stringify({ timestamp: '2026-11-25T15:40:00.000Z', ordinal, type: 'event_msg', payload: { type: 'agent_message', message: 'x' } })}\n`
    appendFileSync(path, turn(cursor!.ordinal))
    const now = Date.now()
    utimesSync(path, now / 1000, now / 1000)
    let slept = 0
    const told = await look(home, {
      now: () => now,
      sleep: async (ms) => {
        slept += ms
        const database = new Database(join(home, 'thread_history_1.sqlite'))
        change(path, database)
        database.close()
      },
    })
    return { history: told[0]!, slept, end }
  }

  test('is looked at again before it is called behind', async () => {
    const { history, slept } = await lookWhile(() => {})
    expect(slept).toBe(3000)
    expect(history).toMatchObject({ state: 'behind', isLive: true, turnsShown: 4, turnsThere: 4 })
  })

  test('is complete when what was there at first is projected by then', async () => {
    const { history } = await lookWhile((path, database) => {
      const size = readFileSync(path).length
      database.exec(
        `UPDATE thread_history_projection_state SET next_rollout_byte_offset = ${size}, next_rollout_ordinal = 52`,
      )
      appendFileSync(
        path,
        `${JSON.stringify({ timestamp: '2026-11-25T15:40:01.000Z', ordinal: 52, type: 'event_msg', payload: { type: 'agent_message', message: 'y' } })}\n`,
      )
    })
    expect(history).toMatchObject({ state: 'complete', isLive: true })
  })
})

test('The last line of a rollout has no ordinal: it cannot be resumed, others of that home can', async () => {
  const histories = await look(temporary(makeCase('bad-ordinals', 'codex-0.169.0')))
  const bad = histories.filter(({ state }) => HISTORY_STATES[state].alarm === 2)
  expect(bad.map(({ threadId, state }) => [threadId.slice(0, 13), state])).toEqual([
    ['01a1fb72-1a6a', 'lastOrdinalMissing'],
  ])
})
