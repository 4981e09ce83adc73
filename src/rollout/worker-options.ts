import type { WorkerOptions } from 'node:worker_threads'
import type { ExtractSettings } from './extract.js'

export function extractWorkerOptions(settings: ExtractSettings): WorkerOptions {
  return {
    workerData: settings,
    // Else Node joins the worker's streams to those of the process, which turns a pipe non-blocking.
    stdout: true,
    stderr: true,
    // Flags of the process around it (a loader, a test runner's) are nothing to it.
    execArgv: [],
    // Lines are garbage at once; a larger nursery costs memory and saves no time.
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
  }
}
