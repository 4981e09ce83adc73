import { statSync } from 'node:fs'
import { StateError } from '../errors.js'
import type { ThreadListQuery } from '../model/sync.js'
import type { ThreadRow } from '../model/thread.js'
import type { ThreadAnchor, ThreadPage, ThreadSortKey } from '../model/thread-page.js'
import { matchesPageFilter } from '../query/threads/filter.js'
import { findThread } from '../query/threads/find.js'
import { anchorFromItem, readThreadPage } from '../query/threads/page.js'
import { type RolloutFile, walkRolloutsNewestFirst } from '../rollout/list.js'
import {
  HEAD_LINES,
  indexRollouts,
  locateRollout,
  MESSAGE_LINES,
  type RolloutIndex,
  tryResolveRollout,
} from '../rollout/locate.js'
import { extractMetadataFromLines } from '../rollout/metadata.js'
import type { RolloutLine } from '../rollout/parse.js'
import { readRolloutLines, resolveRolloutFile } from '../rollout/read.js'
import { isBackfillComplete } from '../store/backfill.js'
import { type ReadRepairOptions, repairRow } from './read-repair.js'
import type { SyncTarget } from './target.js'

/** As Codex: so many files are looked at. */
const MAX_SCANNED_FILES = 10_000

const LIST_STAGE = 'list_threads_db'
const FALLBACK_STAGE = 'list_threads_with_db_fallback'

/**
 * A page of threads from the database; from the folders when the database cannot answer: its backfill is not
 * complete, or reading it fails. A row whose file is gone gets the thread's file that is found elsewhere, and is
 * left out of the page without one; it stays in the table, as its file may be away for a time only.
 *
 * @throws {StateError} `ABORTED`
 */
export async function listThreadsWithFallback(
  target: SyncTarget,
  query: ThreadListQuery,
  options: ReadRepairOptions,
): Promise<ThreadPage> {
  try {
    if (isComplete(target)) return await listPresent(target, query, options)
  } catch (error) {
    if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
  }
  options.onDiscrepancy(FALLBACK_STAGE, 'falling_back')
  return listThreadsOnDisk(target.codexHome, query, options.defaultProvider)
}

/** A layout without the table (to 0.98) tells nothing of its backfill, and is taken as it is. */
function isComplete({ hasBackfillState, state }: SyncTarget): boolean {
  return !hasBackfillState || isBackfillComplete(state)
}

/** One page of the database's, refilled where rows fall out of it. */
async function listPresent(
  target: SyncTarget,
  query: ThreadListQuery,
  options: ReadRepairOptions,
): Promise<ThreadPage> {
  const { codexHome, threads } = target
  const items: ThreadRow[] = []
  let index: RolloutIndex | undefined
  let numScannedRows = 0
  let anchor = query.anchor
  for (;;) {
    const page = readThreadPage(threads, {
      ...query,
      pageSize: query.pageSize - items.length,
      anchor,
    })
    numScannedRows += page.numScannedRows
    for (const row of page.items) {
      if (tryResolveRollout(row.rolloutPath)) {
        items.push(row)
        continue
      }
      options.onDiscrepancy(LIST_STAGE, 'stale_db_path_retained')
      const file = await locateRollout({
        codexHome,
        id: row.id,
        recordedPath: row.rolloutPath,
        index: async () => (index ??= await indexRollouts(codexHome, { signal: query.signal })),
        onProblem: () => {},
      })
      if (!file || file.foundBy === 'unverified') continue
      await repairRow(target, row.id, file, options)
      const repaired = findThread(threads, row.id)
      if (repaired && file.isArchived === (query.archivedOnly ?? false)) items.push(repaired)
    }
    anchor = page.nextAnchor
    if (anchor === undefined || items.length >= query.pageSize) break
  }
  const last = items.at(-1)
  return {
    items,
    nextAnchor: anchor && last && anchorFromItem(last, query.sortKey ?? 'created_at'),
    numScannedRows,
  }
}

