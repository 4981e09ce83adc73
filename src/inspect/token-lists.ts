import type { TokenGroup } from '../model/inspection.js'
import type { TokenUsage } from '../model/turn.js'
import { drawBranches, findSpawnRoots, growSpawnTrees, type SpawnEdge } from '../query/spawn-tree.js'
import type { TokenRow } from '../query/threads/sums.js'
import { createTokenSums, type RolloutSums, type TokenSum } from '../rollout/token-sums.js'
import { addUp, type ThreadTokens } from './thread-tokens.js'

export interface UsedTokens {
  usage: TokenUsage
  responses: number
}

/** Which threads are asked for, and who spawned whom. */
export interface TokenScope {
  edges: readonly SpawnEdge[]
  /** `undefined` for all threads. */
  rootId: string | undefined
  ids: ReadonlySet<string> | undefined
}

/** What one thread used, and where it stands among those that it spawned. */
export interface ThreadTokenEntry extends UsedTokens {
  id: string
  /** `undefined` for a thread that only has a row. */
  told: ThreadTokens | undefined
  parentId: string | null
  depth: number
  /** `├─ ` and the like. */
  branch: string
  subtreeTokens: number
}

/** Threads of which only a row is left, so that nobody knows what they used. */
export function findRowsAlone(
  rows: readonly TokenRow[],
  told: ReadonlyMap<string, unknown>,
  { ids }: TokenScope,
): TokenRow[] {
  return rows.filter(
    ({ id, tokensUsed }) => tokensUsed > 0 && !told.has(id) && (ids === undefined || ids.has(id)),
  )
}

export interface ThreadTokenList {
  told: ReadonlyMap<string, ThreadTokens>
  scope: TokenScope
  /** Threads without a rollout that are listed all the same. */
  aloneIds: readonly string[]
  /** Below those that started them; else those that used most first. */
  isTree: boolean
  /** What was used in a span of time: threads that used nothing in it are left out. */
  isSpan: boolean
}

export function listThreadTokens({
  told,
  scope,
  aloneIds,
  isTree,
  isSpan,
}: ThreadTokenList): ThreadTokenEntry[] {
  const shown = new Set([...told.keys(), ...aloneIds])
  const edges = [...scope.edges, ...edgesOfRollouts(told, scope.edges)]
  const totalOf = (id: string) => told.get(id)?.usage.total ?? 0
  const roots = scope.rootId === undefined ? rootsOf(shown, edges) : [scope.rootId]
  const nodes = growSpawnTrees(edges, roots)
  const before = [0]
  for (const { id } of nodes) before.push(before.at(-1)! + totalOf(id))
  const branches = drawBranches(nodes)
  const entries = nodes.map(({ id, parentId, depth, belowCount }, index): ThreadTokenEntry => {
    const own = told.get(id)
    return {
      id,
      told: own,
      usage: own?.usage ?? addUp([]).usage,
      responses: own?.responses ?? 0,
      parentId,
      depth,
      branch: branches[index]!,
      subtreeTokens: before[index + belowCount + 1]! - before[index]!,
    }
  })
  if (isTree) return treesByTokens(entries)
  return entries
    .filter(({ id, responses }) => (isSpan ? responses > 0 : shown.has(id)))
    .sort((a, b) => b.usage.total - a.usage.total || (a.id < b.id ? 1 : -1))
}

/** Threads without a row are known only from the rollout. */
function edgesOfRollouts(told: ReadonlyMap<string, ThreadTokens>, edges: readonly SpawnEdge[]): SpawnEdge[] {
  const known = new Set(edges.map(({ childId }) => childId))
  return [...told.values()].flatMap(({ threadId, parentThreadId }) =>
    parentThreadId === null || known.has(threadId)
      ? []
      : [{ parentId: parentThreadId, childId: threadId, status: null }],
  )
}

function rootsOf(ids: ReadonlySet<string>, edges: readonly SpawnEdge[]): string[] {
  const children = new Set(edges.map(({ childId }) => childId))
  return [...new Set([...findSpawnRoots(edges), ...[...ids].filter((id) => !children.has(id))])]
}

/** Trees that used most first; what used nothing at all is left out. */
function treesByTokens(entries: readonly ThreadTokenEntry[]): ThreadTokenEntry[] {
  const trees: ThreadTokenEntry[][] = []
  for (const entry of entries) {
    if (entry.depth === 0) trees.push([])
    trees.at(-1)!.push(entry)
  }
  return trees
    .filter((tree) => tree.some(({ responses, told }) => responses > 0 || told === undefined))
    .sort((a, b) => b[0]!.subtreeTokens - a[0]!.subtreeTokens)
    .flat()
}

/** What the responses of one group used. */
export interface TokenGroupSum extends UsedTokens {
  /** One for each group. */
  keys: (string | null)[]
  threadCount: number
}

/**
 * The sums of all rollouts: times newest first, all else by what was used.
 *
 * @param nameKey what a key counts as: keys with the same name are one group
 */
export function sumTokensByGroup(
  rollouts: readonly RolloutSums[],
  groups: readonly TokenGroup[],
  nameKey: (group: TokenGroup, key: string) => string,
): TokenGroupSum[] {
  const sums = createTokenSums()
  const threadIds = new Map<TokenSum, Set<string>>()
  for (const { threadId, sums: own } of rollouts) {
    for (const { keys, usage, responses } of own) {
      const names = keys.map((key, index) => (key === null ? null : nameKey(groups[index]!, key)))
      const sum = sums.add(names, usage, responses)
      threadIds.set(sum, (threadIds.get(sum) ?? new Set()).add(threadId))
    }
  }
  const isTime = (group: TokenGroup | undefined) => group === 'day' || group === 'week' || group === 'month'
  return sums
    .list()
    .map((sum) => ({ ...sum, threadCount: threadIds.get(sum)?.size ?? 0 }))
    .sort((a, b) => {
      for (const index of groups.keys()) {
        const [left, right] = [a.keys[index] ?? '', b.keys[index] ?? '']
        if (isTime(groups[index]) && left !== right) return left < right ? 1 : -1
      }
      return b.usage.total - a.usage.total || (a.keys.join() < b.keys.join() ? -1 : 1)
    })
}

export function addUsed(used: readonly UsedTokens[]): UsedTokens {
  return addUp(used.map(({ usage, responses }) => ({ keys: [], usage, responses })))
}
