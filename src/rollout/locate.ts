import { join } from 'node:path'
import { StateError } from '../errors.js'
import { isDenied } from '../model/file-error.js'
import {
  type ListRolloutsOptions,
  listRollouts,
  parseRolloutName,
  type RolloutFile,
  type UnreadableFolder,
} from './list.js'
import { type RolloutFileFacts, readRolloutLines, resolveRolloutFile } from './read.js'
import { ROLLOUT_ROOTS, type RolloutRoot } from './roots.js'

/**
 * A session_meta is the first line. Codex looks at 10 lines of a file before anything else, and at 200 more for
 * what follows a session_meta; what is not found there is not found.
 */
export const HEAD_LINES = 10
export const MESSAGE_LINES = 200
const OWNER_LINES = HEAD_LINES + MESSAGE_LINES

/**
 * The thread that a rollout says it belongs to: the id of the first session_meta among its first 210 lines,
 * `null` without one.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`
 */
export async function readOwner(file: RolloutFileFacts): Promise<string | null> {
  let lineCount = 0
  let isFirstLost = false
  for await (const line of readRolloutLines(file)) {
    if (line.kind === 'sessionMeta') {
      // Without the file's own line the next one may be that of the thread that it was copied from.
      const named = isFirstLost ? parseRolloutName(file.path)?.threadId : undefined
      return named === undefined || named === line.id ? line.id : null
    }
    isFirstLost ||= lineCount === 0 && line.kind === 'malformed'
    if (++lineCount === OWNER_LINES) return null
  }
  return null
}

/**
 * The file that a recorded rollout path means here: at that path, or, in a home that was copied, mounted or
 * restored, at the same place below this home; plain or compressed.
 */
export function findRecordedRollout(codexHome: string, recordedPath: string): RolloutFileFacts | undefined {
  return tryResolveRollout(recordedPath) ?? tryResolveRollout(relocatePath(codexHome, recordedPath))
}

/** `undefined` for a path that does not go through one of the rollout folders. */
export function relocatePath(codexHome: string, recordedPath: string): string | undefined {
  const parts = recordedPath.split(/[\\/]/)
  const root = parts.findLastIndex((part) => (ROLLOUT_ROOTS as readonly string[]).includes(part))
  return root === -1 ? undefined : join(codexHome, ...parts.slice(root))
}

