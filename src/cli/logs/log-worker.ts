import { parentPort, workerData } from 'node:worker_threads'
import type { LogFilter } from '../../model/log.js'
import type { LogBatch } from '../../query/log-batches.js'
import { patternFunctions } from '../../query/log-filter.js'
import { openLogStore } from '../../query/log-store.js'
import type { DatabaseFile } from '../../schema/files.js'
import { createBytesReader, type RecordPlan } from './records.js'

/** What a worker is started with. */
export interface LogWorkerData {
  file: DatabaseFile
  filter: LogFilter
  plan: RecordPlan
}

// A worker thread of its own bundle: reads the batches that it is sent, one after another.
const { file, filter, plan } = workerData as LogWorkerData
const store = openLogStore([file], { functions: patternFunctions(filter) })
if (!store || !parentPort) throw new Error(`${file.path} has no table of logs any more`)
const port = parentPort
const read = createBytesReader(store, filter, plan)

port.on('message', (batch: LogBatch) => {
  const records = read(batch)
  if (!records) return port.postMessage(undefined)
  // Handed over, not copied, where the buffer is the memory's only user.
  const { buffer, byteLength } = records.bytes
  const isWhole = buffer.byteLength === byteLength
  port.postMessage(records, isWhole ? [buffer as ArrayBuffer] : [])
})
