import { monotonicMs } from '../../db/clock.js'
import type { BatchSource, LogBatch, Resize } from '../../query/log-batches.js'
import type { StartWorker } from '../io.js'
import type { LogWorkerData } from './log-worker.js'

export interface BatchWork<Result> {
  batches: BatchSource
  read: (batch: LogBatch) => Result
  /** What a result says of the size of the next batch. */
  resize: (result: Result) => Resize
  /** How a worker thread does the same; `undefined` where it cannot. */
  worker: { start: StartWorker; data: LogWorkerData } | undefined
}

/** A worker takes about 30 ms to start: small results are read without one. */
const ALONE_MS = 100

/** Reads batch by batch, in worker threads as soon as it takes long, and yields the results in order. */
export async function* readBatches<Result>(work: BatchWork<Result>): AsyncGenerator<Result> {
  const { batches, read, resize, worker } = work
  const startedAt = monotonicMs()
  for (let next = batches.next(); !next.done; ) {
    const result = read(next.value)
    yield result
    if (worker && monotonicMs() - startedAt > ALONE_MS) {
      const { readInParallel } = await import('./parallel.js')
      yield* readInParallel({ ...work, worker }, resize(result))
      return
    }
    next = batches.next(resize(result))
  }
}
