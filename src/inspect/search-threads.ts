import { StateError } from '../errors.js'
import type { SearchedRollout, SearchHit, SearchQuery } from '../model/search.js'
import { isSameFolder } from '../query/cwd-spellings.js'
import type { ThreadBrief } from '../query/threads/brief.js'
import { chooseInForce, indexByRolloutId } from '../rollout/home-index.js'
import type { RolloutFile } from '../rollout/list.js'
import { findLines } from '../rollout/search-file.js'
import { createMatcher } from '../rollout/search-text.js'
import { readTurns } from '../rollout/turns.js'

/** Which threads are searched; what is `undefined` limits nothing. */
export interface SearchLimits {
  threadId: string | undefined
  /** Absolute. */
  cwd: string | undefined
  folder: RolloutFile['root'] | undefined
}

export interface ThreadSearch {
  query: SearchQuery
  limits: SearchLimits
  files: readonly RolloutFile[]
  briefs: ReadonlyMap<string, ThreadBrief>
  /** Names that users gave to threads. */
  names: () => ReadonlyMap<string, string>
  /** The rollout that the row of a thread names. */
  findCurrent: (threadId: string) => string | undefined
  /** Searches rollouts, in this order, and gives those of which there is something to tell. */
  search: (paths: readonly string[]) => AsyncIterable<readonly SearchedRollout[]>
  /** Told of each rollout that was given. */
  onSearched: (result: SearchedRollout) => void
}

/** A line that matches, of a rollout or of a title. */
export interface FoundLine {
  threadId: string
  title: string | null
  /** `null` for a title. */
  path: string | null
  hit: SearchHit
}

/** What matches in a home's threads, the newest thread first; a title before what was said. */
export async function* searchThreads(asked: ThreadSearch): AsyncGenerator<FoundLine[]> {
  const { query, limits, briefs, names, search, onSearched } = asked
  const isCwd = createFolderTest(limits.cwd)
  const chosen = chooseRollouts(asked, isCwd)
  const threadOf = new Map(chosen.map(({ path, threadId }) => [path, threadId]))
  const order = chosen.map(({ path }) => path)
  const titles = findTitles(asked)
  const titleOf = (threadId: string) => {
    const brief = briefs.get(threadId)
    return brief?.name ?? names().get(threadId) ?? brief?.title ?? null
  }
  const isTitleWanted = (id: string) =>
    (limits.threadId === undefined || id === limits.threadId) &&
    (limits.folder === undefined || chosen.some(({ threadId }) => threadId === id)) &&
    isCwd(briefs.get(id)?.cwd ?? '')

  function takeTitles(ids: Iterable<string>): FoundLine[] {
    const lines: FoundLine[] = []
    for (const threadId of ids) {
      const hit = titles.get(threadId)
      titles.delete(threadId)
      if (hit && isTitleWanted(threadId)) lines.push({ threadId, title: titleOf(threadId), path: null, hit })
    }
    return lines
  }

  const placeInThread = createPlacer(asked)
  let told = 0
  async function take(result: SearchedRollout): Promise<FoundLine[]> {
    onSearched(result)
    const threadId = threadOf.get(result.path)!
    // Titles of the threads before this one have their place before it.
    const upTo = order.indexOf(result.path, told)
    const passed = chosen.slice(told, upTo + 1).map((file) => file.threadId)
    told = upTo + 1
    const isElsewhere = !briefs.has(threadId) && result.cwd !== null && !isCwd(result.cwd)
    const hits = isElsewhere ? [] : await placeInThread(threadId, result)
    return [
      ...takeTitles(passed),
      ...hits.map((hit) => ({ threadId, title: titleOf(threadId), path: result.path, hit })),
    ]
  }

  const isOnlyTitles = query.places.length === 1 && query.places[0] === 'titles'
  if (!isOnlyTitles)
    for await (const results of search(order)) {
      const lines: FoundLine[] = []
      for (const result of results) lines.push(...(await take(result)))
      if (lines.length > 0) yield lines
    }
  yield takeTitles([...titles.keys()])
}

