import type { WriteConnection } from '../db/connection.js'
import { StateError } from '../errors.js'
import type { ThreadMemory } from '../model/memory.js'
import { listTables, readColumnNames } from '../schema/inspect.js'

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

/**
 * Takes a thread out of the memories of one database, as Codex does when it deletes one (from 0.140): its memory and
 * the job that made it. What was part of the last consolidation has the next one asked for, so that the summary
 * forgets it too.
 */
export function deleteMemoryOfThread(db: WriteConnection, threadId: string, nowSeconds: number): void {
  const tables = listTables(db)
  if (!tables.includes(MEMORIES)) return
  const hasJobs = tables.includes(JOBS)
  const isSelectedKnown = readColumnNames(db, MEMORIES).has('selected_for_phase2')
  db.transaction(() => {
    const wasSelected =
      isSelectedKnown &&
      db.get(`SELECT 1 FROM ${MEMORIES} WHERE thread_id = ? AND selected_for_phase2 <> 0`, threadId) !==
        undefined
    db.run(`DELETE FROM ${MEMORIES} WHERE thread_id = ?`, threadId)
    if (!hasJobs) return
    db.run(`DELETE FROM ${JOBS} WHERE kind = 'memory_stage1' AND job_key = ?`, threadId)
    if (wasSelected) enqueueConsolidation(db, nowSeconds)
  })
}

const MEMORIES = 'stage1_outputs'
const JOBS = 'jobs'

/** How often Codex tries a job. */
const TRIES = 3

/**
 * A consolidation that runs goes on, and one more follows it. The watermark is a counter that never falls behind the
 * clock: each call moves it on by one at least.
 */
function enqueueConsolidation(db: WriteConnection, nowSeconds: number): void {
  db.run(
    `INSERT INTO ${JOBS} (kind, job_key, status, retry_remaining, input_watermark, last_success_watermark)
     VALUES ('memory_consolidate_global', 'global', 'pending', ${TRIES}, ?, 0)
     ON CONFLICT (kind, job_key) DO UPDATE SET
       status = iif(status = 'running', status, excluded.status),
       retry_at = iif(status = 'running', retry_at, NULL),
       retry_remaining = max(retry_remaining, excluded.retry_remaining),
       input_watermark = max(excluded.input_watermark, coalesce(input_watermark, 0) + 1)`,
    nowSeconds,
  )
}
