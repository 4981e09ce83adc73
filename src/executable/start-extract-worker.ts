import type { Worker } from 'node:worker_threads'
import type { ExtractSettings } from '../rollout/extract.js'
import { extractWorkerOptions } from '../rollout/worker-options.js'
import { createPackedWorker } from './assets.js'

/** Takes the place of rollout/start-worker.ts: there are no files beside an executable. */
export function startExtractWorker(settings: ExtractSettings): Worker {
  return createPackedWorker('backfill-worker', extractWorkerOptions(settings))
}
