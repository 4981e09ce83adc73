import type { LogFilter, RowId } from '../../model/log.js'
import {
  countBatch,
  idBatches,
  matchingBatches,
  newestFirstBatches,
  readNewestIds,
} from '../../query/logs/batches.js'
import { inParts } from '../../query/logs/rows.js'
import { type LogStore, readHighestId, readLowestId } from '../../query/logs/store.js'
import type { Io } from '../io.js'
import type { BatchWork } from './batch-work.js'
import type { CursorKeeper } from './cursor.js'
import { loadRecordReader } from './load-reader.js'
import type { LogWorkerData } from './log-worker.js'
import type { Output } from './output.js'
import { createScanProgress, type ScanProgress } from './progress.js'
import { readBatches } from './read-batches.js'
import { createResize, createRowsReader, type Records } from './records.js'

/** A database to read rows of. */
export interface Reading {
  store: LogStore
  /** Only rows with a higher id. */
  afterId: bigint
  /** No rows with a higher id than this. */
  throughId?: bigint
}

/** Which of the matching rows, and in which order. */
export interface Selection {
  /** The newest ones, this many; all when infinite. */
  limit: number
  isReversed: boolean
}

/** Rows that were printed. */
export interface Printed {
  store: LogStore
  /** The highest of their ids. */
  lastId: RowId
}

/** Only what stands there is recorded as printed. */
export function recordPrinted(
  cursor: CursorKeeper,
  { formatter }: Output,
  { store, lastId }: Printed,
  io: Io,
): void {
  if (!cursor.isRecording) return
  io.stdout.write(formatter.flush())
  cursor.record(store, lastId)
}

/** Rows that are chosen: those of the ids, in their order, where there are ids. */
export interface Selected extends Reading {
  ids?: readonly RowId[]
}

/**
 * Prints the rows of databases that came one after another, oldest first, a batch at a time, and yields what was
 * printed of each batch. The formatter may hold some of it back still.
 */
export async function* printSelected(
  readings: readonly Selected[],
  filter: LogFilter,
  { limit, isReversed }: Selection,
  output: Output,
  io: Io,
): AsyncGenerator<Printed> {
  const selected =
    limit === Number.POSITIVE_INFINITY
      ? readings
      : await selectNewest(readings, filter, { limit, isReversed }, io)
  const progress = createScanProgress(io)
  let lastKey: string | undefined
  for (const reading of isReversed ? selected.toReversed() : selected) {
    const { store, ids } = reading
    const batches = ids ? idBatches(ids) : matchingBatches(store, filter, { ...reading, isReversed })
    // The ids that were found match already.
    const remaining = ids ? {} : filter
    // SQLite writes a window in the order of its ids, and what it knows the columns of.
    const isPlain = (ids || !isReversed) && !(output.hasUnknown && store.unknownColumns.length > 0)
    const plan = isPlain ? output.plan : undefined
    const parts = plan ? batches : inParts(store, batches, { isReversed })
    const createReader = plan && (await loadRecordReader(plan, output.openBody))
    const results = readBatches({
      batches: progress.watch(parts, () => countIds(store)),
      read: createReader
        ? createReader(store, remaining)
        : createRowsReader(store, remaining, output.formatter.format, isReversed),
      resize: createResize(plan),
      workers: plan && inWorkers(io, store, { filter: remaining, job: { kind: 'records', plan } }),
    })
    for await (const records of results) {
      if (!records) continue
      progress.clear()
      for (const bytes of withoutKnownRule(records, lastKey)) io.stdout.write(bytes)
      lastKey = records.lastKey
      yield { store, lastId: records.lastId }
    }
  }
  progress.clear()
}

function withoutKnownRule({ bytes, rule }: Records, lastKey: string | undefined): Uint8Array[] {
  if (!rule || rule.key !== lastKey) return [bytes]
  return [bytes.subarray(0, rule.from), bytes.subarray(rule.to)].filter(({ length }) => length > 0)
}

/** The newest rows that match, this many of all databases together. */
export async function selectNewest(
  readings: readonly Reading[],
  filter: LogFilter,
  { limit, isReversed }: Selection,
  io: Io,
): Promise<(Selected & { ids: readonly RowId[] })[]> {
  const progress = createScanProgress(io)
  const selected = []
  let missing = limit
  for (const reading of readings.toReversed()) {
    const ids = await findNewestIds(reading, filter, missing, io, progress)
    selected.unshift({ ...reading, ids: isReversed ? ids : ids.reverse() })
    missing -= ids.length
  }
  return selected
}

/** How many ids there are to look at, those of deleted rows in between included. */
export function countIds(store: LogStore): number {
  const highest = readHighestId(store)
  return Number(highest - (readLowestId(store) ?? highest)) + 1
}

/** The ids of the newest rows that match, newest first. */
async function findNewestIds(
  { store, afterId, throughId }: Reading,
  filter: LogFilter,
  limit: number,
  io: Io,
  progress: ScanProgress,
): Promise<RowId[]> {
  const ids: RowId[] = []
  if (limit === 0) return ids
  const sizes = { windowSize: Math.max(2000, limit), listSize: limit }
  const batches = newestFirstBatches(store, filter, { afterId, throughId, ...sizes })
  const results = readBatches({
    batches: progress.watch(batches, () => countIds(store)),
    read: (batch) => readNewestIds(store, batch, filter, limit - ids.length),
    resize: () => 'grow',
    workers: inWorkers(io, store, { filter, job: { kind: 'ids', limit } }),
  })
  for await (const found of results) {
    for (const id of found.slice(0, limit - ids.length)) ids.push(id)
    if (ids.length === limit) break
  }
  progress.clear()
  return ids
}

/** How worker threads do a part of the work; `undefined` where they cannot. */
export function inWorkers(
  { startWorker, now }: Io,
  { connection, file }: LogStore,
  data: Omit<LogWorkerData, 'file'>,
): BatchWork<never>['workers'] {
  // One copy is enough, and its files have no names by which another thread could open them.
  if (connection.isPrivateCopy) return undefined
  return startWorker && { start: startWorker, data: { ...data, file }, now }
}

/** How many rows match. */
export async function countMatches(readings: readonly Reading[], filter: LogFilter, io: Io): Promise<number> {
  const progress = createScanProgress(io)
  let count = 0
  for (const { store, afterId } of readings) {
    const results = readBatches({
      batches: progress.watch(matchingBatches(store, filter, { afterId }), () => countIds(store)),
      read: (batch) => countBatch(store, batch, filter),
      resize: () => 'grow',
      workers: inWorkers(io, store, { filter, job: { kind: 'count' } }),
    })
    for await (const found of results) count += found
  }
  progress.clear()
  return count
}
