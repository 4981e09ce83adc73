import { StateError } from '../errors.js'
import { readRolloutHead } from '../rollout/head.js'
import { parseRolloutName } from '../rollout/list.js'
import { type CountedFile, listUsage, type UsagePlaces } from './disk-usage.js'

/** Threads that belong together: forks, sub-agents and reviewers with the thread that they come from. */
export interface FamilyUsage {
  /** The oldest thread of the family; `null` for files that are no rollouts. */
  rootId: string | null
  sizeBytes: number
  fileCount: number
  threadCount: number
  /** Of them, what lies in `archived_sessions/`. */
  archivedBytes: number
  /** Unix milliseconds: when one of its files was written last. */
  modifiedAtMs: number
}

/**
 * Room by families, largest first. A fork can need the rollouts of the thread that it continues: what belongs
 * together can only go together.
 *
 * @param onUnreadable told of what is not counted, and of each rollout whose first line cannot be read: it counts as a family of its own
 * @throws {StateError} `DB_UNREADABLE` when there are files, and not one can be looked at
 */
export async function measureFamilies(
  places: UsagePlaces,
  options: { onUnreadable: (reason: string) => void },
): Promise<FamilyUsage[]> {
  const relations = createRelations()
  const files: { file: CountedFile; threadId: string | undefined }[] = []
  for (const file of listUsage(places, options.onUnreadable)) {
    const name = parseRolloutName(file.path)
    if (!name || (file.kind !== 'sessions' && file.kind !== 'archived')) {
      files.push({ file, threadId: undefined })
      continue
    }
    files.push({ file, threadId: name.threadId })
    if (name.rolloutId !== null) relations.join(name.threadId, name.rolloutId)
    for (const id of await readRelatives(file, options.onUnreadable)) relations.join(name.threadId, id)
  }
  const families = new Map<string | null, { usage: FamilyUsage; threadIds: Set<string> }>()
  for (const { file, threadId } of files) {
    const key = threadId === undefined ? null : relations.find(threadId)
    const family = families.get(key) ?? { usage: createUsage(), threadIds: new Set() }
    families.set(key, family)
    const { usage, threadIds } = family
    usage.sizeBytes += file.sizeBytes
    usage.fileCount += 1
    usage.modifiedAtMs = Math.max(usage.modifiedAtMs, Math.floor(file.modifiedAtMs))
    if (file.kind === 'archived') usage.archivedBytes += file.sizeBytes
    if (threadId !== undefined) threadIds.add(threadId)
  }
  return [...families.values()]
    .map(({ usage, threadIds }) => ({
      ...usage,
      threadCount: threadIds.size,
      // Ids begin with the time at which they were made.
      rootId: [...threadIds].sort()[0] ?? null,
    }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes || ((a.rootId ?? '') < (b.rootId ?? '') ? -1 : 1))
}

function createUsage(): FamilyUsage {
  return {
    rootId: null,
    sizeBytes: 0,
    fileCount: 0,
    threadCount: 0,
    archivedBytes: 0,
    modifiedAtMs: Number.NEGATIVE_INFINITY,
  }
}

async function readRelatives(file: CountedFile, onUnreadable: (reason: string) => void): Promise<string[]> {
  try {
    const { head, copiedFrom } = await readRolloutHead(file)
    const ids = [head.forkedFromId, head.parentThreadId, head.base?.rolloutId, copiedFrom]
    return ids.flatMap((id) => id?.toLowerCase() ?? [])
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'ROLLOUT_UNREADABLE') throw error
    onUnreadable(error.message)
    return []
  }
}

/** Sets of ids that were joined, by one of them. */
function createRelations() {
  const parents = new Map<string, string>()
  const find = (id: string): string => {
    let root = id
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next
    // The next one finds it at once.
    if (root !== id) parents.set(id, root)
    return root
  }
  return {
    find,
    join(a: string, b: string): void {
      const [left, right] = [find(a), find(b)]
      if (left !== right) parents.set(right, left)
    },
  }
}
