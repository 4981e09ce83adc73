import { expect, test } from 'vitest'
import { createStepFollower } from '../../src/body/follow-steps.js'
import { createTurnFollower } from '../../src/body/follow-turns.js'
import { NOTHING_PARSED, parseBody } from '../../src/body/parse.js'
import { compareTimes } from '../../src/model/row-time.js'
import { type HomeLog, readHomeLogs } from '../helpers/home-logs.js'

/** What is followed of the rows, and how many of them were parsed for it. */
function follow({ rows, isMessageOnly }: HomeLog, skips: boolean) {
  let parsedCount = 0
  const inThreads = rows.filter(({ threadId }) => threadId !== null)
  const threads = [...Map.groupBy(inThreads, ({ threadId }) => threadId!)].map(([threadId, own]) => {
    const [turns, steps] = [createTurnFollower(), createStepFollower()]
    const seen: string[] = []
    for (const row of own.toSorted(compareTimes)) {
      for (const follower of [turns, steps]) {
        const isRead = !skips || follower.needsParsing(row)
        if (isRead) parsedCount++
        const parsed = isRead ? parseBody(row.body, { target: row.target, isMessageOnly }) : NOTHING_PARSED
        follower.add(row, parsed)
      }
      for (const { turn, step, lastOutcome } of steps.activities())
        seen.push(JSON.stringify([row.tsSeconds, turn, step, lastOutcome]))
    }
    return { threadId, turns: turns.end(), seen }
  })
  return { threads, parsedCount }
}

test('rows that are not parsed change nothing of what is told of turns and steps, and half of all are not', () => {
  let [all, parsed] = [0, 0]
  for (const log of readHomeLogs()) {
    const skipping = follow(log, true)
    const whole = follow(log, false)
    expect(skipping.threads, log.home).toEqual(whole.threads)
    all += whole.parsedCount
    parsed += skipping.parsedCount
  }
  expect(all).toBeGreaterThan(10_000)
  expect(parsed).toBeLessThan(all / 2)
}, 60_000)