/**
 * Gives what was found in a rollout that a revert put aside its place in the thread as it is: a turn that was reverted
 * has none any more.
 */
function createPlacer({ files, findCurrent }: ThreadSearch) {
  const byId = indexByRolloutId(files)
  const rolloutsOf = Map.groupBy(byId, ([, { name }]) => name!.threadId)
  const numbers = new Map<string, ReadonlyMap<string, number> | undefined>()

  async function numberTurns(path: string): Promise<ReadonlyMap<string, number> | undefined> {
    try {
      const { turns } = await readTurns(path, {
        detail: 'summary',
        findRollout: async (id) => byId.get(id)?.path,
      })
      return new Map(turns.map(({ id, number }) => [id, number]))
    } catch (error) {
      // Who searches it says why it cannot be read.
      if (!(error instanceof StateError)) throw error
      return undefined
    }
  }

  return async (threadId: string, { path, hits }: SearchedRollout): Promise<SearchHit[]> => {
    const rollouts = rolloutsOf.get(threadId) ?? []
    if (rollouts.length < 2 || hits.length === 0) return hits
    const ids = rollouts.map(([id]) => id)
    const inForce = byId.get(chooseInForce(threadId, ids, findCurrent(threadId)))!
    if (inForce.path === path) return hits
    if (!numbers.has(threadId)) numbers.set(threadId, await numberTurns(inForce.path))
    const known = numbers.get(threadId)
    return hits.map((hit) => {
      if (known === undefined || hit.turnId === null) return hit
      const turn = known.get(hit.turnId) ?? null
      return { ...hit, turn, isRolledBack: turn === null }
    })
  }
}

/** The rollouts to search, that of the newest thread first. */
function chooseRollouts(
  { files, briefs, limits }: ThreadSearch,
  isCwd: (cwd: string) => boolean,
): { path: string; threadId: string; atMs: number }[] {
  const chosen: { path: string; threadId: string; atMs: number }[] = []
  // Of a rollout that lies in two places one counts.
  for (const { path, root, name } of indexByRolloutId(files).values()) {
    const { threadId, createdAtMs } = name!
    if (limits.threadId !== undefined && threadId !== limits.threadId) continue
    if (limits.folder !== undefined && root !== limits.folder) continue
    const brief = briefs.get(threadId)
    if (brief && !isCwd(brief.cwd)) continue
    chosen.push({ path, threadId, atMs: brief?.updatedAtMs || createdAtMs })
  }
  return chosen.sort(
    (a, b) =>
      b.atMs - a.atMs ||
      (a.threadId < b.threadId ? 1 : a.threadId > b.threadId ? -1 : a.path < b.path ? -1 : 1),
  )
}

function createFolderTest(wanted: string | undefined): (cwd: string) => boolean {
  if (wanted === undefined) return () => true
  const known = new Map<string, boolean>()
  return (cwd) => {
    const isSame = known.get(cwd) ?? isSameFolder(cwd, wanted)
    known.set(cwd, isSame)
    return isSame
  }
}

/** Threads whose title or name matches. By no time: nothing tells when a title was given. */
function findTitles({ query, briefs, names }: ThreadSearch): Map<string, SearchHit> {
  const found = new Map<string, SearchHit>()
  if (!query.places.includes('titles') || query.sinceMs !== undefined || query.untilMs !== undefined)
    return found
  const matcher = createMatcher(query)
  const unseen = new Map(names())
  for (const { id, name, title } of briefs.values()) {
    // A title that is the first message is found as that.
    const given = name ?? unseen.get(id)
    unseen.delete(id)
    if (given !== undefined) add(id, given)
    else if (query.places.length === 1 && title !== null) add(id, title)
  }
  for (const [id, name] of unseen) add(id, name)
  return found

  function add(id: string, text: string): void {
    const [line] = findLines(text, matcher, 0)
    if (line)
      found.set(id, {
        turn: null,
        turnId: null,
        isRolledBack: false,
        isInherited: false,
        atMs: null,
        place: 'titles',
        lineNumber: null,
        ...line,
      })
  }
}
