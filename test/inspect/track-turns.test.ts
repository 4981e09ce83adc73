import { expect, test } from 'vitest'
import { readLogTurns } from '../../src/inspect/log-turns.js'
import { createTurnTracker } from '../../src/inspect/track-turns.js'
import type { StoredLogRow } from '../../src/model/log.js'
import type { EndedTurn, LogTurn } from '../../src/model/log-turn.js'
import { rowMs } from '../../src/model/row-time.js'
import { HIGHEST_ID, LOWEST_ID } from '../../src/query/logs/batches.js'
import { keyOf, readLogRows } from '../../src/query/logs/rows.js'
import { type LogStore, openLogStore } from '../../src/query/logs/store.js'
import { listDatabases } from '../../src/schema/files.js'
import { copyFixtureHome } from '../helpers/homes.js'
import { keep } from '../helpers/kept.js'

function openLog(name: string): { store: LogStore; rows: StoredLogRow[]; newestMs: number } {
  const store = openLogStore(listDatabases(keep(copyFixtureHome('failures', name))))!
  const rows = readLogRows(store, { kind: 'window', low: LOWEST_ID, high: HIGHEST_ID })
  return { store, rows, newestMs: Math.max(...rows.map(rowMs)) }
}

const HOUR_MS = 3_600_000
const tellTurn = ({ id, outcome, startMs, endMs }: LogTurn) => [id, outcome, startMs, endMs]

test.each(['0.169.0-tools', '0.155.0-tools', '0.113.0-tools', '0.120.0-killed', '0.140.0-killed'])(
  'rows that come one by one end the turns that the whole log of %s has',
  (name) => {
    const { store, rows, newestMs } = openLog(name)
    // An hour later what is still open is given up.
    const tracker = createTurnTracker(store, () => newestMs + HOUR_MS + 1)
    const ended = rows.flatMap((row) => tracker.add([row]))
    // An older row may follow, so the newest are held back: a reader that stops here begins before them.
    expect(tracker.safeRow() ?? 0).toBeLessThan(Number(keyOf(rows.at(-1)!)))
    ended.push(...tracker.settle())
    const threadIds = new Set(rows.flatMap(({ threadId }) => threadId ?? []))
    const wanted = [...threadIds].flatMap((id) =>
      readLogTurns(store, id).map((turn) => [id, ...tellTurn(turn)]),
    )
    expect(wanted.length).toBeGreaterThan(3)
    const found = ended.map(({ threadId, turn }) => [threadId, ...tellTurn(turn)])
    expect(found.toSorted()).toEqual(wanted.toSorted())
    expect(tracker.safeRow()).toEqual(keyOf(rows.at(-1)!))
    store.connection.close()
  },
)

test('a turn in which the reading begins is told whole, and names its process', () => {
  const { store, rows, newestMs } = openLog('0.169.0-tools')
  const tracker = createTurnTracker(store, () => newestMs + HOUR_MS + 1)
  const whole = tracker.add(rows).concat(tracker.settle())
  const { threadId, turn } = whole.find(
    (ended) => ended.turn.outcome === 'completed' && ended.turn.calls.length > 0,
  )!
  const from = rows.findIndex((row) => row.threadId === threadId && rowMs(row) > turn.startMs!)
  const later = createTurnTracker(store, () => newestMs)
  const ended = later.add(rows.slice(from + 1)).concat(later.settle())
  const found = ended.find((one) => one.turn.id === turn.id)!
  expect(found.turn).toEqual(turn)
  expect(found.turn.isPartial).toBe(false)
  expect(found.processUuid).toBe(rows.find((row) => row.threadId === threadId)!.processUuid)
  store.connection.close()
})

test('a turn that is open keeps its rows back for the next start, until it is given up', () => {
  const { store, rows } = openLog('0.155.0-killed')
  const threadIds = [...new Set(rows.flatMap(({ threadId }) => threadId ?? []))]
  const threadId = threadIds.find((id) => readLogTurns(store, id).at(-1)?.outcome === 'open')
  const last = rows.findLastIndex((row) => row.threadId === threadId)
  const lastMs = rowMs(rows[last]!)
  let nowMs = lastMs + HOUR_MS
  const tracker = createTurnTracker(store, () => nowMs)
  const outcomesOf = (ended: EndedTurn[]) =>
    ended.filter((one) => one.threadId === threadId).map(({ turn }) => turn.outcome)
  expect(outcomesOf(tracker.add(rows.slice(0, last + 1)).concat(tracker.settle()))).not.toContain('open')
  const first = rows.findIndex((row) => row.threadId === threadId)
  expect(tracker.safeRow()).toBeLessThan(Number(keyOf(rows[last]!)))
  expect(tracker.safeRow()).toBeGreaterThanOrEqual(Number(keyOf(rows[first]!)) - 1)
  nowMs += 1
  expect(outcomesOf(tracker.settle())).toEqual(['open'])
  expect(tracker.safeRow()).toEqual(keyOf(rows[last]!))
  store.connection.close()
})
