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

/** As many groups lie ready at each thread, so that it goes on while this one is busy with storing. */
const GROUPS_AHEAD = 25

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
  /** What each thread has been given, in the order in which it answers. */
  const given = new Map(workers.map((worker): [Worker, Task[]] => [worker, []]))
  let failure: unknown

  /** To the one that has least, so that none is left without at the end. */
  function dispatch(): void {
    for (let task = waiting[0]; task; task = waiting[0]) {
      const [worker, tasks] = [...given].reduce((least, other) =>
        other[1].length < least[1].length ? other : least,
      )
      if (tasks.length === GROUPS_AHEAD) return
      waiting.shift()
      tasks.push(task)
      worker.postMessage(task.jobs)
    }
  }

  function fail(error: unknown): void {
    failure ??= error
    for (const task of [...given.values(), waiting].flat()) task.reject(failure)
    for (const tasks of given.values()) tasks.length = 0
    waiting.length = 0
  }

  const abort = () => fail(abortedError(signal))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  for (const [worker, tasks] of given) {
    worker.on('message', (results: Extracted[]) => {
      tasks.shift()?.resolve(results)
      dispatch()
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
      dispatch()
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
  return new StateError('ABORTED', 'reading rollouts was aborted', {
    cause: signal?.reason,
    hint: 'What was stored until then stays; the next run goes on.',
  })
}
