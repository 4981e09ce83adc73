import type { Field, FieldKind, FieldValue, RecordKind } from './fields.js'

/** A row by the names of its stored columns, with what was joined to it under names of ours. */
export type StoredRecord = Readonly<Record<string, FieldValue>>

/** Stored columns and what they hold. A time's unit is what Codex's names say: `_ms`, `_ns`, else seconds. */
export function createStoredKind(
  noun: string,
  columns: Readonly<Record<string, FieldKind>>,
  shown: readonly string[],
  idColumn: string,
): RecordKind<StoredRecord> {
  return {
    noun,
    fields: Object.entries(columns).map(([name, kind]) => createStoredField(name, kind)),
    shown,
    nameOf: (row) => String(row[idColumn] ?? '?'),
  }
}

function createStoredField(name: string, kind: FieldKind): Field<StoredRecord> {
  if (kind !== 'time') return { name, kind, value: (row) => row[name] }
  const millisPerUnit = name.endsWith('_ms') ? 1 : name.endsWith('_ns') ? 1e-6 : 1000
  return {
    name,
    kind,
    value(row) {
      const value = row[name]
      return typeof value === 'number' ? value * millisPerUnit : value
    },
  }
}

export const GOAL_KIND = createStoredKind(
  'goal',
  {
    thread_id: 'id',
    goal_id: 'id',
    objective: 'text',
    status: 'text',
    token_budget: 'number',
    tokens_used: 'number',
    time_used_seconds: 'number',
    created_at_ms: 'time',
    updated_at_ms: 'time',
    thread_title: 'text',
  },
  ['thread_id', 'status', 'updated_at_ms', 'tokens_used', 'token_budget', 'objective'],
  'thread_id',
)

export const TOOL_KIND = createStoredKind(
  'tool',
  {
    thread_id: 'id',
    position: 'number',
    namespace: 'text',
    name: 'text',
    description: 'text',
    input_schema: 'json',
    defer_loading: 'flag',
  },
  ['thread_id', 'position', 'name', 'description', 'input_schema'],
  'thread_id',
)

export const JOB_KIND = createStoredKind(
  'job',
  {
    id: 'id',
    name: 'text',
    status: 'text',
    item_count: 'number',
    items_completed: 'number',
    items_failed: 'number',
    items_running: 'number',
    instruction: 'text',
    output_schema_json: 'json',
    input_headers_json: 'json',
    input_csv_path: 'path',
    output_csv_path: 'path',
    auto_export: 'flag',
    max_runtime_seconds: 'number',
    created_at: 'time',
    updated_at: 'time',
    started_at: 'time',
    completed_at: 'time',
    last_error: 'text',
  },
  ['id', 'name', 'status', 'items_completed', 'items_failed', 'item_count', 'updated_at'],
  'id',
)
