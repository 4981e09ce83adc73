import { StateError } from '../errors.js'
import type { DynamicTool } from '../model/thread.js'
import type { OpenTable } from '../query/databases.js'
import { readRows } from '../query/stored-rows.js'
import { type RolloutFileFacts, readRolloutLines } from '../rollout/read.js'

/** The tools that a thread's client brought along: its rows, or, as from 0.136 none are written, its rollout. */
export async function findDynamicTools(
  table: OpenTable | undefined,
  threadId: string,
  rollout: RolloutFileFacts | undefined,
  onNotice: (text: string) => void,
): Promise<DynamicTool[]> {
  const rows = table
    ? readRows(table.connection, 'thread_dynamic_tools', 'WHERE thread_id = ? ORDER BY position', threadId)
    : []
  if (rows.length > 0) {
    return rows.map((row) => ({
      position: Number(row.position),
      name: String(row.name),
      description: String(row.description),
      inputSchema: String(row.input_schema),
      deferLoading: row.defer_loading === undefined ? null : row.defer_loading === 1,
      namespace: typeof row.namespace === 'string' ? row.namespace : null,
    }))
  }
  if (!rollout) return []
  try {
    for await (const line of readRolloutLines(rollout)) {
      if (line.kind === 'sessionMeta') return [...line.dynamicTools]
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onNotice(error.message)
  }
  return []
}
