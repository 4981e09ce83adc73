import { columnSql } from '../schema/columns.js'
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
    `SELECT id, ${columnSql(columns.source)} AS source FROM threads
     WHERE ${columnSql(columns.source)} LIKE '{"subagent":{"thread_spawn":%'`,
  )
  for (const { id, source } of spawned) {
    const parentId = parseParentId(source)
    if (parentId !== undefined) edges.set(id, { parentId, childId: id, status: null })
  }
  if (hasSpawnEdges) {
    for (const edge of connection.all<SpawnEdge>(
      'SELECT parent_thread_id AS parentId, child_thread_id AS childId, status FROM thread_spawn_edges',
    )) {
      edges.set(edge.childId, edge)
    }
  }
  return [...edges.values()]
}

function parseParentId(source: string): string | undefined {
  try {
    const id = JSON.parse(source)?.subagent?.thread_spawn?.parent_thread_id
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

export interface SpawnNode {
  id: string
  parentId: string | null
  status: string | null
  /** 0 for a root. */
  depth: number
  children: SpawnNode[]
}

/** The trees below these roots. A thread that spawned itself in a circle is shown once. */
export function growSpawnTrees(edges: readonly SpawnEdge[], rootIds: readonly string[]): SpawnNode[] {
  const byParent = Map.groupBy(edges, ({ parentId }) => parentId)
  const seen = new Set<string>()
  function grow(id: string, edge: SpawnEdge | undefined, depth: number): SpawnNode {
    seen.add(id)
    const children = (byParent.get(id) ?? []).filter(({ childId }) => !seen.has(childId))
    return {
      id,
      parentId: edge?.parentId ?? null,
      status: edge?.status ?? null,
      depth,
      children: children
        .toSorted((a, b) => (a.childId < b.childId ? -1 : 1))
        .filter(({ childId }) => !seen.has(childId))
        .map((child) => grow(child.childId, child, depth + 1)),
    }
  }
  const edgeOf = new Map(edges.map((edge) => [edge.childId, edge]))
  return rootIds.map((id) => grow(id, edgeOf.get(id), 0))
}

/** Parents that nobody spawned, newest first; in a circle, all of its members are left out. */
export function findSpawnRoots(edges: readonly SpawnEdge[]): string[] {
  const children = new Set(edges.map(({ childId }) => childId))
  const roots = new Set(edges.map(({ parentId }) => parentId).filter((id) => !children.has(id)))
  return [...roots].toSorted().reverse()
}