/** What is on disk for a path, plain or compressed; `undefined` where nothing is. */
export function tryResolveRollout(path: string | undefined): RolloutFileFacts | undefined {
  if (!path) return undefined
  try {
    return resolveRolloutFile(path)
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}

/** Whether a recorded rollout may be there after all: its place is one that may not be looked at. */
export function isHidden(codexHome: string, recordedPath: string): boolean {
  return [recordedPath, relocatePath(codexHome, recordedPath)].some((path) => {
    try {
      if (path) resolveRolloutFile(path)
      return false
    } catch (error) {
      if (error instanceof StateError) return isDenied(error.cause)
      throw error
    }
  })
}

export function rootsOf(isArchived: boolean | undefined): readonly RolloutRoot[] {
  if (isArchived === undefined) return ROLLOUT_ROOTS
  return [isArchived ? 'archived_sessions' : 'sessions']
}

/** The rollouts of a home by the thread that their names tell. */
export interface RolloutIndex {
  /** Newest first; sessions before archived ones. */
  byThread: ReadonlyMap<string, readonly RolloutFile[]>
  unreadable: readonly UnreadableFolder[]
}

/** @throws {StateError} `ABORTED` */
export async function indexRollouts(
  codexHome: string,
  options: ListRolloutsOptions = {},
): Promise<RolloutIndex> {
  const byThread = new Map<string, RolloutFile[]>()
  const { files, unreadable } = await listRollouts(codexHome, options)
  for (const file of files.toReversed()) {
    const id = file.name?.threadId
    if (id === undefined) continue
    const known = byThread.get(id)
    if (known) known.push(file)
    else byThread.set(id, [file])
  }
  return { byThread, unreadable }
}

/** What was met on the way to a rollout. */
export type LocateProblem =
  | { kind: 'missing'; path: string }
  /** Whether a file is there cannot be seen. */
  | { kind: 'hidden'; path: string }
  | { kind: 'otherThread'; path: string; owner: string; isRecorded: boolean }
  | { kind: 'unreadable'; reason: string }
  | { kind: 'unreadableFolders'; count: number }

export interface LocatedRollout extends RolloutFileFacts {
  isArchived: boolean
  isCompressed: boolean
  /** How it was found: as recorded, by its name, or by either though nothing in it says whose it is. */
  foundBy: 'row' | 'name' | 'unverified'
  /** It does not say whose it is because it cannot be read here. */
  isUnreadable: boolean
}

export interface LocateOptions {
  codexHome: string
  id: string
  /** As the row has it; `undefined` without one. */
  recordedPath: string | undefined
  /** Asked for when the recorded path does not lead to the thread's own file. */
  index: () => Promise<RolloutIndex>
  onProblem: (problem: LocateProblem) => void
}

/**
 * The rollout of a thread, by Codex's rules: the recorded file if its session_meta carries the thread's id,
 * whatever its name; else the newest file that is named after the thread and carries its id; else, as a last
 * resort, the recorded or a named one that does not tell whose it is. One that says it is another thread's is
 * never given.
 *
 * @throws {StateError} `ABORTED`
 */
export async function locateRollout(options: LocateOptions): Promise<LocatedRollout | undefined> {
  const { codexHome, recordedPath, index, onProblem } = options
  // Releases write ids in lower case; a row that was changed by hand need not have it so.
  const id = options.id.toLowerCase()
  const isOwn = (owner: string | null | undefined) => owner?.toLowerCase() === id
  let lastResort: LocatedRollout | undefined
  const keep = (file: RolloutFileFacts, owner: string | null | undefined) => {
    lastResort ??= describe(file, 'unverified', owner === undefined)
  }
  if (recordedPath !== undefined) {
    const recorded = findRecordedRollout(codexHome, recordedPath)
    const owner = recorded && (await tryReadOwner(recorded, onProblem))
    if (recorded && isOwn(owner)) return describe(recorded, 'row')
    if (!recorded) {
      onProblem({ kind: isHidden(codexHome, recordedPath) ? 'hidden' : 'missing', path: recordedPath })
    } else if (owner) onProblem({ kind: 'otherThread', path: recorded.path, owner, isRecorded: true })
    else keep(recorded, owner)
  }
  const { byThread, unreadable } = await index()
  if (unreadable.length > 0) onProblem({ kind: 'unreadableFolders', count: unreadable.length })
  for (const { path } of byThread.get(id) ?? []) {
    const file = tryResolveRollout(path)
    if (!file || file.path === lastResort?.path) continue
    const owner = await tryReadOwner(file, onProblem)
    if (isOwn(owner)) return describe(file, 'name')
    if (owner) onProblem({ kind: 'otherThread', path: file.path, owner, isRecorded: false })
    else keep(file, owner)
  }
  return lastResort
}

/** `undefined` for a file that cannot be read, which is reported. */
async function tryReadOwner(
  file: RolloutFileFacts,
  onProblem: LocateOptions['onProblem'],
): Promise<string | null | undefined> {
  try {
    return await readOwner(file)
  } catch (error) {
    if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
    onProblem({ kind: 'unreadable', reason: error.message })
    return undefined
  }
}

function describe(
  file: RolloutFileFacts,
  foundBy: LocatedRollout['foundBy'],
  isUnreadable = false,
): LocatedRollout {
  return {
    ...file,
    isArchived: /(^|[\\/])archived_sessions[\\/]/.test(file.path),
    isCompressed: file.path.endsWith('.zst'),
    foundBy,
    isUnreadable,
  }
}
