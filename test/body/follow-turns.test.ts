import { beforeAll, expect, test } from 'vitest'
import { createTurnFollower } from '../../src/body/follow-turns.js'
import { parseBody } from '../../src/body/parse.js'
import type { LogTurn } from '../../src/model/log-turn.js'
import { compareTimes } from '../../src/model/row-time.js'
import { type Expected, readExpected } from '../helpers/failures.js'
import { type HomeLog, readFixtureLogs } from '../helpers/home-logs.js'
import { fixtureNames } from '../helpers/homes.js'

function turnsOf({ rows, isMessageOnly }: HomeLog): [string, LogTurn[]][] {
  const newestMs = Math.max(...rows.map(({ tsSeconds }) => tsSeconds * 1000))
  const inThreads = rows.filter(({ threadId }) => threadId !== null)
  return [...Map.groupBy(inThreads, ({ threadId }) => threadId!)].map(([threadId, own]) => {
    const follower = createTurnFollower()
    for (const row of own.toSorted(compareTimes)) {
      follower.add(row, parseBody(row.body, { target: row.target, isMessageOnly }))
    }
    return [threadId, follower.end(newestMs)]
  })
}

interface Pair {
  expected: Expected['turns'][number]
  /** By its id; by the order where rows have none. */
  found: LogTurn | undefined
}

/** Turns whose rows are gone: pruned, or never written to a full disk. */
const HAS_LOST_ROWS = /-(pruned|full)$/

const homes = new Map<string, { pairs: Pair[]; foundCount: number }>()

beforeAll(() => {
  for (const home of fixtureNames('failures').filter((name) => !name.endsWith('-tui'))) {
    const found = new Map(readFixtureLogs(home).flatMap(turnsOf))
    const threads = Map.groupBy(readExpected(home).turns, ({ thread }) => thread)
    const pairs = [...threads].flatMap(([thread, turns]) => {
      const own = found.get(thread) ?? []
      const hasIds = own.some(({ id }) => id !== undefined)
      return turns.map((expected, index) => ({
        expected,
        found: hasIds ? own.find(({ id }) => id === expected.turn) : own[index],
      }))
    })
    homes.set(home, { pairs, foundCount: [...found.values()].flat().length })
  }
}, 60_000)

function outcomeOf({ outcome }: Expected['turns'][number]): string {
  return ['completed', 'failed', 'interrupted'].includes(outcome) ? outcome : 'open'
}

test('every turn is found with its outcome, and no other', () => {
  const table: Record<string, Record<string, number | string>> = {}
  const wrong: string[] = []
  for (const [home, { pairs, foundCount }] of homes) {
    const there = pairs.filter(({ found }) => found)
    const right = there.filter(({ expected, found }) => found!.outcome === outcomeOf(expected))
    table[home] = {
      turns: pairs.length,
      found: there.length,
      right: right.length,
      more: foundCount - there.length,
    }
    const missing = HAS_LOST_ROWS.test(home) ? 0 : pairs.length - there.length
    if (right.length < there.length || missing > 0 || foundCount > there.length) wrong.push(home)
  }
  console.table(table)
  expect(wrong).toEqual([])
  expect(table['0.140.0-pruned']).toEqual({ turns: 40, found: 10, right: 10, more: 0 })
})

test('turns begin and end when the client was told, but for how long a busy machine takes to tell', () => {
  const early: string[] = []
  let count = 0
  let near = 0
  for (const [home, { pairs }] of homes) {
    for (const { expected, found } of pairs) {
      if (!found || found.isPartial || found.outcome === 'open') continue
      for (const [name, ms, told] of [
        ['start', found.startMs, expected.start],
        ['end', found.endMs, expected.end!],
      ] as const) {
        const offMs = Math.abs(ms - Date.parse(told))
        count++
        if (offMs <= 500) near++
        if (offMs > 3000) early.push(`${home} ${name} ${Math.round(offMs)} ms`)
      }
    }
  }
  expect(early).toEqual([])
  expect(near / count).toBeGreaterThan(0.98)
})

test('every tool call whose release logs ids is found by its id', () => {
  const missing: string[] = []
  let count = 0
  for (const [home, { pairs }] of homes) {
    if (Number(home.split('.')[1]) < 117) continue
    for (const { expected, found } of pairs) {
      if (!found || found.isPartial) continue
      for (const { call_id, type, status } of expected.tools ?? []) {
        // A compaction is no call; and of a call that its process did not survive the id is written nowhere from 0.142 on.
        if (type === 'contextCompaction' || (status === 'open' && found.outcome === 'open')) continue
        count++
        if (!found.calls.some(({ callId }) => callId === call_id))
          missing.push(`${home} ${type} ${status} ${call_id}`)
      }
    }
  }
  expect(count).toBeGreaterThan(80)
  expect(missing).toEqual([])
})

test('a turn that ended with a call whose end no row tells is taken when its thread has been quiet', () => {
  let count = 0
  for (const home of ['0.120.0-killed', '0.155.0-tools', '0.169.0-tools', '0.113.0-tools']) {
    for (const { rows, isMessageOnly } of readFixtureLogs(home)) {
      const inThreads = rows.filter(({ threadId }) => threadId !== null)
      for (const own of Map.groupBy(inThreads, ({ threadId }) => threadId!).values()) {
        const follower = createTurnFollower()
        for (const row of own.toSorted(compareTimes)) {
          follower.add(row, parseBody(row.body, { target: row.target, isMessageOnly }))
          const lastMs = row.tsSeconds * 1000 + row.tsNanos / 1e6
          follower.takeEnded(lastMs + 20_000)
          const later = follower.takeEnded(lastMs + 31_000)
          for (const { calls, outcome } of later) {
            expect(calls.some(({ endMs }) => endMs === undefined)).toBe(true)
            expect(outcome).not.toBe('open')
          }
          count += later.length
        }
      }
    }
  }
  expect(count).toBeGreaterThan(0)
})
