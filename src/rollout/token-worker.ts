import { parentPort, workerData } from 'node:worker_threads'
import { answerGroups } from './file-workers.js'
import { createTokenJob, type TokenJobSettings } from './token-job.js'
import type { RolloutSums } from './token-sums.js'
import type { UnreadableRollout } from './tokens.js'

// A worker thread, which is a bundle of its own.
const sumFile = createTokenJob(workerData as TokenJobSettings)
if (parentPort)
  answerGroups(parentPort, async (paths) => {
    const results: (RolloutSums | UnreadableRollout)[] = []
    for (const path of paths) results.push(await sumFile(path))
    return results
  })
