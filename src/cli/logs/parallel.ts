import { availableParallelism } from 'node:os'
import { isBeingWritten } from '../../db/files.js'
import { lendFiles } from '../../db/held-files.js'
import { StateError } from '../../errors.js'
import type { LogBatch, Resize } from '../../query/logs/batches.js'
import type { BatchWork } from './batch-work.js'
import type { LogWorkerAnswer, LogWorkerStart } from './log-worker.js'

/** Batches that a worker has before it: one to read, one so that it need not wait. */
const BATCHES_AHEAD = 2

/** This thread writes what the others read: more of them would wait for it. */
const MOST_WORKERS = 4

/** This thread takes a core, and a Codex at work keeps one: a scan on every core makes its commits wait. */
export function countWorkers({ data, now }: NonNullable<BatchWork<never>['workers']>): number {
  const taken = isBeingWritten(data.file.path, now()) ? 2 : 1
  return Math.max(Math.min(availableParallelism() - taken, MOST_WORKERS), 0)
}

/** Results that this thread has read ahead while the first one in order was still being read, for each worker. */
const RESULTS_AHEAD = 8

/** A batch that is being read, or its result. */
interface Task<Result> {
  readonly size: number
  answer: LogWorkerAnswer<Result> | undefined
}

/**
 * Reads batches in worker threads, each with a connection of its own, and in this one whenever it would only
 * wait; yields the results in the order of the batches. Ends the workers when it is left.
 */
export async function* readInParallel<Result>(
  { batches, read, resize, workers }: BatchWork<Result> & { workers: object },
  count: number,
  first: LogBatch,
): AsyncGenerator<Result> {
  let wake = () => {}
  const readers = Array.from({ length: count }, () => startReader<Result>(workers, () => wake()))
  const tasks: Task<Result>[] = []
  let nextResize: Resize = 'keep'
  let held: IteratorResult<LogBatch, void> | undefined = { done: false, value: first }
  let size = 0
  /** `false` when there is nothing left to read. */
  const begin = (reader: Reader<Result> | undefined): boolean => {
    const next = held ?? batches.next(nextResize)
    held = undefined
    nextResize = 'keep'
    if (next.done) return false
    size = sizeOf(next.value)
    const task: Task<Result> = { size, answer: undefined }
    tasks.push(task)
    if (reader) reader.read(next.value, task)
    else task.answer = { result: read(next.value) }
    return true
  }
  try {
    for (let hasMore = true; hasMore || tasks.length > 0; ) {
      for (const reader of readers) {
        while (hasMore && reader.taskCount < BATCHES_AHEAD) hasMore = begin(reader)
      }
      const [task] = tasks
      if (task?.answer) {
        tasks.shift()
        const { answer } = task
        if (answer.failure) throw new StateError(answer.failure.code, answer.failure.message)
        // A batch of an earlier size says nothing of the one that is now.
        if (task.size === size) nextResize = resize(answer.result)
        yield answer.result
      } else if (hasMore && tasks.length < count * (BATCHES_AHEAD + RESULTS_AHEAD)) {
        hasMore = begin(undefined)
        // Lets the answers in that have come.
        await new Promise((resolve) => setImmediate(resolve))
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.end()))
  }
}

function sizeOf(batch: LogBatch): number {
  return batch.kind === 'window' ? Number(batch.high - batch.low) + 1 : batch.ids.length
}

interface Reader<Result> {
  readonly taskCount: number
  read(batch: LogBatch, task: Task<Result>): void
  end(): Promise<unknown>
}

/** A worker answers in the order in which it was asked. */
function startReader<Result>(
  { start, data }: NonNullable<BatchWork<Result>['workers']>,
  onAnswer: () => void,
): Reader<Result> {
  const worker = start('log-worker', { ...data, lent: lendFiles() } satisfies LogWorkerStart)
  const asked: Task<Result>[] = []
  let isReady = false
  worker.once('online', () => {
    isReady = true
  })
  worker.on('message', (answer: LogWorkerAnswer<Result>) => {
    asked.shift()!.answer = answer
    onAnswer()
  })
  return {
    get taskCount() {
      return isReady ? asked.length : BATCHES_AHEAD
    },
    read(batch, task) {
      asked.push(task)
      worker.postMessage(batch)
    },
    end: () => worker.terminate(),
  }
}
