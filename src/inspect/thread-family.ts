import { StateError } from '../errors.js'
import { readSpawnEdges, type SpawnEdge } from '../query/spawn-tree.js'
import type { ThreadTable } from '../query/threads/table.js'
import { findRecordedRollout } from '../rollout/locate.js'
import { readRolloutLines } from '../rollout/read.js'
import { asTextSql, columnSql } from '../schema/columns.js'
import { THREAD_TABLE } from '../schema/threads.js'

/**
 * Who spawned whom by the database, and whose reviews and helpers threads are by the first line of their
 * rollouts: those have no edge.
 */
export async function readFamily(threads: ThreadTable, codexHome: string): Promise<SpawnEdge[]> {
  const edges = readSpawnEdges(threads)
  const known = new Set(edges.map(({ childId }) => childId))
  const { connection, columns } = threads
  const helpers = connection.all<{ id: string; path: string }>(
    `SELECT ${asTextSql(columns.id)} AS id, coalesce(${asTextSql(columns.rolloutPath)}, '') AS path FROM ${THREAD_TABLE}
     WHERE ${columnSql(columns.source)} LIKE '{"subagent":%'`,
  )
  for (const { id, path } of helpers) {
    if (known.has(id)) continue
    const parentId = await readParentId(codexHome, path)
    if (parentId !== null && parentId !== id) edges.push({ parentId, childId: id, status: null })
  }
  return edges
}

async function readParentId(codexHome: string, path: string): Promise<string | null> {
  const file = findRecordedRollout(codexHome, path)
  if (!file) return null
  try {
    for await (const line of readRolloutLines(file)) {
      return line.kind === 'sessionMeta' ? line.parentThreadId : null
    }
  } catch (error) {
    // What cannot be read tells no parent; other commands say so.
    if (!(error instanceof StateError)) throw error
  }
  return null
}
