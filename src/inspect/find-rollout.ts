import { StateError } from '../errors.js'
import type { ThreadRow } from '../model/thread.js'
import { parseRolloutName } from '../rollout/list.js'
import { type RolloutFileFacts, resolveRolloutFile } from '../rollout/read.js'
import { findRecordedRollout, findRolloutsByName, readRolloutThreadId } from './rollout-places.js'

export interface ThreadRollout extends RolloutFileFacts {
  isArchived: boolean
  isCompressed: boolean
  /** How it was found: as recorded, by its name, or by either though nothing in it says whose it is. */
  foundBy: 'row' | 'name' | 'unverified'
}

/**
 * The rollout of a thread, by Codex's rules: the recorded file if its first session_meta carries the thread's
 * id, else a file of that name, else the recorded one if it cannot be read. `undefined` when there is none.
 */
export async function findRollout(
  codexHome: string,
  id: string,
  thread: ThreadRow | undefined,
  onNotice: (text: string) => void,
): Promise<ThreadRollout | undefined> {
  let lastResort: RolloutFileFacts | undefined
  if (thread) {
    const recorded = findRecordedRollout(codexHome, thread.rolloutPath)
    const owner = recorded && (await readOwner(recorded, onNotice))
    if (recorded && owner === id) return describe(recorded, 'row')
    if (!recorded) onNotice(`thread ${id}: no file at ${thread.rolloutPath}`)
    else if (owner) onNotice(`thread ${id}: ${recorded.path} belongs to thread ${owner}`)
    else lastResort = recorded
  }
  const { files, unreadable } = await findRolloutsByName(codexHome, id)
  if (unreadable.length > 0) onNotice(`${unreadable.length} folders of rollouts cannot be read`)
  for (const { path } of files) {
    if (parseRolloutName(path)?.threadId !== id) continue
    const file = resolveRolloutFile(path)
    if ((await readOwner(file, onNotice)) === id) return describe(file, 'name')
    lastResort ??= file
  }
  return lastResort && describe(lastResort, 'unverified')
}

async function readOwner(
  file: RolloutFileFacts,
  onNotice: (text: string) => void,
): Promise<string | null | undefined> {
  try {
    return await readRolloutThreadId(file)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onNotice(error.message)
    return undefined
  }
}

function describe(file: RolloutFileFacts, foundBy: ThreadRollout['foundBy']): ThreadRollout {
  return {
    ...file,
    isArchived: /(^|[\\/])archived_sessions[\\/]/.test(file.path),
    isCompressed: file.path.endsWith('.zst'),
    foundBy,
  }
}
