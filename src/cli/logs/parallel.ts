import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import type { BatchSource, Resize } from '../../query/log-batches.js'
import type { StartWorker } from '../io.js'
import type { LogWorkerData } from './log-worker.js'
import type { Records } from './records.js'
import { resizeFor } from './resize.js'

/** Batches that a worker has before it: one to read, one so that it need not wait. */
const BATCHES_AHEAD = 2

/** One thread writes what the others read: more of them would wait for it. */
const MOST_WORKERS = 4

/**
 * Reads batches in worker threads, each with a connection of its own, and yields their records in the order
 * of the batches. Ends the workers when it is left.
 */
export async function* readInParallel(
  startWorker: StartWorker,
  data: LogWorkerData,
  batches: BatchSource,
  firstResize: Resize,
): AsyncGenerator<Records> {
  const workerCount = Math.min(availableParallelism(), MOST_WORKERS)
  const workers = Array.from({ length: workerCount }, () => startReader(startWorker, data))
  const pending: Promise<Records | undefined>[] = []
  let resize = firstResize
  let turn = 0
  const sendNext = () => {
    const next = batches.next(resize)
    if (!next.done) pending.push(workers[turn++ % workerCount]!.read(next.value))
  }
  try {
    for (let i = 0; i < workerCount * BATCHES_AHEAD; i++) sendNext()
    for (let first = pending.shift(); first; first = pending.shift()) {
      const records = await first
      resize = resizeFor(records)
      sendNext()
      if (records) yield records
    }
  } finally {
    await Promise.all(workers.map(({ worker }) => worker.terminate()))
  }
}

interface Reader {
  worker: Worker
  read(batch: unknown): Promise<Records | undefined>
}

/** A worker answers in the order in which it was asked. */
function startReader(startWorker: StartWorker, data: LogWorkerData): Reader {
  const worker = startWorker('log-worker', data)
  const asked: { resolve: (records: Records | undefined) => void; reject: (error: unknown) => void }[] = []
  worker.on('message', (records: Records | undefined) => asked.shift()?.resolve(records))
  worker.on('error', (error) => {
    for (const { reject } of asked.splice(0)) reject(error)
  })
  return {
    worker,
    read: (batch) =>
      new Promise((resolve, reject) => {
        asked.push({ resolve, reject })
        worker.postMessage(batch)
      }),
  }
}
