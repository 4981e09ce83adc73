import { StateError } from '../errors.js'
import { isSamePath } from '../model/paths.js'
import type { ThreadRow } from '../model/thread.js'
import { compareFolders } from '../query/cwd-spellings.js'
import { findThread } from '../query/threads/find.js'
import { readThreads } from '../query/threads/list.js'
import type { ThreadTable } from '../query/threads/table.js'
import { compareThread, type FieldDifference, isNewerFileAlone, isPathOf } from '../rollout/compare.js'
import { describeBadLines, type Extracted } from '../rollout/extract.js'
import { listRollouts } from '../rollout/list.js'
import { findRecordedRollout, isHidden, readOwner } from '../rollout/locate.js'
import { readRolloutBatches } from '../rollout/read-batches.js'
import { isMillisColumn } from '../schema/threads.js'

export type Difference =
  /** A rollout whose thread has no row. */
  | { kind: 'no row'; id: string; path: string }
  /** A row whose rollout is nowhere. */
  | { kind: 'no file'; id: string; path: string }
  /** A row whose file says that it belongs to another thread. */
  | { kind: 'other thread'; id: string; path: string; owner: string }
  | ({ kind: 'field'; id: string; path: string } & FieldDifference)
  /** So many files are newer than their rows and say nothing new: the home was copied. */
  | { kind: 'newer files'; id: null; path: string; count: number }
  /** A rollout that says nothing usable. */
  | { kind: 'unreadable'; id: string | null; path: string; reason: string }

export interface DiffOptions {
  codexHome: string
  /** Names by `session_index.jsonl`: a title that is one was given by the user. */
  names: ReadonlyMap<string, string>
  /** Whether these are all: else a title that differs may be a name that cannot be seen. */
  areNamesWhole: boolean
  defaultProvider: string
  nowMs: number
  /** After each batch of rollouts. */
  onProgress: (done: number, total: number) => void
  onNotice: (text: string) => void
}

/** Every difference between the rollouts on disk and the rows, as it is found: file by file, then row by row. */
export async function* diffHome(threads: ThreadTable, options: DiffOptions): AsyncGenerator<Difference> {
  const { codexHome, onNotice } = options
  const { files, unreadable } = await listRollouts(codexHome)
  if (unreadable.length > 0) {
    onNotice(
      `${unreadable.length} ${unreadable.length === 1 ? 'folder' : 'folders'} of rollouts cannot be read`,
    )
  }
  /** Whose each rollout is, by path. */
  const owners = new Map<string, string>()
  /** Threads whose row names their own rollout. */
  const settled = new Set<string>()
  const newerAlone: Difference[] = []
  const compare = createComparer(threads, options)
  const settings = { defaultProvider: options.defaultProvider, rules: threads.release, normalizesCwd: false }
  let doneCount = 0
  for await (const batch of readRolloutBatches(files, settings)) {
    for (const { file, result } of batch) {
      if (result.kind === 'failed') {
        yield { kind: 'unreadable', id: null, path: file.path, reason: result.reason }
        continue
      }
      const { metadata, badLines, firstNotUtf8 } = result
      const { id } = metadata
      if (firstNotUtf8 !== null) {
        const reason = `line ${firstNotUtf8} is not UTF-8: Codex does not resume it`
        yield { kind: 'unreadable', id, path: file.path, reason }
      }
      // The one that is not UTF-8 was named.
      if (badLines.count > (firstNotUtf8 === null ? 0 : 1))
        onNotice(`${file.path}: ${describeBadLines(badLines)}`)
      owners.set(file.path, id)
      const row = findThread(threads, id)
      if (!row) {
        yield { kind: 'no row', id, path: file.path }
        continue
      }
      const recorded = findRecordedRollout(codexHome, row.rolloutPath)
      const isRecorded = recorded !== undefined && isSamePath(recorded.path, file.path)
      if (isRecorded) settled.add(row.id)
      // A thread can have several rollouts; the row says which one is current.
      if (recorded !== undefined && !isRecorded) continue
      const differences = compare.run(row, result).filter(compare.isKnown)
      const found = differences.map((difference): Difference => {
        return { kind: 'field', id, path: metadata.rolloutPath, ...difference }
      })
      if (isNewerFileAlone(differences)) newerAlone.push(...found)
      else yield* found
    }
    doneCount += batch.length
    options.onProgress(doneCount, files.length)
  }
  yield* summarizeTimes(newerAlone, settled.size, codexHome)
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
        if (!isUnused(thread)) yield { kind: 'no file', id: thread.id, path: thread.rolloutPath }
      } else if (owner && owner !== thread.id) {
        yield { kind: 'other thread', id: thread.id, path: thread.rolloutPath, owner }
      }
    }
  }
  compare.tell()
}

/** Where most files are newer than their rows and say nothing new, that is one fact: the home was copied. */
function* summarizeTimes(
  newerAlone: readonly Difference[],
  comparedCount: number,
  codexHome: string,
): Generator<Difference> {
  if (newerAlone.length > 2 && newerAlone.length > comparedCount / 2) {
    yield { kind: 'newer files', id: null, path: codexHome, count: newerAlone.length }
  } else yield* newerAlone
}

/** A thread that was started or named and never used: Codex makes its file with the first turn. */
function isUnused({ firstUserMessage, preview, tokensUsed, hasUserEvent }: ThreadRow): boolean {
  return !firstUserMessage && !preview && tokensUsed === 0 && hasUserEvent !== true
}

/** Compares rows with their rollouts, and tells in the end what could not be compared here. */
function createComparer(threads: ThreadTable, options: DiffOptions) {
  const { codexHome, names, nowMs, onNotice } = options
  const unknownFolders = new Set<string>()
  let movedCount = 0
  let unknownTitleCount = 0
  return {
    isKnown({ field }: FieldDifference): boolean {
      if (field !== 'title' || options.areNamesWhole) return true
      unknownTitleCount += 1
      return false
    },
    run(
      row: ThreadRow,
      { metadata, isContinuation, endsWithMeta }: Extract<Extracted, { kind: 'extracted' }>,
    ) {
      return compareThread(row, metadata, {
        release: threads.release,
        hasColumn: (name) => threads.columns[name] !== undefined,
        hasMillis: isMillisColumn(threads.columns.createdAtMs),
        isContinuation,
        endsWithMeta,
        isOwnPath(recorded, path) {
          const isOwn = isPathOf(findRecordedRollout(codexHome, recorded), path)
          if (isOwn) movedCount += 1
          return isOwn
        },
        isSameFolder(one, other) {
          const isSame = compareFolders(one, other)
          if (isSame === null && one !== '' && threads.release.normalizesLiveCwd) unknownFolders.add(other)
          return isSame
        },
        name: names.get(row.id),
        nowMs,
      })
    },
    tell() {
      if (movedCount > 0) {
        onNotice(
          `${movedCount} ${movedCount === 1 ? 'row names' : 'rows name'} another home, from which this one was copied or moved`,
        )
      }
      if (unknownTitleCount > 0) {
        onNotice(
          `titles that were not compared, since names that users gave cannot be read: ${unknownTitleCount}`,
        )
      }
      if (unknownFolders.size > 0) {
        onNotice(
          `not on this machine, so whether a row names the same folder is not known: ${[...unknownFolders].join(', ')}`,
        )
      }
    },
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
