import { join } from 'node:path'
import { StateError } from '../errors.js'
import {
  listRollouts,
  parseRolloutName,
  ROLLOUT_ROOTS,
  type RolloutFile,
  type UnreadableFolder,
} from '../rollout/list.js'
import { type RolloutFileFacts, readRolloutLines, resolveRolloutFile } from '../rollout/read.js'

/**
 * The file that a recorded rollout path means here: at that path, or, in a home that was copied, mounted or
 * restored, at the same place below this home; plain or compressed.
 */
export function findRecordedRollout(codexHome: string, recordedPath: string): RolloutFileFacts | undefined {
  return tryResolve(recordedPath) ?? tryResolve(relocatePath(codexHome, recordedPath))
}

/** `undefined` for a path that does not go through one of the rollout folders. */
export function relocatePath(codexHome: string, recordedPath: string): string | undefined {
  const parts = recordedPath.split(/[\\/]/)
  const root = parts.findLastIndex((part) => (ROLLOUT_ROOTS as readonly string[]).includes(part))
  return root === -1 ? undefined : join(codexHome, ...parts.slice(root))
}

function tryResolve(path: string | undefined): RolloutFileFacts | undefined {
  if (!path) return undefined
  try {
    return resolveRolloutFile(path)
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}

/** The rollouts whose names carry this id, or one that begins so, and the folders that could not be read. */
export async function findRolloutsByName(
  codexHome: string,
  idPrefix: string,
): Promise<{ files: RolloutFile[]; unreadable: UnreadableFolder[] }> {
  const { files, unreadable } = await listRollouts(codexHome)
  return {
    files: files.filter(({ path }) => parseRolloutName(path)?.threadId.startsWith(idPrefix)),
    unreadable,
  }
}

/**
 * The thread that a rollout says it belongs to: the id of its first session_meta, `null` without one.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`
 */
export async function readRolloutThreadId(file: RolloutFileFacts): Promise<string | null> {
  for await (const line of readRolloutLines(file)) {
    if (line.kind === 'sessionMeta') return line.id
  }
  return null
}
