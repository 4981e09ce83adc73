import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Worker, WorkerOptions } from 'node:worker_threads'
import { type StartWorker, workerOptions } from '../cli/io.js'

/** Put in by the build: whether the assets are those of Node's own executables or lie beside the bundle. */
declare const ASSETS_ARE_FILES: boolean
declare const __dirname: string

/** The bytes of something that was packed into the executable. */
export function readAsset(name: string): Uint8Array {
  if (ASSETS_ARE_FILES) return readFileSync(join(__dirname, name))
  return new Uint8Array(process.getBuiltinModule('node:sea').getRawAsset(name))
}

/** Where assets are no files, the bundle of a worker has no path. */
export function createPackedWorker(name: string, options: WorkerOptions): Worker {
  const threads = process.getBuiltinModule('node:worker_threads')
  if (ASSETS_ARE_FILES) return new threads.Worker(join(__dirname, `${name}.cjs`), options)
  return new threads.Worker(Buffer.from(readAsset(`${name}.cjs`)).toString(), { ...options, eval: true })
}

export const startPackedWorker: StartWorker = (name, data, limits) =>
  createPackedWorker(name, workerOptions(data, limits))
