import type { OpenTable } from './databases.js'
import { readRows, type StoredRow } from './stored-rows.js'

/** Where memories are, of whichever era. */
export interface MemorySources {
  /** Databases with `stage1_outputs`; each of the two pipelines may have its own. */
  stage1: readonly OpenTable[]
  /** `thread_memory`, to 0.98; only where there is no newer era. */
  threadMemory: OpenTable | undefined
  threads: OpenTable | undefined
}

export interface MemoryFilter {
  threadId?: string
  /** Exact text, as threads store it. */
  cwd?: string
  limit?: number
}

type MemoryRow = Record<string, StoredRow[string]>

/** Newest first, by the time of what was remembered, then by thread. */
export function readMemories(sources: MemorySources, filter: MemoryFilter = {}): MemoryRow[] {
  const threadsOf = createThreadLookup(sources.threads)
  const rows: MemoryRow[] = []
  for (const { connection, file } of sources.stage1) {
    const jobs = new Map(
      (hasTable(connection, 'jobs') ? readRows(connection, 'jobs', `WHERE kind = 'memory_stage1'`) : []).map(
        (job) => [job.job_key, job],
      ),
    )
    for (const row of readRows(connection, 'stage1_outputs')) {
      const job = jobs.get(row.thread_id)
      rows.push({
        ...row,
        ...threadsOf(row.thread_id),
        summary: row.rollout_summary,
        remembered_at: row.source_updated_at,
        job_status: job?.status,
        job_retry_remaining: job?.retry_remaining,
        job_last_error: job?.last_error,
        database: file.path,
      })
    }
  }
  if (sources.threadMemory) {
    const { connection, file } = sources.threadMemory
    for (const row of readRows(connection, 'thread_memory')) {
      rows.push({
        ...row,
        ...threadsOf(row.thread_id),
        summary: row.memory_summary,
        remembered_at: row.updated_at,
        database: file.path,
      })
    }
  }
  return rows
    .filter(({ thread_id }) => filter.threadId === undefined || thread_id === filter.threadId)
    .filter(({ cwd }) => filter.cwd === undefined || cwd === filter.cwd)
    .sort(
      (a, b) =>
        Number(b.remembered_at) - Number(a.remembered_at) ||
        (String(a.thread_id) < String(b.thread_id) ? 1 : -1),
    )
    .slice(0, filter.limit)
}

/** Memories and threads may be in different files, so they are joined here. */
function createThreadLookup(table: OpenTable | undefined): (id: StoredRow[string]) => MemoryRow {
  if (!table) return () => ({})
  const memoryMode = table.columns.has('memory_mode') ? 'memory_mode' : 'NULL AS memory_mode'
  return (id) =>
    table.connection.get<MemoryRow>(
      `SELECT cwd, title, ${memoryMode} FROM threads WHERE id = ?`,
      String(id),
    ) ?? {}
}

/** Jobs of the memory pipelines, with the database that they are in. */
export function readMemoryJobs({ stage1 }: MemorySources): MemoryRow[] {
  return stage1.flatMap(({ connection, file }) =>
    hasTable(connection, 'jobs')
      ? readRows(connection, 'jobs', 'ORDER BY kind, job_key').map((row) => ({ ...row, database: file.path }))
      : [],
  )
}

function hasTable(connection: OpenTable['connection'], table: string): boolean {
  return connection.get(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`, table) !== undefined
}
