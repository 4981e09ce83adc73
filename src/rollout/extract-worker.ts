import { parentPort, workerData } from 'node:worker_threads'
import { type Extracted, type ExtractJob, type ExtractSettings, extractRollout } from './extract.js'

/** What runs in a worker thread: a group of jobs in, their results out, in order. */
parentPort?.on('message', async (jobs: readonly ExtractJob[]) => {
  const results: Extracted[] = []
  for (const job of jobs) results.push(await extractRollout(job, workerData as ExtractSettings))
  parentPort?.postMessage(results)
})
