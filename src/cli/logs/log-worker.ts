import { parentPort, workerData } from 'node:worker_threads'
import { borrowFiles, type LentFile } from '../../db/held-files.js'
import { StateError, type StateErrorCode } from '../../errors.js'
import { readNotes } from '../../inspect/log-failures.js'
import type { LogFilter } from '../../model/log.js'
import type { StatsPlan } from '../../model/log-stats.js'
import { countBatch, type LogBatch, readNewestIds } from '../../query/logs/batches.js'
import { loadFilterFunctions } from '../../query/logs/filter.js'
import { readStats } from '../../query/logs/stats.js'
import { type LogStore, openLogStore } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import { loadRecordReader } from './load-reader.js'
import { openBody } from './read-body.js'
import type { RecordPlan, RecordReader } from './records.js'

/** What a worker is to do with the batches that it is sent. */
export interface LogWorkerData {
  file: DatabaseFile
  filter: LogFilter
  job:
    | { kind: 'records'; plan: RecordPlan }
    | { kind: 'ids'; limit: number }
    | { kind: 'count' }
    | { kind: 'kinds' }
    | { kind: 'stats'; plan: StatsPlan }
    | { kind: 'notes' }
}

export interface LogWorkerStart extends LogWorkerData {
  lent: LentFile[]
}

/** What a worker says of a batch. An error's class does not survive the way between threads. */
export type LogWorkerAnswer<Result> =
  | { result: Result; failure?: undefined }
  | { failure: { code: StateErrorCode; message: string } }

// A worker thread, which is a bundle of its own: reads the batches that it is sent, one after another.
const { file, filter, job, lent } = workerData as LogWorkerStart
borrowFiles(lent)
const port = parentPort!
const loading = loadFilterFunctions(filter)
const loadingReader = job.kind === 'records' ? loadRecordReader(job.plan, openBody) : undefined
let readRecords: RecordReader | undefined
const loadingKinds = job.kind === 'kinds' ? import('./row-kinds.js') : undefined
let readKinds: ((batch: LogBatch) => unknown) | undefined
let store: LogStore | undefined

port.on('message', async (batch: LogBatch) => {
  try {
    const functions = await loading
    store ??= openLogStore([file], { functions })
    if (!store) throw new StateError('DB_NO_TABLE', `${file.path} no longer has a table of logs`)
    readRecords ??= (await loadingReader)?.(store, filter)
    if (job.kind === 'kinds') readKinds ??= (await loadingKinds)!.createKindsReader(store, filter)
    const { result, transfer } = work(store, batch)
    port.postMessage({ result }, transfer)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    port.postMessage({ failure: { code: error.code, message: error.message } })
  }
})

function work(opened: LogStore, batch: LogBatch): { result: unknown; transfer: ArrayBuffer[] } {
  if (job.kind === 'ids') return { result: readNewestIds(opened, batch, filter, job.limit), transfer: [] }
  if (job.kind === 'stats') return { result: readStats(opened, batch, filter, job.plan), transfer: [] }
  if (job.kind === 'notes') return { result: readNotes(opened, batch, filter), transfer: [] }
  if (job.kind === 'count') return { result: countBatch(opened, batch, filter), transfer: [] }
  if (job.kind === 'kinds') return { result: readKinds!(batch), transfer: [] }
  const result = readRecords!(batch)
  // Handed over, not copied, where the memory is of no one else: small buffers share theirs.
  const buffer = result?.bytes.buffer
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize
  return { result, transfer: isOwn ? [buffer] : [] }
}
