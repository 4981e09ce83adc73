import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { StateError } from '../errors.js'
import { type Extracted, type ExtractJob, type ExtractSettings, extractRollout } from './extract.js'
import { startExtractWorker } from './start-worker.js'

/** Reads rollouts; `close` ends what still runs. */
export interface Extractor {
  /** The results in the order of the jobs. @throws {StateError} `ABORTED` */
  extract(jobs: readonly ExtractJob[]): Promise<Extracted[]>
  close(): Promise<void>
}

export interface ExtractorOptions {
  signal?: AbortSignal | undefined
  /** Threads beside this one; default: as many as there are cores, none for a small job, at most 4. */
  workerCount?: number | undefined
}

const MAX_WORKERS = 4

/** What a thread takes up in one go: small, so that none is left with much at the end of a batch. */
const GROUP_SIZE = 8

/** Below both, starting threads takes longer than they save. */
const SMALL_JOB_FILES = 200
const SMALL_JOB_BYTES = 32 * 1024 * 1024

/** @param jobs all that is going to be asked for, to judge whether threads are worth it */
export function createExtractor(
  settings: ExtractSettings,
  jobs: readonly ExtractJob[],
  { signal, workerCount = chooseWorkerCount(jobs) }: ExtractorOptions,
): Extractor {
  const workers: Worker[] = []
  for (let index = 0; index < workerCount; index++) {
    const worker = startExtractWorker(settings)
    if (worker) workers.push(worker)
  }
  return workers.length > 0 ? createPool(workers, signal) : createLocal(settings, signal)
}

function chooseWorkerCount(jobs: readonly ExtractJob[]): number {
  if (jobs.length <= SMALL_JOB_FILES) {
    let sizeBytes = 0
    for (const { path } of jobs) sizeBytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (sizeBytes < SMALL_JOB_BYTES) return 0
  }
  return Math.min(availableParallelism(), MAX_WORKERS)
}

function createLocal(settings: ExtractSettings, signal: AbortSignal | undefined): Extractor {
  return {
    async extract(jobs) {
      const results: Extracted[] = []
      for (const job of jobs) {
        throwIfAborted(signal)
        results.push(await extractRollout(job, settings, signal))
      }
      return results
    },
    async close() {},
  }
}

interface Task {
  jobs: readonly ExtractJob[]
  resolve: (results: Extracted[]) => void
  reject: (error: unknown) => void
}

function createPool(workers: readonly Worker[], signal: AbortSignal | undefined): Extractor {
  const waiting: Task[] = []
  const running = new Map<Worker, Task>()
  let failure: unknown

  function dispatch(worker: Worker): void {
    const task = waiting.shift()
    if (!task) return
    running.set(worker, task)
    worker.postMessage(task.jobs)
  }

  function fail(error: unknown): void {
    failure ??= error
    for (const task of [...running.values(), ...waiting]) task.reject(failure)
    running.clear()
    waiting.length = 0
  }

  const abort = () => fail(abortedError(signal))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  for (const worker of workers) {
    worker.on('message', (results: Extracted[]) => {
      running.get(worker)?.resolve(results)
      running.delete(worker)
      dispatch(worker)
    })
    worker.on('error', fail)
  }

  return {
    async extract(jobs) {
      if (failure !== undefined) throw failure
      const groups: Promise<Extracted[]>[] = []
      for (let start = 0; start < jobs.length; start += GROUP_SIZE) {
        const group = jobs.slice(start, start + GROUP_SIZE)
        groups.push(
          new Promise((resolve, reject) => {
            waiting.push({ jobs: group, resolve, reject })
          }),
        )
      }
      for (const worker of workers) if (!running.has(worker)) dispatch(worker)
      return (await Promise.all(groups)).flat()
    },
    async close() {
      signal?.removeEventListener('abort', abort)
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal)
}

function abortedError(signal: AbortSignal | undefined): StateError {
  return new StateError('ABORTED', 'reading rollouts was aborted', { cause: signal?.reason })
}
