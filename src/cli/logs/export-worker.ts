import { parentPort, workerData } from 'node:worker_threads'
import { borrowFiles, type LentFile } from '../../db/held-files.js'
import { StateError, type StateErrorCode } from '../../errors.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { loadFilterFunctions } from '../../query/logs/filter.js'
import { inParts, readLogRows } from '../../query/logs/rows.js'
import { openLogStore } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import { openDescriptor } from '../../share/export/final-file.js'
import { createParquetFile, type ParquetColumn, ROW_GROUP_SIZE } from '../../share/export/parquet.js'
import { createRedactor, type Redactor, redactEach } from '../../share/redact.js'
import { findBySecretlint } from '../../share/secretlint.js'
import type { RedactThreadData } from '../redact-thread.js'

export interface ExportWorkerData {
  readonly file: DatabaseFile
  readonly filter: LogFilter
  /** Of the file to write, which is opened and made final by the thread that started this one. */
  readonly descriptor: number
  readonly path: string
  readonly lent: LentFile[]
  /** What to redact beside what the rules know; `undefined`: nothing is redacted. */
  readonly names: RedactThreadData['names'] | undefined
}

export type ExportAnswer =
  | { kind: 'progress'; rowCount: number }
  | { kind: 'done'; rowCount: number }
  | { kind: 'failed'; code: StateErrorCode; message: string }

/** `ts` and `ts_nanos` are there as they are stored, beside the instant: not every reader keeps nanoseconds. */
const COLUMNS: readonly ParquetColumn<StoredLogRow>[] = [
  { name: 'id', type: 'integer', isUnique: true, of: ({ id }) => id },
  { name: 'time', type: 'timestamp', isUnique: true, of: instantOf },
  { name: 'ts', type: 'integer', of: ({ tsSeconds }) => integerOf(tsSeconds) },
  { name: 'ts_nanos', type: 'integer', isUnique: true, of: ({ tsNanos }) => integerOf(tsNanos) },
  { name: 'level', type: 'text', of: ({ level }) => level },
  { name: 'target', type: 'text', of: ({ target }) => target },
  { name: 'body', type: 'text', isLong: true, of: ({ body }) => body },
  { name: 'thread_id', type: 'text', of: ({ threadId }) => threadId },
  { name: 'process_uuid', type: 'text', of: ({ processUuid }) => processUuid },
  { name: 'module_path', type: 'text', of: ({ modulePath }) => modulePath },
  { name: 'file', type: 'text', of: ({ file }) => file },
  { name: 'line', type: 'integer', of: ({ line }) => line },
]

function integerOf(value: unknown): bigint | null {
  return typeof value === 'number' && Number.isFinite(value) ? BigInt(Math.trunc(value)) : null
}

/** What does not fit into 64 bits of nanoseconds (the years 1677 to 2262) is no instant. */
const MAX_SECONDS = 9_223_372_035

function instantOf({ tsSeconds, tsNanos }: StoredLogRow): bigint | null {
  const seconds = integerOf(tsSeconds)
  if (seconds === null || seconds > MAX_SECONDS || seconds < -MAX_SECONDS) return null
  return seconds * 1_000_000_000n + (integerOf(tsNanos) ?? 0n)
}

// A worker thread, which is a bundle of its own, with a heap of its own that is kept small: a row group is in
// memory several times over.
const { file, filter, descriptor, path, lent, names } = workerData as ExportWorkerData
borrowFiles(lent)
const port = parentPort!

void run()

async function run(): Promise<void> {
  try {
    port.postMessage({
      kind: 'done',
      rowCount: await exportRows(await loadFilterFunctions(filter)),
    } satisfies ExportAnswer)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    port.postMessage({ kind: 'failed', code: error.code, message: error.message } satisfies ExportAnswer)
  }
}

/** Texts that are read at once: they are in the heap, which is small, several times over. */
const MAX_PART_BYTES = 8 * 1024 * 1024

async function exportRows(functions: Awaited<ReturnType<typeof loadFilterFunctions>>): Promise<number> {
  const store = openLogStore([file], { functions })
  if (!store) throw new StateError('DB_NO_TABLE', `${file.path} no longer has a table of logs`)
  const redactor = names && createRedactor({ ...names, findMore: findBySecretlint })
  let rowCount = 0
  const parquet = createParquetFile(openDescriptor(descriptor, path), COLUMNS, {
    onGroup: (count) => {
      rowCount = count
      port.postMessage({ kind: 'progress', rowCount } satisfies ExportAnswer)
    },
  })
  const batches = matchingBatches(store, filter, { windowSize: ROW_GROUP_SIZE })
  for (const batch of inParts(store, batches, { maxBytes: MAX_PART_BYTES })) {
    const rows = readLogRows(store, batch, filter)
    if (redactor) await redactRows(rows, redactor)
    for (const row of rows) parquet.add(row)
  }
  parquet.finish()
  store.connection.close()
  return rowCount
}

/** What can hold more than names of the program's own. */
const TEXTS = ['body', 'target', 'modulePath', 'file'] as const

async function redactRows(rows: readonly StoredLogRow[], redactor: Redactor): Promise<void> {
  const redacted = await redactEach(
    redactor,
    rows.flatMap((row) => TEXTS.map((name) => row[name] ?? '')),
  )
  rows.forEach((row, index) => {
    TEXTS.forEach((name, at) => {
      if (row[name] !== null) row[name] = redacted[index * TEXTS.length + at]!
    })
  })
}
