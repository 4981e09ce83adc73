import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ExtractSettings } from './extract.js'
import { extractWorkerOptions } from './worker-options.js'

/** Seen from the bundles in `dist/` and from `src/rollout/`: a worker thread can load only JavaScript. */
const CANDIDATES = ['./backfill-worker.cjs', '../../dist/backfill-worker.cjs']

/**
 * The one place that knows where the worker's code is; in an executable another one takes its place. `undefined`
 * where it is not, as in a program that bundles the library: then rollouts are read in the thread that asks.
 */
export function startExtractWorker(settings: ExtractSettings): Worker | undefined {
  const path = CANDIDATES.map((candidate) => fileURLToPath(new URL(candidate, import.meta.url))).find(
    existsSync,
  )
  return path === undefined ? undefined : new Worker(path, extractWorkerOptions(settings))
}
