import { availableParallelism } from 'node:os'
import { StateError } from '../../errors.js'
import type { SearchedRollout, SearchQuery } from '../../model/search.js'
import { createHomeIndex } from '../../rollout/lineage.js'
import { createRolloutSearcher } from '../../rollout/search-file.js'
import type { SearchWorkerAnswer, SearchWorkerData } from '../../rollout/search-worker.js'
import type { Io, StartWorker } from '../io.js'
import { createProgress, type Progress } from '../progress.js'

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
  const progress = createProgress(io, 'searching', paths.length)
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
