import { asTextSql, columnSql } from '../schema/columns.js'
import { parseSpawnParent } from '../schema/threads.js'
import type { ThreadTable } from './threads/table.js'

/** One thread spawned another. */
export interface SpawnEdge {
  parentId: string
  childId: string
  /** `open` or `closed`; `null` before there was a table for it. */
  status: string | null
}

/**
 * Who spawned whom: the table where the layout has it, and what the sources of threads say beside it. A child
 * has one parent; the table knows better.
 */
export function readSpawnEdges({ connection, columns, hasSpawnEdges }: ThreadTable): SpawnEdge[] {
  const edges = new Map<string, SpawnEdge>()
  const spawned = connection.all<{ id: string; source: string }>(
    `SELECT ${asTextSql(columns.id)} AS id, ${asTextSql(columns.source)} AS source FROM threads
     WHERE ${columnSql(columns.source)} LIKE '{"subagent":{"thread_spawn":%'`,
  )
  for (const { id, source } of spawned) {
    const parentId = parseSpawnParent(source)
    if (parentId !== undefined) edges.set(id, { parentId, childId: id, status: null })
  }
  if (hasSpawnEdges) {
    for (const edge of connection.all<SpawnEdge>(
      `SELECT CAST(parent_thread_id AS TEXT) AS parentId, CAST(child_thread_id AS TEXT) AS childId,
         CAST(status AS TEXT) AS status
       FROM thread_spawn_edges WHERE parent_thread_id IS NOT NULL AND child_thread_id IS NOT NULL`,
    )) {
      edges.set(edge.childId, edge)
    }
  }
  return [...edges.values()]
}

export interface SpawnNode {
  id: string
  parentId: string | null
  status: string | null
  /** 0 for a root. */
  depth: number
  /** Whether no thread of the same parent follows. */
  isLast: boolean
  /** How many threads of the list are below this one; they follow it. */
  belowCount: number
}

/**
 * The trees below these roots as a list, each thread before those that it spawned: a chain can be so long that
 * nothing may call itself for each link. A thread that spawned itself in a circle is listed once.
 */
export function growSpawnTrees(edges: readonly SpawnEdge[], rootIds: readonly string[]): SpawnNode[] {
  const byParent = Map.groupBy(edges, ({ parentId }) => parentId)
  const edgeOf = new Map(edges.map((edge) => [edge.childId, edge]))
  const seen = new Set<string>()
  const nodes: SpawnNode[] = []
  const waiting = rootIds.toReversed().map((id) => ({ id, depth: 0, isLast: true }))
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (seen.has(next.id)) continue
    seen.add(next.id)
    const edge = edgeOf.get(next.id)
    nodes.push({ ...next, parentId: edge?.parentId ?? null, status: edge?.status ?? null, belowCount: 0 })
    const children = (byParent.get(next.id) ?? [])
      .map(({ childId }) => childId)
      .filter((id) => !seen.has(id))
      .sort()
    for (let index = children.length - 1; index >= 0; index--) {
      waiting.push({ id: children[index]!, depth: next.depth + 1, isLast: index === children.length - 1 })
    }
  }
  countBelow(nodes)
  return nodes
}

function countBelow(nodes: readonly SpawnNode[]): void {
  const open: number[] = []
  const close = (depth: number, end: number) => {
    for (let at = open.at(-1); at !== undefined && nodes[at]!.depth >= depth; at = open.at(-1)) {
      nodes[at]!.belowCount = end - at - 1
      open.pop()
    }
  }
  for (const [index, { depth }] of nodes.entries()) {
    close(depth, index)
    open.push(index)
  }
  close(0, nodes.length)
}

/** Parents that nobody spawned, newest first, and of each circle its oldest member. */
export function findSpawnRoots(edges: readonly SpawnEdge[]): string[] {
  const children = new Set(edges.map(({ childId }) => childId))
  const parents = [...new Set(edges.map(({ parentId }) => parentId))].sort()
  const roots = parents.filter((id) => !children.has(id))
  const reached = new Set(growSpawnTrees(edges, roots).map(({ id }) => id))
  for (const id of parents) {
    if (reached.has(id)) continue
    roots.push(id)
    for (const node of growSpawnTrees(edges, [id])) reached.add(node.id)
  }
  return roots.sort().reverse()
}

/** Deeper than this only the depth tells where a thread hangs. */
const MAX_DRAWN_DEPTH = 30

/** What is drawn before each thread of a list of trees: `├─ ` and the like. */
export function drawBranches(nodes: readonly Pick<SpawnNode, 'depth' | 'isLast'>[]): string[] {
  /** Of the rows above, by depth, whether another one of the same parent follows. */
  const lines: boolean[] = []
  return nodes.map(({ depth, isLast }) => {
    lines.length = depth
    const drawn = lines.slice(1, MAX_DRAWN_DEPTH).map((goesOn) => (goesOn ? '│  ' : '   '))
    lines.push(!isLast)
    if (depth === 0) return ''
    return `${drawn.join('')}${depth > MAX_DRAWN_DEPTH ? '… ' : ''}${isLast ? '└─ ' : '├─ '}`
  })
}
