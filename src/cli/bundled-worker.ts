import { join } from 'node:path'
import { type StartWorker, workerOptions } from './io.js'

/** The folder of the bundle that this is part of: the bundles are CommonJS. */
declare const __dirname: string

/** Each worker is a bundle of its own beside that of the commands. */
export const startBundledWorker: StartWorker = (name, data, limits) => {
  const { Worker } = process.getBuiltinModule('node:worker_threads')
  return new Worker(join(__dirname, `${name}.cjs`), workerOptions(data, limits))
}
