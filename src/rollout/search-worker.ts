import { parentPort, workerData } from 'node:worker_threads'
import type { SearchQuery } from '../model/search.js'
import { answerGroups } from './file-workers.js'
import { createHomeIndex } from './home-index.js'
import { createRolloutSearcher } from './search-file.js'

/** What a worker is to do with the paths that it is sent. */
export interface SearchWorkerData {
  query: SearchQuery
  codexHome: string
}

// A worker thread, which is a bundle of its own.
const { query, codexHome } = workerData as SearchWorkerData
const { searchAll } = createRolloutSearcher(query, { findRollout: createHomeIndex(codexHome) })
if (parentPort) answerGroups(parentPort, searchAll)
