import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { ExtractSettings } from './extract.js'

/** Seen from the bundles in `dist/` and from `src/rollout/`: a worker thread can load JavaScript alone. */
const CANDIDATES = ['./backfill-worker.cjs', '../../dist/backfill-worker.cjs']

/**
 * The one place that knows where the worker's code is. `undefined` where it is not, as in a program that bundles
 * the library: then rollouts are read in the thread that asks.
 */
export function startExtractWorker(settings: ExtractSettings): Worker | undefined {
  const path = CANDIDATES.map((candidate) => fileURLToPath(new URL(candidate, import.meta.url))).find(
    existsSync,
  )
  return path === undefined ? undefined : new Worker(path, workerOptions(settings))
}

function workerOptions(settings: ExtractSettings): WorkerOptions {
  return {
    workerData: settings,
    // Flags of the process around it (a loader, a test runner's) are nothing to it.
    execArgv: [],
    // Lines are garbage at once; a larger nursery costs memory and saves no time.
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
  }
}
