import type { Field, FieldKind, RecordKind } from './fields.js'
import { createStoredKind, type StoredRecord } from './stored-fields.js'

/** Both eras: `thread_memory` (to 0.98) has the two summaries, the later tables have the rest. */
const MEMORY_COLUMNS: Readonly<Record<string, FieldKind>> = {
  thread_id: 'id',
  cwd: 'path',
  title: 'text',
  /** `v1` or `v2`; `null` for `thread_memory`. */
  pipeline: 'text',
  in_use: 'flag',
  state: 'text',
  archived: 'flag',
  /** Of either era: the short text, and when it was made. */
  summary: 'text',
  remembered_at: 'time',
  rollout_slug: 'text',
  rollout_summary: 'text',
  raw_memory: 'text',
  trace_summary: 'text',
  memory_summary: 'text',
  updated_at: 'time',
  source_updated_at: 'time',
  generated_at: 'time',
  usage_count: 'number',
  last_usage: 'time',
  selected_for_phase2: 'flag',
  selected_for_phase2_source_updated_at: 'time',
  memory_mode: 'text',
  job_status: 'text',
  job_retry_remaining: 'number',
  job_last_error: 'text',
  database: 'path',
}

export const MEMORY_KIND = withCells(
  createStoredKind(
    'memory',
    MEMORY_COLUMNS,
    ['thread_id', 'remembered_at', 'state', 'usage_count', 'cwd', 'summary'],
    'thread_id',
  ),
  {
    usage_count: { heading: 'USED' },
    // Archived threads stay in memories, so it is said beside the state and not in its place.
    state: {
      cell: ({ state, archived }) => [state, archived === 1 && 'archived'].filter(Boolean).join(', '),
    },
  },
)

/** The same where memories of both pipelines stand in one list. */
export const ALL_MEMORIES_KIND = {
  ...MEMORY_KIND,
  shown: ['thread_id', 'pipeline', 'in_use', 'remembered_at', 'state', 'usage_count', 'cwd', 'summary'],
}

/** What of a memory stands above its texts. */
export const MEMORY_HEAD = [
  'thread_id',
  'title',
  'cwd',
  'pipeline',
  'state',
  'archived',
  'rollout_slug',
  'remembered_at',
  'generated_at',
  'updated_at',
  'usage_count',
  'last_usage',
  'memory_mode',
  'job_last_error',
] as const

/** A watermark of an extraction is a time; that of the consolidation counts on from one, and tells none. */
export const MEMORY_JOB_KIND = withCells(
  createStoredKind(
    'memory job',
    {
      kind: 'text',
      job_key: 'id',
      pipeline: 'text',
      in_use: 'flag',
      phase: 'text',
      state: 'text',
      words: 'text',
      status: 'text',
      lease: 'text',
      worker_id: 'id',
      ownership_token: 'text',
      started_at: 'time',
      finished_at: 'time',
      lease_until: 'time',
      retry_at: 'time',
      retry_remaining: 'number',
      last_error: 'text',
      input_watermark: 'time',
      last_success_watermark: 'time',
      input_counter: 'number',
      last_success_counter: 'number',
      database: 'path',
    },
    ['pipeline', 'phase', 'job_key', 'state', 'started_at', 'words'],
    'job_key',
  ),
  { job_key: { heading: 'THREAD' }, words: { heading: 'MEANING' } },
)

function withCells(
  kind: RecordKind<StoredRecord>,
  looks: Readonly<Record<string, Pick<Field<StoredRecord>, 'cell' | 'heading'>>>,
): RecordKind<StoredRecord> {
  return { ...kind, fields: kind.fields.map((field) => ({ ...field, ...looks[field.name] })) }
}
