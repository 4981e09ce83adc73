import type { RecordKind } from '../../format/fields.js'
import { formatPlural } from '../../format/quantity.js'
import { formatSource, labelOf } from '../../format/thread-fields.js'
import { readFamily } from '../../inspect/thread-family.js'
import { TOKEN_GROUPS, type TokenGroup } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import { growSpawnTrees } from '../../query/spawn-tree.js'
import { findThreads } from '../../query/threads/find.js'
import { readTokenSums, readTokenThreads, type TokenSum } from '../../query/threads/sums.js'
import { choiceFlag } from '../flags.js'
import { defineListCommand, type Found } from '../records.js'
import { mapPages } from './output.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'
import { optionalThread, requireThread } from './thread-argument.js'

interface ThreadTokens {
  thread: ThreadRow
  label: string
}

type TokenRow = ThreadTokens | TokenSum

const FLAGS = { by: choiceFlag('<what>', TOKEN_GROUPS, 'sums instead of threads') }

const ARGS = { thread: optionalThread('a thread, with all that it spawned (default: all threads)') }

const THREAD_TOKEN_KIND: RecordKind<ThreadTokens> = {
  noun: 'thread',
  fields: [
    { name: 'id', kind: 'id', value: ({ thread }) => thread.id },
    { name: 'tokens_used', kind: 'number', heading: 'TOKENS', value: ({ thread }) => thread.tokensUsed },
    { name: 'updated_at', kind: 'time', value: ({ thread }) => thread.updatedAtMs },
    { name: 'model', kind: 'text', value: ({ thread }) => thread.model },
    {
      name: 'model_provider',
      kind: 'text',
      heading: 'PROVIDER',
      value: ({ thread }) => thread.modelProvider,
    },
    { name: 'source', kind: 'wordOrJson', value: ({ thread }) => thread.source },
    { name: 'cwd', kind: 'path', value: ({ thread }) => thread.cwd },
    { name: 'label', kind: 'text', heading: 'TITLE', value: ({ label }) => label },
  ],
  shown: ['id', 'tokens_used', 'updated_at', 'cwd', 'label'],
  nameOf: ({ thread }) => thread.id,
}

function createSumKind(group: TokenGroup): RecordKind<TokenSum> {
  return {
    noun: 'sum',
    fields: [
      {
        name: group,
        kind: group === 'cwd' ? 'path' : 'text',
        value: ({ key }) => key,
      },
      { name: 'tokens_used', kind: 'number', heading: 'TOKENS', value: ({ tokens }) => tokens },
      { name: 'threads', kind: 'number', value: ({ threadCount }) => threadCount },
    ],
    shown: [group, 'tokens_used', 'threads'],
    nameOf: ({ key }) => String(key),
  }
}

export const command = defineListCommand<TokenRow, typeof FLAGS, typeof ARGS>({
  kind: ({ by }) => (by === undefined ? THREAD_TOKEN_KIND : createSumKind(by)) as RecordKind<TokenRow>,
  variesBy: 'by',
  args: ARGS,
  flags: FLAGS,
  tables: ['threads', 'thread_spawn_edges'],
  async read(session, flags, args) {
    const ids = await resolveIds(args.thread, session)
    return flags.by === undefined ? readThreads(session, ids) : readSums(session, flags.by, ids, flags)
  },
})

function readThreads(session: Session, ids: string[] | undefined): Found<TokenRow> {
  const threads = session.openThreads()
  const toEntry = (thread: ThreadRow) => ({
    thread,
    label: labelOf({ thread, name: session.nameOf(thread) }),
  })
  return {
    pages: ids
      ? [
          findThreads(threads, ids)
            .toSorted((a, b) => b.tokensUsed - a.tokensUsed)
            .map(toEntry),
        ]
      : mapPages(readTokenThreads(threads), toEntry),
    footer() {
      const [total] = readTokenSums(threads, 'total', { ids, isLocal: true })
      return total && formatTotal(total.tokens, total.threadCount)
    },
  }
}

function readSums(
  session: Session,
  group: TokenGroup,
  ids: string[] | undefined,
  { json }: OutputFlags,
): Found<TokenRow> {
  // Days as a person counts them on a terminal, as machines do elsewhere.
  const isLocal = session.io.stdout.isTerminal && json === undefined
  const stored = readTokenSums(session.openThreads(), group, { ids, isLocal })
  const sums = group === 'source' ? mergeSources(stored) : stored
  return {
    pages: [sums],
    footer() {
      if (group === 'total') return undefined
      const tokens = sums.reduce((sum, row) => sum + row.tokens, 0)
      return formatTotal(
        tokens,
        sums.reduce((sum, row) => sum + row.threadCount, 0),
      )
    },
  }
}

function formatTotal(tokens: number, threadCount: number): string {
  return `${formatPlural(tokens, 'token')} in ${formatPlural(threadCount, 'thread')}`
}

/** Sources that name their parent are all different: what counts is what they say. */
function mergeSources(sums: readonly TokenSum[]): TokenSum[] {
  const merged = new Map<string, TokenSum>()
  for (const { key, tokens, threadCount } of sums) {
    const word = formatSource(key ?? '')
    const sum = merged.get(word) ?? { key: word, tokens: 0, threadCount: 0 }
    merged.set(word, { ...sum, tokens: sum.tokens + tokens, threadCount: sum.threadCount + threadCount })
  }
  return [...merged.values()].sort((a, b) => b.tokens - a.tokens)
}

/** The thread and all that it spawned, or `undefined` for all threads. */
async function resolveIds(text: string | undefined, session: Session): Promise<string[] | undefined> {
  if (text === undefined) return undefined
  const { id } = await requireThread(text, session)
  const edges = await readFamily(session.openThreads(), session.codexHome)
  return growSpawnTrees(edges, [id]).map((node) => node.id)
}
