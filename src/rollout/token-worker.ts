import { parentPort, workerData } from 'node:worker_threads'
import { createTokenJob, type TokenJobSettings } from './token-job.js'

/** What runs in a worker thread: groups of paths in, their sums out, one group after the other. */
const sumFile = createTokenJob(workerData as TokenJobSettings)
let previous = Promise.resolve()
parentPort?.on('message', (paths: readonly string[]) => {
  previous = previous.then(async () => {
    const results = []
    for (const path of paths) results.push(await sumFile(path))
    parentPort?.postMessage(results)
  })
})
