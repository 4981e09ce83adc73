import type { SqlReader } from './inspect.js'

/** Indexes and triggers that releases 0.93 to 0.169 made, in all of their databases. */
const KNOWN_NAMES: ReadonlySet<string> = new Set([
  'idx_agent_job_items_status',
  'idx_agent_jobs_status',
  'idx_jobs_kind_status_retry_lease',
  'idx_logs_process_uuid',
  'idx_logs_process_uuid_threadless_ts',
  'idx_logs_thread_id',
  'idx_logs_thread_id_ts',
  'idx_logs_ts',
  'idx_projects_position',
  'idx_stage1_outputs_source_updated_at',
  'idx_thread_attachments_identity_thread',
  'idx_thread_attachments_thread_created_id',
  'idx_thread_dynamic_tools_thread',
  'idx_thread_items_by_turn_page',
  'idx_thread_items_by_turn_updated_page',
  'idx_thread_items_page',
  'idx_thread_items_updated_page',
  'idx_thread_items_user_messages',
  'idx_thread_memory_updated_at',
  'idx_thread_realtime_items_boundary',
  'idx_thread_realtime_items_page',
  'idx_thread_spawn_edges_parent_status',
  'idx_thread_turns_end_page',
  'idx_thread_turns_page',
  'idx_threads_archive_created_at_ms',
  'idx_threads_archive_recency_at_ms',
  'idx_threads_archive_updated_at_ms',
  'idx_threads_archived',
  'idx_threads_archived_cwd_created_at_ms',
  'idx_threads_archived_cwd_recency_at_ms',
  'idx_threads_archived_cwd_updated_at_ms',
  'idx_threads_attached_parent',
  'idx_threads_created_at',
  'idx_threads_created_at_ms',
  'idx_threads_pinned_recency_at_ms',
  'idx_threads_project_id',
  'idx_threads_project_recency',
  'idx_threads_provider',
  'idx_threads_recency_at_ms',
  'idx_threads_section_position',
  'idx_threads_section_recency_at_ms',
  'idx_threads_source',
  'idx_threads_updated_at',
  'idx_threads_updated_at_ms',
  'idx_threads_visible_created_at_ms',
  'idx_threads_visible_recency_at_ms',
  'idx_threads_visible_updated_at_ms',
  'queued_items_revision_after_delete',
  'queued_items_revision_after_insert',
  'queued_items_revision_after_update',
  'queued_items_thread_order_idx',
  'thread_realtime_items_projection_cleanup',
  'threads_created_at_ms_after_insert',
  'threads_created_at_ms_after_update',
  'threads_recency_at_after_insert',
  'threads_updated_at_ms_after_insert',
  'threads_updated_at_ms_after_update',
])

/** Triggers and indexes that none of these releases makes: log guards and other tools leave such. */
export function findForeignObjects(reader: SqlReader): string[] {
  // What SQLite makes itself for a key has no text.
  const objects = reader.all<{ type: string; name: string }>(
    `SELECT type, name FROM sqlite_schema
     WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
     ORDER BY type, name`,
  )
  return objects.filter(({ name }) => !KNOWN_NAMES.has(name)).map(({ type, name }) => `${type} ${name}`)
}
