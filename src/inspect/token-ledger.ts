import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import { StateError } from '../errors.js'
import { MOST_THREADS_READ } from '../model/inspection.js'
import type { ThreadRow } from '../model/thread.js'
import { indexByRolloutId } from '../rollout/lineage.js'
import { listRollouts, parseRolloutName, type UnreadableFolder } from '../rollout/list.js'
import { findRecordedRollout } from '../rollout/locate.js'
import { createTokenJob } from '../rollout/token-job.js'
import type { RolloutSums, TokenQuestion } from '../rollout/token-sums.js'
import type { UnreadableRollout } from '../rollout/tokens.js'
import { gatherThreads, type ThreadTokens } from './thread-tokens.js'

export interface LedgerOptions {
  question: TokenQuestion
  /** Only rollouts of these threads. */
  threadIds?: ReadonlySet<string> | undefined
  /** Starts a thread by the name of its bundle; without it all is read in this one. */
  startWorker?: ((name: string, data: unknown) => Worker) | undefined
  signal?: AbortSignal | undefined
}

export type LedgerEntry = RolloutSums | UnreadableRollout | UnreadableFolder

/** What is read beside something else that is asked for. */
const CHEAP_BYTES = 64 * 1024 * 1024

/** What some threads used, where their rollouts are small enough to be read by the way; else `undefined`. */
export async function readCheapTokens(
  codexHome: string,
  threadIds: ReadonlySet<string>,
): Promise<Map<string, ThreadTokens> | undefined> {
  const { paths } = await listLedger(codexHome, threadIds)
  if (sumBytes(paths) > CHEAP_BYTES) return undefined
  const sumFile = createTokenJob({ codexHome, question: { groups: [], isLocal: false } })
  const rollouts: RolloutSums[] = []
  for (const path of paths) {
    const sums = await sumFile(path)
    if (sums.kind === 'sums') rollouts.push(sums)
  }
  return gatherThreads(rollouts)
}

/** Of each thread of a list so much is read. */
const LISTED_BYTES = 8 * 1024 * 1024

/** What a packed rollout has unpacked, about. */
const PACKED_TIMES = 10

/**
 * Reads what the threads of a list used, page by page, as long as that is cheap: small rollouts, and not too many.
 * Threads that are not in the answer were not read.
 */
export function createListedTokens(codexHome: string) {
  const sumFile = createTokenJob({ codexHome, question: { groups: [], isLocal: false } })
  let threadsLeft = MOST_THREADS_READ
  let bytesLeft = CHEAP_BYTES
  return async (
    threads: readonly Pick<ThreadRow, 'id' | 'rolloutPath'>[],
  ): Promise<ReadonlyMap<string, number>> => {
    const totals = new Map<string, number>()
    const reverted = new Set<string>()
    for (const { id, rolloutPath } of threads) {
      const file = threadsLeft > 0 ? findRecordedRollout(codexHome, rolloutPath) : undefined
      if (!file) continue
      const sizeBytes = file.sizeBytes * (file.path.endsWith('.zst') ? PACKED_TIMES : 1)
      if (sizeBytes > Math.min(LISTED_BYTES, bytesLeft)) continue
      threadsLeft -= 1
      bytesLeft -= sizeBytes
      // It has more than one rollout, and what was reverted was used.
      if (parseRolloutName(file.path)?.rolloutId) {
        reverted.add(id)
        continue
      }
      const sums = await sumFile(file.path)
      if (sums.kind === 'sums' && sums.threadId === id) totals.set(id, sums.wholeTotal)
    }
    const told = reverted.size > 0 ? await readCheapTokens(codexHome, reverted) : undefined
    for (const [id, { usage }] of told ?? []) totals.set(id, usage.total)
    return totals
  }
}

/** More threads than that wait for the disk. */
const MAX_WORKERS = 4

/** What a thread takes up in one go: small, so that none is left with much at the end. */
const GROUP_SIZE = 16

/** So much lies ready at each thread. */
const GROUPS_AHEAD = 2

/** Below both, starting threads takes longer than they save. */
const SMALL_JOB_FILES = 200
const SMALL_JOB_BYTES = 64 * 1024 * 1024

/**
 * The true tokens of a home, summed for each rollout; archived and compressed ones and those of reverted threads too.
 * In no order.
 *
 * @throws {StateError} `ABORTED`
 */
export async function* readLedgerSums(
  codexHome: string,
  { question, threadIds, startWorker, signal }: LedgerOptions,
): AsyncGenerator<LedgerEntry, void, undefined> {
  const { paths, unreadable } = await listLedger(codexHome, threadIds, signal)
  yield* unreadable
  const settings = { codexHome, question }
  if (startWorker === undefined || isSmall(paths)) {
    const sumFile = createTokenJob(settings)
    for (const path of paths) yield await sumFile(path, signal)
    return
  }
  const count = Math.min(availableParallelism(), MAX_WORKERS)
  yield* readInWorkers(
    paths,
    Array.from({ length: count }, () => startWorker('token-worker', settings)),
    signal,
  )
}

async function listLedger(
  codexHome: string,
  threadIds: ReadonlySet<string> | undefined,
  signal?: AbortSignal,
): Promise<{ paths: string[]; unreadable: UnreadableFolder[] }> {
  const { files, unreadable } = await listRollouts(codexHome, { signal })
  const byId = indexByRolloutId(files)
  const paths = files
    .filter((file) => {
      const { name } = file
      // Of a rollout that lies in two places one counts.
      if (name !== null && byId.get(name.rolloutId ?? name.threadId) !== file) return false
      return threadIds === undefined || threadIds.has(name?.threadId ?? '')
    })
    .map(({ path }) => path)
  return { paths, unreadable }
}

function isSmall(paths: readonly string[]): boolean {
  if (paths.length > SMALL_JOB_FILES) return false
  return sumBytes(paths) < SMALL_JOB_BYTES
}

function sumBytes(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
}

type FileResult = RolloutSums | UnreadableRollout

async function* readInWorkers(
  paths: readonly string[],
  workers: readonly Worker[],
  signal: AbortSignal | undefined,
): AsyncGenerator<FileResult, void, undefined> {
  const results: FileResult[] = []
  let next = 0
  let openGroups = 0
  let failure: unknown
  let wake = () => {}

  const give = (worker: Worker): void => {
    if (next >= paths.length) return
    worker.postMessage(paths.slice(next, next + GROUP_SIZE))
    next += GROUP_SIZE
    openGroups += 1
  }
  const fail = (error: unknown): void => {
    failure ??= error
    wake()
  }
  const abort = () =>
    fail(new StateError('ABORTED', 'reading rollouts was aborted', { cause: signal?.reason }))
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  for (const worker of workers) {
    worker.on('error', fail)
    worker.on('message', (group: readonly FileResult[]) => {
      results.push(...group)
      openGroups -= 1
      give(worker)
      wake()
    })
  }
  for (let round = 0; round < GROUPS_AHEAD; round += 1) for (const worker of workers) give(worker)
  try {
    while (openGroups > 0 || results.length > 0) {
      if (failure !== undefined) throw failure
      if (results.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      yield* results.splice(0)
    }
    if (failure !== undefined) throw failure
  } finally {
    signal?.removeEventListener('abort', abort)
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
