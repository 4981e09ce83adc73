import { existsSync } from 'node:fs'
import { StateError } from '../errors.js'
import {
  listRollouts,
  parseRolloutName,
  ROLLOUT_ROOTS,
  type RolloutFile,
  type RolloutRoot,
} from '../rollout/list.js'
import { readRolloutLines, resolveRolloutFile } from '../rollout/read.js'

/** A session_meta is the first line; Codex looks at this many before it gives up. */
const HEAD_LINES = 10

/** Plain or compressed. */
export function rolloutExists(path: string): boolean {
  return existsSync(path) || existsSync(`${path}.zst`)
}

/** The thread whose rollout this says it is; `undefined` where its head does not tell, or cannot be read. */
export async function readOwner(path: string): Promise<string | undefined> {
  try {
    let lineCount = 0
    for await (const line of readRolloutLines(resolveRolloutFile(path))) {
      if (line.kind === 'sessionMeta') return line.id
      if (++lineCount === HEAD_LINES) return undefined
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
  return undefined
}

export function rootsOf(archivedOnly: boolean | undefined): readonly RolloutRoot[] {
  if (archivedOnly === undefined) return ROLLOUT_ROOTS
  return [archivedOnly ? 'archived_sessions' : 'sessions']
}

/** The rollouts of a home by the thread that their names tell, newest first; sessions before archived ones. */
export async function indexByThread(
  codexHome: string,
  roots: readonly RolloutRoot[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, RolloutFile[]>> {
  const byThread = new Map<string, RolloutFile[]>()
  const { files } = await listRollouts(codexHome, { roots, signal })
  for (const file of files.reverse()) {
    const id = parseRolloutName(file.path)?.threadId
    if (id === undefined) continue
    const known = byThread.get(id)
    if (known) known.push(file)
    else byThread.set(id, [file])
  }
  return byThread
}

/** The first of these that belongs to the thread by what it says itself. */
export async function findOwnFile(
  files: readonly RolloutFile[],
  id: string,
): Promise<RolloutFile | undefined> {
  for (const file of files) {
    if ((await readOwner(file.path)) === id) return file
  }
  return undefined
}
