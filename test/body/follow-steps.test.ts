import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { createStepFollower, readDuration } from '../../src/body/follow-steps.js'
import { parseBody } from '../../src/body/parse.js'
import type { ThreadActivity } from '../../src/model/log-activity.js'
import { compareTimes } from '../../src/model/row-time.js'
import { readFixtureLogs } from '../helpers/home-logs.js'
import { fixtureNames, fixturePath } from '../helpers/homes.js'

interface Expected {
  group: string
  turns: {
    thread: string
    turn: string
    start: string
    end: string | null
    outcome: string
    prompt?: string
    tools: { call_id: string; start: string; end: string | null; durationMs: number | null }[] | null
  }[]
  openAtEnd: { thread: string; turn: string; openTools: { call_id: string }[] }[]
}

interface Home {
  name: string
  /** 0.<this>. */
  release: number
  expected: Expected
  atEnd: ThreadActivity[]
  /** By turn. */
  outcomes: Map<string, string>
  /** What the rows tell at the times in the middle of long calls, by the call. */
  during: Map<string, ThreadActivity | undefined>
}

let homes: Home[]

/** A call of this length is seen in the middle of it, whatever the clocks. */
const LONG_CALL_MS = 700
/** A command that outlives its wait ends for the model before it ends. */
const SHORTEST_WAIT_MS = 1000

beforeAll(() => {
  homes = fixtureNames('failures').map((name) => {
    const expected: Expected = JSON.parse(
      readFileSync(join(fixturePath('failures', name), 'expected.json'), 'utf8'),
    )
    const probes = expected.turns
      .flatMap(({ thread, tools }) => (tools ?? []).map((call) => ({ thread, ...call })))
      .filter(({ durationMs }) => (durationMs ?? 0) >= LONG_CALL_MS)
      .map(({ thread, call_id, start, durationMs }) => ({
        thread,
        callId: call_id,
        ms: Date.parse(start) + Math.min(durationMs!, SHORTEST_WAIT_MS) / 2,
      }))
      .sort((a, b) => a.ms - b.ms)
    const follower = createStepFollower()
    const outcomes = new Map<string, string>()
    const during = new Map<string, ThreadActivity | undefined>()
    let lastMs = 0
    for (const { rows, isMessageOnly } of readFixtureLogs(name)) {
      for (const row of rows.toSorted(compareTimes)) {
        const ms = row.tsSeconds * 1000 + row.tsNanos / 1e6
        for (let next = probes[0]; next && next.ms < ms; next = probes[0]) {
          const { thread, callId } = next
          during.set(
            callId,
            follower.activities().find(({ threadId }) => threadId === thread),
          )
          probes.shift()
        }
        lastMs = ms
        follower.add(row, parseBody(row.body, { target: row.target, isMessageOnly }))
        const own = follower.activities().find(({ threadId }) => threadId === row.threadId)
        if (own?.lastOutcome?.turnId) outcomes.set(own.lastOutcome.turnId, own.lastOutcome.outcome)
      }
    }
    const release = Number(name.split('.')[1])
    return { name, release, expected, atEnd: follower.activities(lastMs), outcomes, during }
  })
}, 60_000)

test('the turns that are open where the log ends are those that the client was told no end of', () => {
  for (const { name, release, expected, atEnd } of homes) {
    const open = atEnd.filter(({ turn }) => turn !== undefined)
    const told = open.map(({ threadId, turn, step }) => ({
      thread: threadId,
      turn: turn!.id,
      step: step!.kind,
    }))
    const truth = expected.openAtEnd.map(({ thread, turn, openTools }) => ({
      thread,
      // Rows to 0.116 have no ids of turns.
      turn: release < 117 ? undefined : turn,
      step: openTools.length > 0 ? 'tool' : 'stream',
    }))
    const byThread = (a: { thread: string }, b: { thread: string }) => (a.thread < b.thread ? -1 : 1)
    expect({ name, open: told.sort(byThread) }).toEqual({ name, open: truth.sort(byThread) })
  }
})

/** Turns whose end no row tells: a compaction by hand, and what was lost while a disk was full. */
function hasNoEndInTheLog({ expected }: Home, prompt: string | undefined): boolean {
  return prompt === undefined || prompt === null || (expected.group === 'full' && !prompt.startsWith('One'))
}

test('a turn ended as the client was told, where its end is in the log', () => {
  const wrong: string[] = []
  let rightCount = 0
  for (const home of homes.filter(({ release }) => release >= 117)) {
    for (const { turn, outcome, prompt } of home.expected.turns) {
      const told = home.outcomes.get(turn) ?? 'open'
      const isGone = told === 'open' && (home.expected.group === 'pruned' || hasNoEndInTheLog(home, prompt))
      if (outcome === told) rightCount++
      else if (!isGone) wrong.push(`${home.name} ${prompt}: ${outcome}, not ${told}`)
    }
  }
  expect(wrong).toEqual([])
  expect(rightCount).toBeGreaterThan(200)
})

test('a call is an open step as long as it runs', () => {
  const missed: string[] = []
  let foundCount = 0
  for (const { name, during } of homes) {
    for (const [callId, activity] of during) {
      if (activity?.step?.kind === 'tool') foundCount++
      else missed.push(`${name} ${callId} ${activity?.step?.kind}`)
    }
  }
  expect(missed).toEqual([])
  expect(foundCount).toBeGreaterThan(10)
})

test.each([
  ['212ms', 212],
  ['998.559613ms', 998.559613],
  ['1.2s', 1200],
  ['30µs', 0.03],
  ['soon', 0],
])('a duration of %s is %d ms', (text, ms) => {
  expect(readDuration(text)).toBeCloseTo(ms)
})

test('an answer to what is fetched for a thread opens no turn of it', () => {
  const row = (id: number, body: string, target = 'codex_http_client::client') => ({
    id,
    tsSeconds: 1_795_000_000 + id,
    tsNanos: 0,
    level: 'DEBUG',
    target,
    body,
    threadId: '019a1111-0000-7000-8000-00000000000a',
    processUuid: 'pid:7:a',
    modulePath: target,
    file: 'x.rs',
    line: 1,
  })
  const answer = (method: string, path: string) =>
    `session_loop{thread_id=019a}: Request completed method=${method} url=http://h/v1/${path} status=200 OK headers={} version=HTTP/1.1`
  const turnsAfter = (...bodies: string[]) => {
    const follower = createStepFollower()
    for (const [id, body] of bodies.entries()) {
      const one = row(id, body)
      follower.add(one, parseBody(one.body, { target: one.target }))
    }
    return follower.activities().map(({ turn }) => turn !== undefined)
  }
  expect(turnsAfter(answer('GET', 'models'))).toEqual([false])
  expect(turnsAfter(answer('POST', 'responses'))).toEqual([true])
})
