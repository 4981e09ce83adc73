import { parentPort, workerData } from 'node:worker_threads'
import { type Extracted, type ExtractJob, type ExtractSettings, extractRollout } from './extract.js'

/** What runs in a worker thread: groups of jobs in, their results out, one group after the other. */
let previous = Promise.resolve()
parentPort?.on('message', (jobs: readonly ExtractJob[]) => {
  previous = previous.then(async () => {
    const results: Extracted[] = []
    for (const job of jobs) results.push(await extractRollout(job, workerData as ExtractSettings))
    parentPort?.postMessage(results)
  })
})
