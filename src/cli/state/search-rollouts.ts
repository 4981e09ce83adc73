import { availableParallelism } from 'node:os'
import { monotonicMs } from '../../db/clock.js'
import { StateError } from '../../errors.js'
import type { SearchedRollout, SearchQuery } from '../../model/search.js'
import { createHomeIndex } from '../../rollout/lineage.js'
import { createRolloutSearcher } from '../../rollout/search-file.js'
import type { SearchWorkerAnswer, SearchWorkerData } from '../../rollout/search-worker.js'
import type { Io, StartWorker } from '../io.js'

/** So many rollouts are handed to a worker at once. */
const GROUP_FILES = 32

/** A search of fewer is over before a worker has started. */
const FEW_FILES = 100

const MOST_WORKERS = 4

/** Groups that are read ahead while an earlier one is still searched. */
const GROUPS_AHEAD = 16

interface RolloutSearch {
  query: SearchQuery
  codexHome: string
  paths: readonly string[]
  io: Io
}

/** The rollouts in which something was found, in the order of their paths; and those that could not be read. */
export async function* searchRollouts(search: RolloutSearch): AsyncGenerator<SearchedRollout[]> {
  const { io, paths } = search
  const progress = createProgress(io, paths.length)
  try {
    const found =
      io.startWorker && paths.length > FEW_FILES
        ? searchInWorkers(search, io.startWorker, progress)
        : searchHere(search, progress)
    for await (const page of found) {
      if (page.length > 0) progress.clear()
      yield page
    }
  } finally {
    progress.clear()
  }
}

async function* searchHere(
  { query, codexHome, paths }: RolloutSearch,
  progress: Progress,
): AsyncGenerator<SearchedRollout[]> {
  const { search } = createRolloutSearcher(query, { findRollout: createHomeIndex(codexHome) })
  for (const path of paths) {
    yield [await search(path)]
    progress.add(1)
  }
}

interface Group {
  size: number
  answer: SearchWorkerAnswer | undefined
}

async function* searchInWorkers(
  { query, codexHome, paths }: RolloutSearch,
  start: StartWorker,
  progress: Progress,
): AsyncGenerator<SearchedRollout[]> {
  let wake = () => {}
  let crash: Error | undefined
  const count = Math.max(1, Math.min(availableParallelism(), MOST_WORKERS))
  const workers = Array.from({ length: count }, () => {
    const worker = start('search-worker', { query, codexHome } satisfies SearchWorkerData)
    const asked: Group[] = []
    worker.on('message', (answer: SearchWorkerAnswer) => {
      const group = asked.shift()!
      group.answer = answer
      progress.add(group.size)
      wake()
    })
    worker.on('error', (error: Error) => {
      crash = error
      wake()
    })
    return { worker, asked }
  })
  const groups: Group[] = []
  let next = 0
  try {
    while (next < paths.length || groups.length > 0) {
      for (const { worker, asked } of workers)
        while (asked.length < 2 && next < paths.length && groups.length < count * GROUPS_AHEAD) {
          const part = paths.slice(next, next + GROUP_FILES)
          next += part.length
          const group: Group = { size: part.length, answer: undefined }
          groups.push(group)
          asked.push(group)
          worker.postMessage(part)
        }
      if (crash) throw crash
      const [first] = groups
      if (!first?.answer) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      groups.shift()
      const { answer } = first
      if (answer.failure) throw new StateError(answer.failure.code, answer.failure.message)
      yield answer.results
    }
  } finally {
    await Promise.all(workers.map(({ worker }) => worker.terminate()))
  }
}

interface Progress {
  add(count: number): void
  clear(): void
}

/** A search that shows nothing for this long says how far it is. */
const QUIET_MS = 1000
const REDRAW_MS = 100

function createProgress(io: Io, total: number): Progress {
  let quietSince = monotonicMs()
  let drawnAt = 0
  let done = 0
  return {
    add(count) {
      done += count
      io.stdout.check?.()
      const now = monotonicMs()
      if (!io.stderr.isTerminal || io.stdout.isPaged) return
      if (now - quietSince < QUIET_MS || now - drawnAt < REDRAW_MS) return
      drawnAt = now
      io.stderr.write(`\r\x1b[Ksearching … ${Math.floor((done / Math.max(1, total)) * 100)} %`)
    },
    clear() {
      quietSince = monotonicMs()
      if (drawnAt > 0) io.stderr.write('\r\x1b[K')
      drawnAt = 0
    },
  }
}
