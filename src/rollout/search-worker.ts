import { parentPort, workerData } from 'node:worker_threads'
import type { StateErrorCode } from '../errors.js'
import { StateError } from '../errors.js'
import type { SearchedRollout, SearchQuery } from '../model/search.js'
import { createHomeIndex } from './lineage.js'
import { createRolloutSearcher, type RolloutSearcher } from './search-file.js'

/** What a worker is to do with the paths that it is sent. */
export interface SearchWorkerData {
  query: SearchQuery
  codexHome: string
}

/** What a worker says of the rollouts of a group that have something to tell. */
export type SearchWorkerAnswer =
  | { results: SearchedRollout[]; failure?: undefined }
  | { failure: { code: StateErrorCode; message: string } }

// A worker thread, which is a bundle of its own: groups of paths in, what they hold out, one group after the other.
const { query, codexHome } = workerData as SearchWorkerData
let searcher: RolloutSearcher | undefined
let previous = Promise.resolve()
parentPort?.on('message', (paths: readonly string[]) => {
  previous = previous.then(async () => {
    try {
      searcher ??= createRolloutSearcher(query, { findRollout: createHomeIndex(codexHome) })
      parentPort?.postMessage({ results: await searchGroup(searcher, paths) } satisfies SearchWorkerAnswer)
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      parentPort?.postMessage({ failure: { code: error.code, message: error.message } })
    }
  })
})

async function searchGroup(
  { search }: RolloutSearcher,
  paths: readonly string[],
): Promise<SearchedRollout[]> {
  const results: SearchedRollout[] = []
  for (const path of paths) {
    const result = await search(path)
    if (hasSomethingToTell(result)) results.push(result)
  }
  return results
}

function hasSomethingToTell({ hits, failure, untimedCount, badLineCount, elidedBytes }: SearchedRollout) {
  return hits.length > 0 || failure !== null || untimedCount + badLineCount + elidedBytes > 0
}
