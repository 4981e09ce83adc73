import type { LogRow } from '../model/log.js'
import type { ColumnSources } from './columns.js'

export const LOG_TABLE = 'logs'

/** Six shapes of the table are known: state migrations 2, 3, 10, 12 and logs migrations 1, 2. */
export const LOG_COLUMNS: ColumnSources<LogRow> = {
  id: ['id'],
  tsSeconds: ['ts'],
  tsNanos: ['ts_nanos'],
  level: ['level'],
  target: ['target'],
  body: ['feedback_log_body', 'message'],
  threadId: ['thread_id'],
  processUuid: ['process_uuid'],
  modulePath: ['module_path'],
  file: ['file'],
  line: ['line'],
}

/** What Codex counts against its budgets: the bytes of a row's texts (from 0.105). */
export const LOG_SIZE_COLUMNS: ColumnSources<{ sizeBytes: number }> = { sizeBytes: ['estimated_bytes'] }

/** What the first layouts have no column for. */
export const LATER_LOG_PROPERTIES: readonly (keyof LogRow)[] = ['threadId', 'processUuid']
