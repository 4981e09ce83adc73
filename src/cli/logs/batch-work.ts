import type { BatchSource, LogBatch, Resize } from '../../query/logs/batches.js'
import type { StartWorker } from '../io.js'
import type { LogWorkerData } from './log-worker.js'

/** Batches to read, and how: here, or in worker threads. */
export interface BatchWork<Result> {
  batches: BatchSource
  read: (batch: LogBatch) => Result
  /** What a result says of the size of the next batch. */
  resize: (result: Result) => Resize
  /** How worker threads do the same; `undefined` where they cannot. */
  workers: { start: StartWorker; data: LogWorkerData; now: () => number } | undefined
}
