import type { FieldKind, RecordKind } from '../format/fields.js'
import { GOAL_KIND, JOB_KIND, MEMORY_JOB_KIND, MEMORY_KIND, TOOL_KIND } from '../format/stored-fields.js'
import { THREAD_DETAIL_KIND } from '../format/thread-details.js'
import { THREAD_KIND } from '../format/thread-fields.js'
import { TOKEN_GROUPS, USAGE_GROUPS } from '../model/inspection.js'
import { LOG_FIELDS } from '../model/log-records.js'
import { GENERATION_AGES } from '../schema/files.js'
import { STATUS_KIND } from './state/backfill.js'
import { DIFFERENCE_KIND } from './state/diff.js'
import { createUsageKind } from './state/du.js'
import { LOCK_KIND } from './state/locks.js'
import { MIGRATION_KIND } from './state/schema.js'
import { HOME_TABLE_KIND } from './state/tables.js'
import { PATH_KIND } from './state/threads-path.js'
import { TREE_KIND } from './state/threads-tree.js'
import { createSumKind, THREAD_TOKEN_KIND } from './state/tokens.js'
import { VERDICT_KIND } from './state/verify.js'
import { ANSWER_KIND } from './state/why.js'

/** A JSON Schema (https://json-schema.org/draft/2020-12), as far as it is used here. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** By what a stored value means. What is damaged is shown as it is stored, so a damaged row may differ. */
const BY_KIND: Readonly<Record<FieldKind, JsonSchema>> = {
  text: { type: ['string', 'number', 'null'] },
  path: { type: ['string', 'null'] },
  id: { type: ['string', 'null'] },
  number: { type: ['number', 'null'] },
  bytes: { type: ['integer', 'null'] },
  flag: { type: ['boolean', 'null'] },
  time: { type: ['string', 'null'], pattern: String.raw`^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$` },
  json: {},
  wordOrJson: { type: ['string', 'object', 'array', 'null'] },
}

const LOG_FIELD_SCHEMAS = {
  integer: { type: ['integer', 'null'] },
  text: { type: ['string', 'null'] },
  time: BY_KIND.time,
}

// biome-ignore lint/suspicious/noExplicitAny: kinds of all sorts of rows; only their fields are looked at.
type AnyKind = RecordKind<any>

/** One array of such records. */
const LISTS: Readonly<Record<string, AnyKind>> = {
  'codex-state.threads-list': THREAD_KIND,
  'codex-state.threads-tree': TREE_KIND,
  'codex-state.threads-tools': TOOL_KIND,
  'codex-state.memories-list': MEMORY_KIND,
  'codex-state.memories-jobs': MEMORY_JOB_KIND,
  'codex-state.tokens': THREAD_TOKEN_KIND,
  'codex-state.goals': GOAL_KIND,
  'codex-state.jobs': JOB_KIND,
  'codex-state.tools': TOOL_KIND,
  'codex-state.tables': HOME_TABLE_KIND,
  'codex-state.schema': MIGRATION_KIND,
  'codex-state.verify': VERDICT_KIND,
  'codex-state.locks': LOCK_KIND,
  'codex-state.diff': DIFFERENCE_KIND,
  ...Object.fromEntries(
    TOKEN_GROUPS.map((group) => [`codex-state.tokens-by-${group}`, createSumKind(group)]),
  ),
  ...Object.fromEntries(USAGE_GROUPS.map((group) => [`codex-state.du-by-${group}`, createUsageKind(group)])),
}

/** One such object. */
const OBJECTS: Readonly<Record<string, AnyKind>> = {
  'codex-state.threads-show': THREAD_DETAIL_KIND,
  'codex-state.threads-path': PATH_KIND,
  'codex-state.memories-show': MEMORY_KIND,
  'codex-state.backfill-status': STATUS_KIND,
  'codex-state.why': ANSWER_KIND,
}

const PLACE: JsonSchema = closedObject({
  path: { type: 'string' },
  role: { type: 'string' },
  generation: { type: 'integer', minimum: 0 },
  age: { enum: [...GENERATION_AGES] },
  size_bytes: { type: ['integer', 'null'], minimum: 0 },
  wal_bytes: { type: ['integer', 'null'], minimum: 0 },
  migrations: { type: ['integer', 'null'], minimum: 0 },
  last_write: BY_KIND.time,
  rule: { type: 'string' },
  error: { type: ['string', 'null'] },
})

/** The schemas of all that `--json` prints when no fields are named, by the name of their file. */
export function createSchemas(): Record<string, JsonSchema> {
  const logs = Object.entries(LOG_FIELDS).map(([name, { kind }]) => [name, LOG_FIELD_SCHEMAS[kind]])
  const schemas: Record<string, JsonSchema> = {
    // Columns that are not known here follow under their own names.
    'codex-logs.record': { ...closedObject(Object.fromEntries(logs)), additionalProperties: true },
    where: listOf(PLACE),
  }
  for (const [name, kind] of Object.entries(LISTS)) schemas[name] = listOf(recordOf(kind))
  for (const [name, kind] of Object.entries(OBJECTS)) schemas[name] = recordOf(kind)
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      { $schema: 'https://json-schema.org/draft/2020-12/schema', title: name.replace(/[.]/, ' '), ...schema },
    ]),
  )
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

function recordOf(kind: AnyKind): JsonSchema {
  return closedObject(Object.fromEntries(kind.fields.map((field) => [field.name, BY_KIND[field.kind]])))
}

/** Every key is there, and no other. */
function closedObject(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false }
}
