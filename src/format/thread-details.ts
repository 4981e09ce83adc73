import type { TokenUsage } from '../model/turn.js'
import { cleanLine } from './clean.js'
import type { Field, RecordKind } from './fields.js'
import { formatBytes, formatCount, formatPlural } from './quantity.js'
import { THREAD_FIELDS, type ThreadEntry } from './thread-fields.js'

/** What is known of a thread beyond its row. Keys are as in JSON; times are ISO 8601. */
export interface ThreadDetails extends ThreadEntry {
  rollout: {
    path: string
    /** `null` where that cannot be seen. */
    exists: boolean | null
    archived: boolean
    compressed: boolean
    size_bytes: number | null
    modified_at: string | null
  }
  parentId: string | null
  /** By the first line of its rollout; `null` where that says nothing or cannot be read. */
  forkedFromId: string | null
  /** All rollouts of the thread, the one in force first: more than one where it was reverted. */
  rollouts: string[]
  /** How the chat that Codex shows stands to the rollout; `null` for a legacy thread, or where that cannot be told. */
  history: { state: string; problem: string; turns_shown: number; turns: number } | null
  /** By its rollouts; `null` where they are not there, or too large to be read by the way. */
  tokens: (TokenUsage & { responses: number }) | null
  children: { id: string; status: string | null; agent_nickname: string | null; title: string | null }[]
  dynamicTools: string[]
  goal: Record<string, unknown> | null
  memory: Record<string, unknown> | null
  logRowCount: number
  places: { place: string; rows: number | null }[]
}

type DetailField = Field<ThreadDetails>

function jsonField(
  name: string,
  value: (row: ThreadDetails) => unknown,
  cell: DetailField['cell'],
): DetailField {
  return {
    name,
    kind: 'json',
    value: (row) => JSON.stringify(value(row)),
    ...(cell ? { cell } : {}),
  }
}

const DETAIL_FIELDS: readonly DetailField[] = [
  ...THREAD_FIELDS.filter(({ name }) => name !== 'cursor' && name !== 'label'),
  jsonField(
    'rollout',
    ({ rollout }) => rollout,
    ({ rollout }) => formatRollout(rollout),
  ),
  { name: 'parent_thread_id', kind: 'id', value: ({ parentId }) => parentId },
  { name: 'forked_from_id', kind: 'id', value: ({ forkedFromId }) => forkedFromId },
  jsonField(
    'rollouts',
    ({ rollouts }) => rollouts,
    // A single one stands in its own line.
    ({ rollouts }) => (rollouts.length > 1 ? rollouts.join('\n') : ''),
  ),
  jsonField(
    'history',
    ({ history }) => history,
    ({ history }) => (history ? formatHistory(history) : ''),
  ),
  jsonField(
    'tokens',
    ({ tokens }) => tokens,
    ({ tokens }) =>
      tokens
        ? `${formatPlural(tokens.total, 'token')} (${formatCount(tokens.input)} input, ${formatCount(tokens.cached)} of it cached; ${formatCount(tokens.output)} output) in ${formatPlural(tokens.responses, 'response')}`
        : '',
  ),
  jsonField(
    'children',
    ({ children }) => children,
    ({ children }) =>
      children
        .map((child) => [child.id, child.agent_nickname, child.status && `(${child.status})`])
        .map((parts) => parts.filter((part) => part).join(' '))
        .join(', '),
  ),
  jsonField(
    'dynamic_tools',
    ({ dynamicTools }) => dynamicTools,
    ({ dynamicTools }) => dynamicTools.join(', '),
  ),
  jsonField(
    'goal',
    ({ goal }) => goal,
    ({ goal }) => (goal ? `${goal.status}: ${goal.objective}` : ''),
  ),
  jsonField(
    'memory',
    ({ memory }) => memory,
    ({ memory }) => (memory ? String(memory.summary ?? '') : ''),
  ),
  { name: 'log_rows', kind: 'number', value: ({ logRowCount }) => logRowCount },
  jsonField(
    'places',
    ({ places }) => places,
    ({ places }) =>
      places.map(({ place, rows }) => (rows === null ? place : `${place} (${rows})`)).join('\n'),
  ),
]

export const THREAD_DETAIL_KIND: RecordKind<ThreadDetails> = {
  noun: 'thread',
  fields: DETAIL_FIELDS,
  shown: DETAIL_FIELDS.map(({ name }) => name),
  nameOf: ({ thread }) => thread.id,
  fileOf: ({ rollout }) => rollout.path,
}

function formatRollout({ path, exists, archived, compressed, size_bytes }: ThreadDetails['rollout']): string {
  if (exists === null) return `not to be seen here: ${path}`
  if (!exists) return `missing: ${path}`
  const facts = [formatBytes(size_bytes ?? 0), archived && 'archived', compressed && 'compressed']
  return cleanLine(`${path} (${facts.filter((fact) => fact).join(', ')})`)
}

/** `4 of 4 turns are shown`, and what is wrong where something is. */
export function formatHistory({
  state,
  problem,
  turns_shown: shown,
  turns,
}: NonNullable<ThreadDetails['history']>): string {
  const counts = `${shown} of ${formatPlural(turns, 'turn')} ${turns === 1 ? 'is' : 'are'} shown`
  return state === 'complete' ? counts : `${counts}: ${problem}`
}
