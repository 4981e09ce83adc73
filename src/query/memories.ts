import type { MemoryPipeline } from '../model/memory.js'
import type { DatabaseFile, DatabaseRole } from '../schema/files.js'
import { listTables } from '../schema/inspect.js'
import type { OpenTable } from './databases.js'
import { readRows, type StoredRow } from './stored-rows.js'

/** A database with `stage1_outputs`, and whose memories these are. */
export interface PipelineSource {
  readonly pipeline: MemoryPipeline
  readonly table: OpenTable
}

/** Where memories are, of whichever era. */
export interface MemorySources {
  readonly pipelines: readonly PipelineSource[]
  /** `thread_memory`, to 0.98; only where there is no newer era. */
  readonly threadMemory: OpenTable | undefined
}

/** Opens a table in the first of these databases that has it. */
export type OpenFirst = (
  table: 'stage1_outputs' | 'thread_memory',
  files: readonly DatabaseFile[],
) => OpenTable | undefined

/** Finds the databases with memories. Those of their own come before the state database, where they were to 0.134. */
export function openMemorySources(databases: readonly DatabaseFile[], open: OpenFirst): MemorySources {
  const ofRole = (pipeline: MemoryPipeline, role: DatabaseRole): PipelineSource[] => {
    const table = open(
      'stage1_outputs',
      databases.filter((file) => file.role === role),
    )
    return table ? [{ pipeline, table }] : []
  }
  const separate = [...ofRole('v1', 'memories'), ...ofRole('v2', 'memories_v2')]
  const pipelines = separate.length > 0 ? separate : ofRole('v1', 'state')
  return { pipelines, threadMemory: pipelines.length === 0 ? open('thread_memory', databases) : undefined }
}

/** A stored memory under its columns' names, with where it is from. */
export type MemoryRow = StoredRow & {
  readonly thread_id: string
  /** Of either era: the short text, and the time of what was remembered. */
  readonly summary: StoredRow[string]
  /** `null` where the row does not tell. */
  readonly remembered_at: number | null
  /** `null` for `thread_memory`, which is of neither. */
  readonly pipeline: MemoryPipeline | null
  readonly database: string
}

export interface MemoryFilter {
  readonly threadId?: string
  /** Without it those of both, which are no memories of different things: dual homes have each thread twice. */
  readonly pipeline?: MemoryPipeline
}

/** Newest first, by the time of what was remembered, then by thread, then v1 before v2. */
export function readMemories(sources: MemorySources, filter: MemoryFilter = {}): MemoryRow[] {
  const [where, ...params] =
    filter.threadId === undefined ? [''] : (['WHERE thread_id = ?', filter.threadId] as const)
  const rows: MemoryRow[] = []
  for (const { pipeline, table } of sources.pipelines) {
    if (filter.pipeline !== undefined && filter.pipeline !== pipeline) continue
    for (const row of readRows(table.connection, 'stage1_outputs', where, ...params)) {
      rows.push({
        ...row,
        thread_id: String(row.thread_id),
        summary: row.rollout_summary,
        remembered_at: toSeconds(row.source_updated_at),
        pipeline,
        database: table.file.path,
      })
    }
  }
  if (sources.threadMemory) {
    const { connection, file } = sources.threadMemory
    for (const row of readRows(connection, 'thread_memory', where, ...params)) {
      rows.push({
        ...row,
        thread_id: String(row.thread_id),
        summary: row.memory_summary,
        remembered_at: toSeconds(row.updated_at),
        pipeline: null,
        database: file.path,
      })
    }
  }
  return rows.sort(compareMemories)
}

function toSeconds(value: StoredRow[string]): number | null {
  return typeof value === 'number' ? value : null
}

function compareMemories(a: MemoryRow, b: MemoryRow): number {
  const [one, other] = [a, b].map((row) => row.remembered_at ?? Number.NEGATIVE_INFINITY) as [number, number]
  if (one !== other) return one < other ? 1 : -1
  if (a.thread_id !== b.thread_id) return a.thread_id < b.thread_id ? 1 : -1
  return (a.pipeline ?? '') < (b.pipeline ?? '') ? -1 : 1
}

/** A job of a memory pipeline under its columns' names. */
export type MemoryJobRow = StoredRow & {
  readonly kind: string
  readonly job_key: string
  readonly pipeline: MemoryPipeline
  readonly database: string
}

/** Of all pipelines: the consolidation first, then by thread. */
export function readMemoryJobs({ pipelines }: MemorySources): MemoryJobRow[] {
  return pipelines.flatMap(({ pipeline, table: { connection, file } }) =>
    listTables(connection).includes('jobs')
      ? readRows(
          connection,
          'jobs',
          `WHERE kind IN ('memory_stage1', 'memory_consolidate_global') ORDER BY kind, job_key`,
        ).map((row) => ({
          ...row,
          kind: String(row.kind),
          job_key: String(row.job_key),
          pipeline,
          database: file.path,
        }))
      : [],
  )
}
