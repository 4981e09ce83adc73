import { refuseWrites, type WriteConnection } from '../db/connection.js'
import { openReadOnly } from '../db/open-read.js'
import { openReadWrite } from '../db/open-write.js'
import { StateError } from '../errors.js'
import { isSamePath } from '../model/paths.js'
import type { SyncOptions } from '../model/sync.js'
import type { DynamicTool, ThreadMetadata, ThreadRow } from '../model/thread.js'
import { compareFolders } from '../query/cwd-spellings.js'
import { readSessionNames } from '../query/session-names.js'
import { findThread } from '../query/threads/find.js'
import {
  type CompareContext,
  chooseRepairs,
  compareThread,
  isNewerFileAlone,
  isPathOf,
} from '../rollout/compare.js'
import type { Extracted } from '../rollout/extract.js'
import { listRollouts } from '../rollout/list.js'
import { findRecordedRollout, readOwner } from '../rollout/locate.js'
import type { RolloutFileFacts } from '../rollout/read.js'
import { type ReadRollout, readRolloutBatches } from '../rollout/read-batches.js'
import { isMillisColumn } from '../schema/threads.js'
import { isBackfillComplete, markBackfillComplete } from '../store/backfill.js'
import { persistDynamicTools } from '../store/dynamic-tools.js'
import { insertThread, repairThread } from '../store/threads.js'
import { type Clock, refusalOf, reportFailures } from './backfill.js'
import { extractSettings, type SyncTarget } from './target.js'

/** One change of a home's database, made or to be made. */
export type HomeChange =
  | {
      kind: 'insert'
      metadata: ThreadMetadata
      dynamicTools: readonly DynamicTool[]
    }
  | { kind: 'repair'; metadata: ThreadMetadata; values: Partial<ThreadMetadata> }
  /** The backfill is not marked as done, so Codex would not use the rows. */
  | { kind: 'finish' }

export interface HomeRepairOptions extends SyncOptions, Clock {
  /** Only tells the changes. */
  isDryRun: boolean
  /** Awaited before the first change is made. */
  beforeFirstWrite: () => Promise<void>
}

/** A home's own database, to be repaired, or to tell only what would be changed. */
export function openForRepair(
  path: string,
  { isDryRun, onNotice }: { isDryRun: boolean; onNotice: (text: string) => void },
): WriteConnection {
  return isDryRun ? refuseWrites(openReadOnly(path, { onNotice })) : openReadWrite(path)
}

export interface RepairCounts {
  /** Rollouts on disk. */
  found: number
  scanned: number
  failed: number
  /**
   * Rows that are archived while their file is not, or the reverse, and stay so: the file is where the row says, so
   * that somebody may have archived the thread only in the database.
   */
  archivedOtherwise: number
  /** Threads whose rows differ in more than what is changed. */
  differing: number
}

/**
 * Brings a home's own database in line with its rollouts, and yields the changes batch by batch, newest rollouts
 * first. Every rollout is read: no time and no path of a row proves that its values are those of the file. Rows are
 * inserted where they are missing. A row that is there keeps everything, but that: its path and whether it is
 * archived, when its file is not where it says; values that are empty; the memory mode of a legacy thread; and what
 * a file that was written to since says of tokens, model, policies and the time of change.
 *
 * @throws {StateError} `ABORTED`, with all changes that were yielded made; and as every write
 */
export async function* repairHome(
  target: SyncTarget,
  options: HomeRepairOptions,
): AsyncGenerator<HomeChange[], RepairCounts, undefined> {
  const { files, unreadable } = await listRollouts(target.codexHome, options)
  for (const { path, reason } of unreadable) options.onFailure?.({ path, reason })
  // Where two files are of one thread, the first that is met makes the row: a backfill lets the last one win.
  const pending = files.toReversed()
  const counts: RepairCounts = {
    found: files.length,
    scanned: 0,
    failed: 0,
    archivedOtherwise: 0,
    differing: 0,
  }
  const settled = new Set<string>()
  let hasWritten = false

  async function* apply(changes: HomeChange[]): AsyncGenerator<HomeChange[], void, undefined> {
    if (changes.length === 0) return
    const made = options.isDryRun ? changes : await write(changes)
    if (made.length > 0) yield made
  }

  /** Gives those that were made: what the database does not take of one thread stops no other. */
  async function write(changes: HomeChange[]): Promise<HomeChange[]> {
    if (!hasWritten) await options.beforeFirstWrite()
    hasWritten = true
    const refused = new Map<HomeChange, string>()
    target.state.transaction(() => {
      for (const change of changes) {
        const reason = refusalOf(target, () => makeChange(target, change, files.at(-1)?.watermark, options))
        if (reason !== undefined) refused.set(change, reason)
      }
    })
    for (const [change, reason] of refused) {
      if (change.kind === 'finish') throw new StateError('INVALID', reason)
      options.onFailure?.({ path: change.metadata.rolloutPath, reason })
    }
    counts.failed += refused.size
    return changes.filter((change) => !refused.has(change))
  }

  options.onProgress?.({ done: 0, total: pending.length })
  const settings = extractSettings(target, options.defaultProvider)
  const names = readSessionNames(target.codexHome, () => {})
  for await (const batch of readRolloutBatches(pending, settings, options)) {
    const changes: HomeChange[] = []
    for (const read of batch) {
      const change = await planChange(target, read, settled, counts, { names, nowMs: options.now() })
      if (change) changes.push(change)
    }
    counts.scanned += batch.length
    counts.failed += reportFailures(batch, options)
    yield* apply(changes)
    options.onProgress?.({ done: counts.scanned, total: pending.length })
  }
  if (target.hasBackfillState && !isBackfillComplete(target.state)) yield* apply([{ kind: 'finish' }])
  return counts
}

