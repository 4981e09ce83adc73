import { listRollouts, parseRolloutName, type RolloutFile, type RolloutName } from './list.js'
import type { ReadRolloutOptions } from './read.js'
import { ROLLOUT_ROOTS } from './roots.js'

/** The id of a rollout, from the name of its file. */
export function rolloutIdOf(path: string): string | undefined {
  return idInName(parseRolloutName(path))
}

export function idInName(name: RolloutName | null): string | undefined {
  return name === null ? undefined : (name.rolloutId ?? name.threadId)
}

/** Finds rollouts by their id: of a thread, or of one of several rollouts of a thread. */
export type FindRollout = (rolloutId: string) => Promise<string | undefined>

/** The home that a rollout lies in; `undefined` for a file elsewhere. */
export function homeOfRollout(path: string): string | undefined {
  const parts = path.split(/[\\/]/)
  const root = parts.findLastIndex((part) => (ROLLOUT_ROOTS as readonly string[]).includes(part))
  return root > 0 ? parts.slice(0, root).join('/') || '/' : undefined
}

/** Rollouts by id; of two files of one id the one in `sessions` counts. */
export function indexByRolloutId(files: readonly RolloutFile[]): Map<string, RolloutFile> {
  const byId = new Map<string, RolloutFile>()
  for (const file of files) {
    const id = idInName(file.name)
    if (id !== undefined && (file.root === 'sessions' || !byId.has(id))) byId.set(id, file)
  }
  return byId
}

/** Of the rollouts of a thread the one in force: the one that its row names, else the newest. */
export function chooseInForce(
  threadId: string,
  rolloutIds: readonly string[],
  recordedPath: string | undefined,
): string {
  const named = recordedPath === undefined ? undefined : rolloutIdOf(recordedPath)
  if (named !== undefined && rolloutIds.includes(named)) return named
  // The first rollout of a thread has the thread's id.
  const orderOf = (id: string) => (id === threadId ? '' : id)
  return rolloutIds.reduce((newest, other) => (orderOf(other) > orderOf(newest) ? other : newest))
}

/** Finds rollouts of a home, which is listed once, when the first one is asked for. */
export function createHomeIndex(
  codexHome: string | undefined,
  options: ReadRolloutOptions = {},
): FindRollout {
  let index: Promise<Map<string, RolloutFile>> | undefined
  return async (rolloutId) => {
    if (codexHome === undefined) return undefined
    index ??= listRollouts(codexHome, options).then(({ files }) => indexByRolloutId(files))
    return (await index).get(rolloutId)?.path
  }
}
