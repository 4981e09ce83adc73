import { StateError } from '../errors.js'
import { isSamePath } from '../model/paths.js'
import type { ThreadMetadata, ThreadRow } from '../model/thread.js'
import { isSameFolder } from '../query/cwd-spellings.js'
import { findThread } from '../query/threads/find.js'
import { readThreads } from '../query/threads/list.js'
import type { ThreadTable } from '../query/threads/table.js'
import { listRollouts } from '../rollout/list.js'
import { findRecordedRollout, isHidden, readOwner } from '../rollout/locate.js'
import { cutToSeconds, DIFF_FIELDS, type DiffField, diffFields } from '../rollout/metadata.js'
import { readBatches } from '../rollout/read-batches.js'
import { isMillisColumn } from '../schema/threads.js'

export type Difference =
  /** A rollout whose thread has no row. */
  | { kind: 'no row'; id: string; path: string }
  /** A row whose rollout is nowhere. */
  | { kind: 'no file'; id: string; path: string }
  /** A row whose file says that it belongs to another thread. */
  | { kind: 'other thread'; id: string; path: string; owner: string }
  | { kind: 'field'; id: string; path: string; field: DiffField; row: unknown; rollout: unknown }
  /** A rollout that says nothing usable. */
  | { kind: 'unreadable'; id: string | null; path: string; reason: string }

export interface DiffOptions {
  codexHome: string
  /** Names by `session_index.jsonl`: a title that is one was given by the user. */
  names: ReadonlyMap<string, string>
  defaultProvider: string
  /** After each batch of rollouts. */
  onProgress: (done: number, total: number) => void
  onNotice: (text: string) => void
}

/**
 * From 0.131 a running Codex writes "now" instead of the file's time, and touches the row every 5 s; migration
 * 32, of the same release, brought the column by which such layouts are known.
 */
const LIVE_TOUCH_MS = 10_000

/** A live row has its creation from another moment of the same start; seen up to 33 ms apart. */
const START_MS = 1000

/** Every difference between the rollouts on disk and the rows, as it is found: file by file, then row by row. */
export async function* diffHome(threads: ThreadTable, options: DiffOptions): AsyncGenerator<Difference> {
  const { codexHome, onNotice } = options
  const { files, unreadable } = await listRollouts(codexHome)
  if (unreadable.length > 0) onNotice(`${unreadable.length} folders of rollouts cannot be read`)
  const fields = DIFF_FIELDS.filter((field) => threads.columns[field] !== undefined)
  /** Whose each rollout is, by path. */
  const owners = new Map<string, string>()
  /** Threads whose row names the very rollout that is theirs. */
  const settled = new Set<string>()
  const settings = { defaultProvider: options.defaultProvider, rules: threads.release, normalizesCwd: false }
  let doneCount = 0
  for await (const batch of readBatches(files, settings)) {
    for (const { file, result } of batch) {
      if (result.kind === 'failed') {
        yield { kind: 'unreadable', id: null, path: file.path, reason: result.reason }
        continue
      }
      const { metadata, malformedCount } = result
      if (malformedCount > 0) onNotice(`${file.path}: ${malformedCount} bad lines`)
      owners.set(file.path, metadata.id)
      const row = findThread(threads, metadata.id)
      if (!row) {
        yield { kind: 'no row', id: metadata.id, path: file.path }
        continue
      }
      const recorded = findRecordedRollout(codexHome, row.rolloutPath)
      if (recorded?.path === file.path) settled.add(row.id)
      // A thread can have several rollouts; the row says which one is current.
      if (recorded === undefined || recorded.path === file.path) {
        yield* diffRow(row, metadata, fields, threads, options)
      }
    }
    doneCount += batch.length
    options.onProgress(doneCount, files.length)
  }
  const seen = new Set(owners.values())
  for (const page of readThreads(threads, {}, 'created')) {
    for (const { thread } of page) {
      if (settled.has(thread.id)) continue
      const found = findRecordedRollout(codexHome, thread.rolloutPath)
      const owner = found && (owners.get(found.path) ?? (await tryReadOwner(found)))
      const mayBeHidden = unreadable.length > 0 || isHidden(codexHome, thread.rolloutPath)
      if (!found && !seen.has(thread.id) && mayBeHidden) {
        const reason = 'not where its row says; it may lie where this user may not look'
        yield { kind: 'unreadable', id: thread.id, path: thread.rolloutPath, reason }
      } else if (!found && !seen.has(thread.id)) {
        yield { kind: 'no file', id: thread.id, path: thread.rolloutPath }
      } else if (owner && owner !== thread.id) {
        yield { kind: 'other thread', id: thread.id, path: thread.rolloutPath, owner }
      }
    }
  }
}

async function tryReadOwner(file: Parameters<typeof readOwner>[0]): Promise<string | null> {
  try {
    return await readOwner(file)
  } catch (error) {
    // Already told of as unreadable.
    if (error instanceof StateError) return null
    throw error
  }
}

function* diffRow(
  row: ThreadRow,
  metadata: ThreadMetadata,
  fields: readonly DiffField[],
  { columns }: ThreadTable,
  { codexHome, names }: DiffOptions,
): Generator<Difference> {
  const hasMillis = isMillisColumn(columns.createdAtMs)
  const extracted = hasMillis ? metadata : cutToSeconds(metadata)
  const stored: Record<DiffField, unknown> = {
    ...row,
    firstUserMessage: row.firstUserMessage || null,
    preview: row.preview || null,
  }
  const differing = diffFields(stored as Pick<ThreadMetadata, DiffField>, extracted, fields)
  for (const field of differing) {
    if (
      isExplained(field, row, extracted, { codexHome, names, isTouchedLive: columns.preview !== undefined })
    ) {
      continue
    }
    yield {
      kind: 'field',
      id: row.id,
      path: metadata.rolloutPath,
      field,
      row: stored[field],
      rollout: extracted[field],
    }
  }
}

/** Differences that a sound home has. */
function isExplained(
  field: DiffField,
  row: ThreadRow,
  rollout: ThreadMetadata,
  home: { codexHome: string; names: ReadonlyMap<string, string>; isTouchedLive: boolean },
): boolean {
  switch (field) {
    case 'rolloutPath':
      // The same place in a home that was moved, or the plain name of a compressed file.
      return isSamePath(
        findRecordedRollout(home.codexHome, row.rolloutPath)?.path.replace(/\.zst$/, '') ?? '',
        rollout.rolloutPath,
      )
    case 'createdAtMs':
      return home.isTouchedLive && Math.abs(row.createdAtMs - rollout.createdAtMs) <= START_MS
    case 'updatedAtMs': {
      const lead = row.updatedAtMs - rollout.updatedAtMs
      return home.isTouchedLive && lead >= 0 && lead <= LIVE_TOUCH_MS
    }
    case 'archivedAtSeconds':
      // The row has the time of archiving, of which the file knows nothing; that it is archived both know.
      return (row.archivedAtSeconds === null) === (rollout.archivedAtSeconds === null)
    case 'cwd':
      return isSameFolder(row.cwd, rollout.cwd)
    case 'title':
      return home.names.get(row.id) === row.title
    case 'preview':
      return rollout.preview === null
    case 'gitSha':
    case 'gitBranch':
    case 'gitOriginUrl':
      // What is known once is kept.
      return rollout[field] === null
    default:
      return false
  }
}