/**
 * A page of threads from the rollouts themselves, newest first: by the time and id in their names, or by their
 * time of change. Of each only the head is read, so counts of tokens and whatever comes later is missing.
 *
 * @throws {StateError} `ABORTED`
 */
export async function listThreadsOnDisk(
  codexHome: string,
  query: ThreadListQuery,
  defaultProvider: string,
): Promise<ThreadPage> {
  const { pageSize, sortKey = 'created_at', anchor, archivedOnly = false, signal } = query
  const root = archivedOnly ? 'archived_sessions' : 'sessions'
  const files: RolloutFile[] = []
  for await (const found of walkRolloutsNewestFirst(codexHome, root, { signal })) {
    if (found.kind !== 'rollout') continue
    files.push(found)
    if (files.length === MAX_SCANNED_FILES) break
  }
  const ordered = sortKey === 'created_at' ? files : sortByChange(files)
  // Names are in local time and rows in UTC, so a page goes on after the thread itself where it is still there.
  const anchorIndex = ordered.findIndex(({ name }) => anchor && name?.threadId === anchor.id)
  const items: ThreadRow[] = []
  const seen = new Set<string>()
  let numScannedRows = 0
  for (const file of ordered.slice(anchorIndex + 1)) {
    if (signal?.aborted)
      throw new StateError('ABORTED', 'listing threads was aborted', { cause: signal.reason })
    numScannedRows += 1
    const row = await readHead(file, defaultProvider)
    if (!row || seen.has(row.id) || !matchesPageFilter(row, query)) continue
    if (anchor && anchorIndex === -1 && !isBehind(row, anchor, sortKey)) continue
    seen.add(row.id)
    // One more than the page tells that there is a next.
    if (items.length === pageSize) {
      return { items, nextAnchor: anchorFromItem(items.at(-1)!, sortKey), numScannedRows }
    }
    items.push(row)
  }
  return { items, nextAnchor: undefined, numScannedRows }
}

function sortByChange(files: readonly RolloutFile[]): RolloutFile[] {
  return files
    .map((file) => ({ file, changedMs: statSync(file.path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.changedMs - a.changedMs || compareIds(b.file, a.file))
    .map(({ file }) => file)
}

function compareIds(a: RolloutFile, b: RolloutFile): number {
  const [one = '', other = ''] = [a, b].map(({ name }) => name?.threadId)
  return one < other ? -1 : one > other ? 1 : 0
}

function isBehind(row: ThreadRow, anchor: ThreadAnchor, sortKey: ThreadSortKey): boolean {
  const own = anchorFromItem(row, sortKey)
  return (
    own.timestampMs < anchor.timestampMs || (own.timestampMs === anchor.timestampMs && own.id < anchor.id)
  )
}

/** A row of what a rollout's head says; `undefined` when it has no session_meta, or nothing to show. */
async function readHead(file: RolloutFile, defaultProvider: string): Promise<ThreadRow | undefined> {
  try {
    const facts = resolveRolloutFile(file.path)
    const lines: RolloutLine[] = []
    let hasMeta = false
    for await (const line of readRolloutLines(facts)) {
      lines.push(line)
      hasMeta ||= line.kind === 'sessionMeta'
      if (lines.length >= HEAD_LINES && !hasMeta) return undefined
      if (hasMeta && line.kind === 'userMessage') break
      if (lines.length === HEAD_LINES + MESSAGE_LINES) break
    }
    const isArchived = file.root === 'archived_sessions'
    const origin = { path: file.path, modifiedAtMs: facts.modifiedAtMs, isArchived }
    const { metadata } = await extractMetadataFromLines(lines, origin, { defaultProvider })
    if (!hasMeta || metadata.preview === null) return undefined
    return {
      ...metadata,
      isArchived,
      recencyAtMs: null,
      name: null,
      isPinned: null,
      threadSectionId: null,
      sectionPosition: null,
      sectionEnteredAtMs: null,
      projectId: null,
      daybreakEnabled: null,
      attachedThreadParentId: null,
    }
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}
