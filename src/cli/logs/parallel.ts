import { availableParallelism } from 'node:os'
import { StateError } from '../../errors.js'
import type { LogBatch, Resize } from '../../query/log-batches.js'
import type { LogWorkerAnswer } from './log-worker.js'
import type { BatchWork } from './read-batches.js'

/** Batches that a worker has before it: one to read, one so that it need not wait. */
const BATCHES_AHEAD = 2

/** One thread writes what the others read: more of them would wait for it. */
const MOST_WORKERS = 4

/**
 * Reads batches in worker threads, each with a connection of its own, and yields the results in the order of
 * the batches. Ends the workers when it is left.
 */
export async function* readInParallel<Result>(
  { batches, resize, worker }: BatchWork<Result> & { worker: object },
  firstResize: Resize,
): AsyncGenerator<Result> {
  const readers = Array.from({ length: Math.min(availableParallelism(), MOST_WORKERS) }, () =>
    startReader<Result>(worker),
  )
  const pending: Promise<LogWorkerAnswer<Result>>[] = []
  let nextResize = firstResize
  let turn = 0
  const sendNext = () => {
    const next = batches.next(nextResize)
    if (!next.done) pending.push(readers[turn++ % readers.length]!.read(next.value))
  }
  try {
    for (let i = 0; i < readers.length * BATCHES_AHEAD; i++) sendNext()
    for (let first = pending.shift(); first; first = pending.shift()) {
      const answer = await first
      if (answer.failure) throw new StateError(answer.failure.code, answer.failure.message)
      nextResize = resize(answer.result)
      sendNext()
      yield answer.result
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.end()))
  }
}

interface Reader<Result> {
  read(batch: LogBatch): Promise<LogWorkerAnswer<Result>>
  end(): Promise<unknown>
}

/** A worker answers in the order in which it was asked. */
function startReader<Result>({ start, data }: NonNullable<BatchWork<Result>['worker']>): Reader<Result> {
  const worker = start('log-worker', data)
  const asked: ((answer: LogWorkerAnswer<Result>) => void)[] = []
  worker.on('message', (answer: LogWorkerAnswer<Result>) => asked.shift()?.(answer))
  return {
    read: (batch) =>
      new Promise((resolve) => {
        asked.push(resolve)
        worker.postMessage(batch)
      }),
    end: () => worker.terminate(),
  }
}
