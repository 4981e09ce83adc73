import { availableParallelism } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MessagePort, Worker } from 'node:worker_threads'
import { StateError } from '../errors.js'

/** More threads than that wait for the disk; the one that asks is one of them. */
const MAX_THREADS = 4

/** So many groups are at one thread: one that it reads, one that lies ready. */
const GROUPS_AT_WORKER = 2

/** So many files are read ahead, for each thread, while an earlier one is still read or told of. */
const FILES_AHEAD = 4096

/** The first groups are small, so that an answer is there soon; later ones are large, as each one wakes two threads. */
const FIRST_GROUP_FILES = 8
const MAX_GROUP_FILES = 256

/** So many groups there are at least, so that no thread is left with much at the end. */
const MIN_GROUPS = 128

/** In so many groups, at least, what is left is handed out. */
const LAST_GROUPS = 8

/** Of the thread that asks: it also has to hear the others. */
const HERE_FILES = 16

export interface AskWorkersOptions<Answer> {
  /** Reads in the thread that asks, while there is nothing to tell. */
  readHere?: ((paths: readonly string[]) => Promise<Answer>) | undefined
  signal?: AbortSignal | undefined
  /** Called with the number of files of each group that was read. */
  onRead?: ((fileCount: number) => void) | undefined
}

interface Group<Answer> {
  fileCount: number
  answer: { value: Answer } | undefined
}

/**
 * Hands paths to worker threads in groups, and gives their answers (see `answerGroups`) in the order of the paths. The
 * threads are ended with the last answer.
 *
 * @throws {StateError} `ABORTED`; `ROLLOUT_UNREADABLE` when a thread died
 */
export async function* askWorkers<Answer>(
  paths: readonly string[],
  start: () => Worker,
  { readHere, signal, onRead }: AskWorkersOptions<Answer> = {},
): AsyncGenerator<Answer, void, undefined> {
  let wake = () => {}
  let failure: unknown
  const fail = (error: unknown): void => {
    failure ??= error
    wake()
  }
  const fellOver = (cause: unknown): void => {
    const reason = cause instanceof Error ? cause.message : 'it ended'
    fail(new StateError('ROLLOUT_UNREADABLE', `a thread that read rollouts failed: ${reason}`, { cause }))
  }
  const abort = () =>
    fail(new StateError('ABORTED', 'reading rollouts was aborted', { cause: signal?.reason }))
  const threads = Math.min(availableParallelism(), MAX_THREADS) - (readHere ? 1 : 0)
  const workers = Array.from({ length: Math.max(1, threads) }, () => {
    const worker = start()
    const asked: Group<Answer>[] = []
    worker.on('message', (answer: string) => {
      const group = asked.shift()!
      group.answer = { value: JSON.parse(answer) }
      onRead?.(group.fileCount)
      wake()
    })
    worker.on('error', fellOver)
    worker.on('exit', fellOver)
    return { worker, asked }
  })
  const groups: Group<Answer>[] = []
  const maxFiles = Math.max(1, Math.min(MAX_GROUP_FILES, Math.ceil(paths.length / MIN_GROUPS)))
  let files = Math.min(FIRST_GROUP_FILES, maxFiles)
  let next = 0
  let told = 0
  const isFarAhead = () => next - told >= workers.length * FILES_AHEAD
  const take = (count: number): { part: readonly string[]; group: Group<Answer> } => {
    const part = paths.slice(next, next + count)
    const group: Group<Answer> = { fileCount: part.length, answer: undefined }
    next += part.length
    groups.push(group)
    return { part, group }
  }
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    while (next < paths.length || groups.length > 0) {
      for (let round = 1; round <= GROUPS_AT_WORKER; round += 1)
        for (const { worker, asked } of workers) {
          if (asked.length >= round || next >= paths.length) continue
          if (isFarAhead()) continue
          const { part, group } = take(files)
          // Towards the end they are small again, so that all threads end at one time.
          files = Math.max(1, Math.min(files * 2, maxFiles, Math.ceil((paths.length - next) / LAST_GROUPS)))
          asked.push(group)
          worker.postMessage(part)
        }
      if (failure !== undefined) throw failure
      const answer = groups[0]?.answer
      if (answer === undefined && readHere && next < paths.length && !isFarAhead()) {
        const { part, group } = take(HERE_FILES)
        group.answer = { value: await readHere(part) }
        onRead?.(part.length)
        await nextTurn()
        continue
      }
      if (answer === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      told += groups.shift()!.fileCount
      yield answer.value
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    await Promise.all(
      workers.map(({ worker }) => {
        worker.removeAllListeners('exit')
        return worker.terminate()
      }),
    )
  }
}

/** Lines are garbage at once: a larger nursery costs memory and saves no time. */
export const READING_LIMITS = { maxYoungGenerationSizeMb: 8 }

/**
 * What runs in a worker thread: one answer for each list of paths, one list after the other. It goes as JSON: to clone
 * many objects takes three times as long.
 */
export function answerGroups<Answer>(
  port: MessagePort,
  answer: (paths: readonly string[]) => Promise<Answer>,
): void {
  let previous = Promise.resolve()
  port.on('message', (paths: readonly string[]) => {
    previous = previous.then(async () => port.postMessage(JSON.stringify(await answer(paths))))
  })
}
