import { createCheckpointGap } from '../../db/checkpoint-gap.js'
import { monotonicMs } from '../../db/clock.js'
import type { BatchWork } from './batch-work.js'

/** A worker takes about 30 ms to start: small results are read without one. */
const ALONE_MS = 10

/** In between a signal is seen and progress drawn: a slow expression must not keep them for long. */
const SLOW_BATCH_MS = 250

/** Reads batch by batch, in worker threads as soon as it takes long, and yields the results in order. */
export async function* readBatches<Result>(work: BatchWork<Result>): AsyncGenerator<Result> {
  const { batches, read, resize } = work
  const startedAt = monotonicMs()
  let { workers } = work
  let leaveGap: (() => Promise<void>) | undefined
  for (let next = batches.next(); !next.done; ) {
    const batchAt = monotonicMs()
    const result = read(next.value)
    const isSlow = monotonicMs() - batchAt > SLOW_BATCH_MS
    yield result
    next = batches.next(isSlow ? 'shrink' : resize(result))
    // Of what was one batch nothing is left to read elsewhere, however long it took.
    if (next.done || monotonicMs() - startedAt <= ALONE_MS) continue
    if (workers) {
      const { countWorkers, readInParallel } = await import('./parallel.js')
      const count = countWorkers(workers)
      if (count > 0) {
        yield* readInParallel({ ...work, workers }, count, next.value)
        return
      }
      leaveGap = createCheckpointGap(workers.data.file.path)
      workers = undefined
    }
    // Lets signals in, and the end of a pager.
    await new Promise((resolve) => setImmediate(resolve))
    await leaveGap?.()
  }
}