async function planChange(
  { threads, codexHome }: SyncTarget,
  { result }: ReadRollout,
  settled: Set<string>,
  counts: RepairCounts,
  context: Pick<CompareContext, 'nowMs'> & { names: ReadonlyMap<string, string> },
): Promise<HomeChange | undefined> {
  if (result.kind === 'failed') return undefined
  const { metadata, dynamicTools } = result
  const { id, rolloutPath: path } = metadata
  if (settled.has(id)) return undefined
  const row = findThread(threads, id)
  if (!row) {
    settled.add(id)
    return { kind: 'insert', metadata, dynamicTools }
  }
  // A thread can have several rollouts; the row says which one is current. Where that is gone it is the newest.
  const own = await findOwnFile(codexHome, row)
  if (own && !isPathOf(own, path)) return undefined
  settled.add(id)
  const { values, hasMore } = findStaleValues(row, result, threads, context)
  if (hasMore || result.firstNotUtf8 !== null) counts.differing += 1
  if (isArchivedOtherwise(row, metadata) && !('archivedAtSeconds' in values)) counts.archivedOtherwise += 1
  return Object.keys(values).length === 0 ? undefined : { kind: 'repair', metadata, values }
}

/** The file that a row names, here or where the home was moved to; not one that another thread wrote. */
async function findOwnFile(
  codexHome: string,
  { id, rolloutPath }: ThreadRow,
): Promise<RolloutFileFacts | undefined> {
  const file = findRecordedRollout(codexHome, rolloutPath)
  if (!file) return undefined
  try {
    const owner = await readOwner(file)
    return owner === null || owner === id ? file : undefined
  } catch (error) {
    if (error instanceof StateError) return file
    throw error
  }
}

/** Of what differs, what a row has to take over from its rollout. */
function findStaleValues(
  row: ThreadRow,
  { metadata, isContinuation, endsWithMeta }: Extract<Extracted, { kind: 'extracted' }>,
  { columns, release }: SyncTarget['threads'],
  { names, nowMs }: { names: ReadonlyMap<string, string>; nowMs: number },
): { values: Partial<ThreadMetadata>; hasMore: boolean } {
  const differences = compareThread(row, metadata, {
    release,
    hasColumn: (name) => columns[name] !== undefined,
    hasMillis: isMillisColumn(columns.createdAtMs),
    isContinuation,
    endsWithMeta,
    isOwnPath: isSamePath,
    isSameFolder: compareFolders,
    name: names.get(row.id),
    nowMs,
  })
  const values: Partial<ThreadMetadata> = {}
  for (const field of chooseRepairs(row, metadata, differences))
    Object.assign(values, { [field]: metadata[field] })
  if (columns.memoryMode !== undefined && takesMemoryMode(row, metadata))
    values.memoryMode = metadata.memoryMode
  // In layouts of which it is the only sign that there is something to show.
  if (release.content === 'hasUserEvent' && !row.hasUserEvent && metadata.hasUserEvent)
    values.hasUserEvent = true
  const left = differences.filter(({ field }) => field !== 'archivedAtSeconds' && !(field in values))
  // That a file is newer than its row says nothing: those of a home that was copied all are.
  const hasMore = left.length > 0 && !isNewerFileAlone(left)
  return { values, hasMore }
}

function isArchivedOtherwise(row: ThreadRow, { archivedAtSeconds }: ThreadMetadata): boolean {
  return row.isArchived !== (archivedAtSeconds !== null)
}

/** As a backfill does (`setMemoryMode`). */
function takesMemoryMode(row: ThreadRow, { memoryMode }: ThreadMetadata): boolean {
  if (memoryMode === null || row.memoryMode === memoryMode || row.historyMode === 'paginated') return false
  return !(row.memoryMode === 'polluted' && memoryMode === 'enabled')
}

function makeChange(
  { state, threadTable, storesTools }: SyncTarget,
  change: HomeChange,
  lastWatermark: string | undefined,
  { now }: Clock,
): void {
  switch (change.kind) {
    case 'insert':
      if (insertThread(threadTable, change.metadata) && storesTools) {
        persistDynamicTools(state, change.metadata.id, change.dynamicTools)
      }
      return
    case 'repair':
      repairThread(threadTable, change.metadata.id, change.values)
      return
    case 'finish':
      markBackfillComplete(state, lastWatermark, Math.floor(now() / 1000))
      return
    default:
      change satisfies never
  }
}
