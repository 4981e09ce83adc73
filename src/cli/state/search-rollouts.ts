import type { SearchedRollout, SearchQuery } from '../../model/search.js'
import { askWorkers, READING_LIMITS } from '../../rollout/file-workers.js'
import { createHomeIndex } from '../../rollout/home-index.js'
import { createRolloutSearcher, type RolloutSearcher } from '../../rollout/search-file.js'
import type { SearchWorkerData } from '../../rollout/search-worker.js'
import type { Io } from '../io.js'
import { createProgress, type Progress } from '../progress.js'

/** A search of fewer is over before a worker has started. */
const FEW_FILES = 100

interface RolloutSearch {
  query: SearchQuery
  codexHome: string
  paths: readonly string[]
  io: Io
}

/** The rollouts in which something was found, in the order of their paths; and those that could not be read. */
export async function* searchRollouts(search: RolloutSearch): AsyncGenerator<SearchedRollout[]> {
  const { query, codexHome, io, paths } = search
  const progress = createProgress(io, 'searching', paths.length)
  try {
    const { startWorker } = io
    const found =
      startWorker && paths.length > FEW_FILES
        ? askWorkers<SearchedRollout[]>(
            paths,
            () =>
              startWorker('search-worker', { query, codexHome } satisfies SearchWorkerData, READING_LIMITS),
            { readHere: createSearcher(search).searchAll, onRead: progress.add },
          )
        : searchHere(search, progress)
    for await (const page of found) {
      if (page.length > 0) progress.clear()
      yield page
    }
  } finally {
    progress.clear()
  }
}

async function* searchHere(search: RolloutSearch, progress: Progress): AsyncGenerator<SearchedRollout[]> {
  const { searchAll } = createSearcher(search)
  for (const path of search.paths) {
    yield await searchAll([path])
    progress.add(1)
  }
}

function createSearcher({ query, codexHome }: RolloutSearch): RolloutSearcher {
  return createRolloutSearcher(query, { findRollout: createHomeIndex(codexHome) })
}
