import type { WriteConnection } from '../db/connection.js'
import { StateError } from '../errors.js'
import type { ThreadMemory } from '../model/memory.js'

const COLUMNS = `thread_memory.thread_id AS threadId, trace_summary AS traceSummary,
  memory_summary AS memorySummary, thread_memory.updated_at AS updatedAtSeconds`

export function findThreadMemory(db: WriteConnection, threadId: string): ThreadMemory | undefined {
  return db.get<ThreadMemory>(`SELECT ${COLUMNS} FROM thread_memory WHERE thread_id = ?`, threadId)
}

/**
 * Its time is now, or one second after the old one where that is not earlier: a reader that compares times
 * sees every write.
 *
 * @throws {StateError} `INVALID` when there is no such thread
 */
export function upsertThreadMemory(
  db: WriteConnection,
  memory: Omit<ThreadMemory, 'updatedAtSeconds'>,
  nowSeconds: number,
): ThreadMemory {
  return db.transaction(() => {
    if (!db.get('SELECT 1 FROM threads WHERE id = ?', memory.threadId)) {
      throw new StateError('INVALID', `thread not found: ${memory.threadId}`)
    }
    db.run(
      `INSERT INTO thread_memory (thread_id, trace_summary, memory_summary, updated_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (thread_id) DO UPDATE SET
         trace_summary = excluded.trace_summary,
         memory_summary = excluded.memory_summary,
         updated_at = max(excluded.updated_at, thread_memory.updated_at + 1)`,
      memory.threadId,
      memory.traceSummary,
      memory.memorySummary,
      nowSeconds,
    )
    return findThreadMemory(db, memory.threadId)!
  })
}

/** Of the threads whose folder is exactly `cwd`, the last written first. */
export function readLastThreadMemories(db: WriteConnection, cwd: string, count: number): ThreadMemory[] {
  return db.all<ThreadMemory>(
    `SELECT ${COLUMNS} FROM thread_memory JOIN threads ON threads.id = thread_memory.thread_id
     WHERE threads.cwd = ? ORDER BY thread_memory.updated_at DESC, thread_memory.thread_id DESC LIMIT ?`,
    cwd,
    Math.max(0, count),
  )
}
