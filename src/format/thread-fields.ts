import type { ThreadRow } from '../model/thread.js'
import {
  THREAD_OUTPUT,
  type ThreadFieldName,
  type ThreadField as ThreadOutput,
} from '../model/thread-output.js'
import type { Field, FieldKind, FieldValue, RecordKind } from './fields.js'

/** A thread as it is listed. */
export interface ThreadEntry {
  thread: ThreadRow
  name: string | null
  /** `null` outside of a list. */
  cursor: string | null
  /** What it used by its rollouts, where these were read. */
  totalTokens?: number | undefined
}

/** Where a table says it in another form than the field's kind would. */
const CELLS: Partial<Record<ThreadFieldName, Pick<Field<ThreadEntry>, 'cell' | 'heading' | 'brief'>>> = {
  archived: { cell: ({ thread }) => (thread.isArchived ? 'archived' : '') },
  source: {
    cell: ({ thread }) => formatSource(thread.source),
    brief: { heading: 'FROM', cell: ({ thread }) => briefSource(thread.source) },
  },
  cwd: { brief: { heading: 'FOLDER', cell: ({ thread }) => lastPart(thread.cwd) } },
  tokens_used: { heading: 'ROW TOKENS' },
  total_tokens: { heading: 'TOKENS' },
  model_provider: { heading: 'PROVIDER' },
  label: {
    heading: 'TITLE',
    brief: { heading: 'TITLE', cell: briefLabel },
  },
}

export const THREAD_FIELDS: readonly Field<ThreadEntry>[] = Object.entries(THREAD_OUTPUT).map(
  ([name, output]) => ({
    name,
    kind: kindOf(output),
    value: readerOf(output),
    ...CELLS[name as ThreadFieldName],
  }),
)

export const THREAD_KIND: RecordKind<ThreadEntry> = {
  noun: 'thread',
  fields: THREAD_FIELDS,
  shown: ['id', 'updated_at', 'archived', 'source', 'model_provider', 'cwd', 'label'],
  shownInTable: ['id', 'updated_at', 'source', 'cwd', 'total_tokens', 'label'],
  nameOf: ({ thread }) => thread.id,
  fileOf: ({ thread }) => thread.rolloutPath,
}

function kindOf(output: ThreadOutput): FieldKind {
  if ('made' in output) return output.made === 'totalTokens' ? 'number' : 'text'
  return output.kind === 'millis' || output.kind === 'seconds' ? 'time' : output.kind
}

function readerOf(output: ThreadOutput): (entry: ThreadEntry) => FieldValue {
  if ('made' in output) {
    switch (output.made) {
      case 'name':
        return ({ name }) => name
      case 'label':
        return labelOf
      case 'cursor':
        return ({ cursor }) => cursor
      case 'totalTokens':
        return ({ totalTokens, thread }) => totalTokens ?? thread.tokensUsed
      case 'tokensFrom':
        return ({ totalTokens }) => (totalTokens === undefined ? 'row' : 'rollout')
      default:
        return output satisfies never
    }
  }
  const { property, kind } = output
  // Nothing is stored there: an empty text is no JSON.
  if (kind === 'json') return ({ thread }) => thread[property] || null
  if (kind !== 'seconds') return ({ thread }) => thread[property]
  return ({ thread }) => {
    const seconds = thread[property]
    return typeof seconds === 'number' ? seconds * 1000 : seconds
  }
}

/** What a list calls a thread. */
export function labelOf({ thread, name }: Pick<ThreadEntry, 'thread' | 'name'>): string {
  return name || thread.title || thread.preview || thread.firstUserMessage || ''
}

/** With what matters of a thread that is not one a person began and has open: by another thread, or put away. */
function briefLabel(entry: ThreadEntry): string {
  const { source, isArchived } = entry.thread
  const branch = formatSource(source).startsWith('subagent') ? '└ ' : ''
  return `${branch}${isArchived ? '(archived) ' : ''}${labelOf(entry)}`
}

/** `cli`, `review`, `subagent`. */
function briefSource(stored: string): string {
  const source = formatSource(stored)
  return source === 'subagent:thread_spawn' ? 'subagent' : source.slice(source.indexOf(':') + 1)
}

/** The folder's own name; `/` is its own. */
function lastPart(path: string): string {
  return /[^\\/]+(?=[\\/]*$)/.exec(path)?.[0] ?? path
}

/** `cli`; of a JSON source its kind and what it says: `subagent:review`, `subagent:thread_spawn`. */
export function formatSource(stored: string): string {
  if (!stored.startsWith('{')) return stored
  try {
    const [kind, inner] = Object.entries(JSON.parse(stored))[0] ?? ['']
    if (typeof inner === 'string') return `${kind}:${inner}`
    const [innerKind, value] = Object.entries(inner ?? {})[0] ?? ['']
    return `${kind}:${typeof value === 'string' ? value : innerKind}`
  } catch {
    return stored
  }
}
