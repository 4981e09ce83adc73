import type { Field, RecordKind } from '../../format/fields.js'
import { explainRow } from '../../inspect/thread-tokens.js'
import type { ThreadTokenEntry, TokenGroupSum, UsedTokens } from '../../inspect/token-lists.js'
import type { TokenGroup } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import { shortenId } from '../../model/uuid.js'

export interface ThreadTokenRecord extends ThreadTokenEntry {
  /** `undefined` for a thread that only has rollouts. */
  row: ThreadRow | undefined
  label: string
}

function usageFields<Row extends UsedTokens>(): Field<Row>[] {
  return [
    { name: 'input_tokens', kind: 'number', heading: 'INPUT', value: ({ usage }) => usage.input },
    { name: 'cached_input_tokens', kind: 'number', heading: 'CACHED', value: ({ usage }) => usage.cached },
    { name: 'output_tokens', kind: 'number', heading: 'OUTPUT', value: ({ usage }) => usage.output },
    {
      name: 'reasoning_output_tokens',
      kind: 'number',
      heading: 'REASONING',
      value: ({ usage }) => usage.reasoning,
    },
    { name: 'total_tokens', kind: 'number', heading: 'TOTAL', value: ({ usage }) => usage.total },
    { name: 'responses', kind: 'number', value: ({ responses }) => responses },
  ]
}

const SHOWN_USAGE = usageFields().map(({ name }) => name)

const THREAD_FIELDS: readonly Field<ThreadTokenRecord>[] = [
  { name: 'id', kind: 'id', value: ({ id }) => id },
  // Of a thread without a rollout nothing is known.
  ...usageFields<ThreadTokenRecord>().map((field) => ({
    ...field,
    value: (record: ThreadTokenRecord) => (record.told ? field.value(record) : null),
  })),
  {
    name: 'tokens_from',
    kind: 'text',
    value: ({ told }) => (told ? 'rollout' : 'row'),
  },
  { name: 'row_tokens_used', kind: 'number', value: ({ row }) => row?.tokensUsed },
  {
    name: 'row_differs_by',
    kind: 'text',
    value: ({ row, told }) => (row && told ? explainRow(row, told).join(', ') || null : null),
  },
  { name: 'updated_at', kind: 'time', value: ({ row }) => row?.updatedAtMs },
  { name: 'model', kind: 'text', value: ({ row }) => row?.model },
  { name: 'model_provider', kind: 'text', heading: 'PROVIDER', value: ({ row }) => row?.modelProvider },
  { name: 'source', kind: 'wordOrJson', value: ({ row }) => row?.source },
  { name: 'cwd', kind: 'path', value: ({ row }) => row?.cwd },
  { name: 'parent_thread_id', kind: 'id', value: ({ parentId }) => parentId },
  { name: 'depth', kind: 'number', value: ({ depth }) => depth },
  { name: 'subtree_tokens', kind: 'number', heading: 'SUBTREE', value: ({ subtreeTokens }) => subtreeTokens },
  { name: 'label', kind: 'text', heading: 'TITLE', value: ({ label }) => label },
]

export const THREAD_TOKEN_KIND: RecordKind<ThreadTokenRecord> = {
  noun: 'thread',
  fields: THREAD_FIELDS,
  shown: ['id', ...SHOWN_USAGE, 'label'],
  nameOf: ({ id }) => id,
}

export const TOKEN_TREE_KIND: RecordKind<ThreadTokenRecord> = {
  ...THREAD_TOKEN_KIND,
  fields: THREAD_FIELDS.map((field) =>
    field.name === 'id'
      ? { ...field, kind: 'text', cell: ({ id, branch }) => branch + shortenId(id) }
      : field,
  ),
  shown: ['id', ...SHOWN_USAGE, 'subtree_tokens', 'label'],
}

export function createSumKind(groups: readonly TokenGroup[]): RecordKind<TokenGroupSum> {
  return {
    noun: 'sum',
    fields: [
      ...groups.map(
        (group, index): Field<TokenGroupSum> => ({
          name: group,
          kind: group === 'cwd' ? 'path' : group === 'thread' || group === 'turn' ? 'id' : 'text',
          value: ({ keys }) => keys[index],
        }),
      ),
      ...usageFields<TokenGroupSum>(),
      { name: 'threads', kind: 'number', value: ({ threadCount }) => threadCount },
    ],
    shown: [...groups, ...SHOWN_USAGE, 'threads'],
    nameOf: ({ keys }) => keys.join(' '),
  }
}
