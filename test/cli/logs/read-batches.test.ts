import { expect, test } from 'vitest'
import type { StartWorker } from '../../../src/cli/io.js'
import { readBatches } from '../../../src/cli/logs/read-batches.js'
import { monotonicMs } from '../../../src/db/clock.js'
import type { BatchSource } from '../../../src/query/logs/batches.js'

function* batches(count: number): BatchSource {
  for (let id = 0n; id < count; id++) yield { kind: 'window', low: id, high: id }
}

/** What is read when each batch takes longer than a command waits before it starts workers. */
async function readSlowly(count: number): Promise<number> {
  const start: StartWorker = () => {
    throw new Error('a worker is started')
  }
  const results = readBatches({
    batches: batches(count),
    read: () => {
      for (const from = monotonicMs(); monotonicMs() - from < 15; );
      return 1
    },
    resize: () => 'keep',
    workers: {
      start,
      data: {
        file: { path: '/nowhere/logs_2.sqlite', role: 'logs', generation: 2, age: 'known' },
        filter: {},
        job: { kind: 'count' },
      },
      now: Date.now,
    },
  })
  let sum = 0
  for await (const result of results) sum += result
  return sum
}

test('no worker is started when nothing is left to read, however long that took', async () => {
  expect(await readSlowly(1)).toBe(1)
})
