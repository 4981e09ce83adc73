import { statSync } from 'node:fs'
import type { ResourceLimits, Worker } from 'node:worker_threads'
import { MOST_THREADS_READ } from '../model/inspection.js'
import type { ThreadRow } from '../model/thread.js'
import { askWorkers, READING_LIMITS } from '../rollout/file-workers.js'
import { indexByRolloutId } from '../rollout/home-index.js'
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
  startWorker?: ((name: string, data: unknown, limits: ResourceLimits) => Worker) | undefined
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

/** Below both, starting threads takes longer than they save. */
const SMALL_JOB_FILES = 200
const SMALL_JOB_BYTES = 64 * 1024 * 1024

/**
 * The true tokens of a home, summed for each rollout; archived and compressed ones and those of reverted threads too.
 * In the order of the files.
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
  const sumFile = createTokenJob(settings)
  if (startWorker === undefined || isSmall(paths)) {
    for (const path of paths) yield await sumFile(path, signal)
    return
  }
  const answers = askWorkers<FileResult[]>(
    paths,
    () => startWorker('token-worker', settings, READING_LIMITS),
    { readHere: sumHere, signal },
  )
  async function sumHere(group: readonly string[]): Promise<FileResult[]> {
    const results: FileResult[] = []
    for (const path of group) results.push(await sumFile(path, signal))
    return results
  }
  for await (const results of answers) yield* results
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
