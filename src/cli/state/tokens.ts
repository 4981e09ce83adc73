import type { RecordKind } from '../../format/fields.js'
import { formatPlural } from '../../format/quantity.js'
import { formatSource, labelOf } from '../../format/thread-fields.js'
import type { TokenGroup } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import { growSpawnTrees, readSpawnEdges, type SpawnNode } from '../../query/spawn-tree.js'
import { findThreads } from '../../query/threads/find.js'
import { readTokenSums, readTokenThreads, type TokenSum } from '../../query/threads/sums.js'
import type { HomeFlags } from '../home-flags.js'
import type { CommandContext } from '../main.js'
import { mapPages, printedFieldNames, takeBackArgument, writeRecords } from './output.js'
import type { OutputFlags } from './output-flags.js'
import { type Session, withSession } from './session.js'
import { requireThread } from './thread-argument.js'

interface ThreadTokens {
  thread: ThreadRow
  label: string
}

export const THREAD_TOKEN_KIND: RecordKind<ThreadTokens> = {
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

export function createSumKind(group: TokenGroup): RecordKind<TokenSum> {
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

export interface TokenFlags extends HomeFlags, OutputFlags {
  by?: TokenGroup
}

export async function run(
  context: CommandContext,
  argument: string | undefined,
  flags: TokenFlags,
): Promise<void> {
  if (flags.by !== undefined) return runSums(context, argument, flags, flags.by)
  const text = takeBackArgument(THREAD_TOKEN_KIND, flags, argument)
  if (printedFieldNames(THREAD_TOKEN_KIND, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const ids = await resolveIds(text, session)
    const threads = session.openThreads()
    const toEntry = (thread: ThreadRow) => ({
      thread,
      label: labelOf({ thread, name: session.nameOf(thread) }),
    })
    const pages = ids
      ? [
          findThreads(threads, ids)
            .toSorted((a, b) => b.tokensUsed - a.tokensUsed)
            .map(toEntry),
        ]
      : mapPages(readTokenThreads(threads), toEntry)
    await writeRecords(THREAD_TOKEN_KIND, pages, flags, session)
    const [total] = readTokenSums(threads, 'total', { ids, isLocal: true })
    if (context.io.stdout.isTerminal && flags.json === undefined && total) {
      context.io.stdout.write(
        `${formatPlural(total.tokens, 'token')} in ${formatPlural(total.threadCount, 'thread')}\n`,
      )
    }
  })
}

async function runSums(
  context: CommandContext,
  argument: string | undefined,
  flags: TokenFlags,
  group: TokenGroup,
): Promise<void> {
  const kind = createSumKind(group)
  const text = takeBackArgument(kind, flags, argument)
  if (printedFieldNames(kind, flags, context.io)) return
  await withSession(context, flags, async (session) => {
    const ids = await resolveIds(text, session)
    // Days as a person counts them on a terminal, as machines do elsewhere.
    const isLocal = context.io.stdout.isTerminal && flags.json === undefined
    const stored = readTokenSums(session.openThreads(), group, { ids, isLocal })
    const sums = group === 'source' ? mergeSources(stored) : stored
    await writeRecords(kind, [sums], flags, session)
    if (isLocal && group !== 'total') {
      const tokens = sums.reduce((sum, row) => sum + row.tokens, 0)
      const threadCount = sums.reduce((sum, row) => sum + row.threadCount, 0)
      context.io.stdout.write(`${formatPlural(tokens, 'token')} in ${formatPlural(threadCount, 'thread')}\n`)
    }
  })
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
  const collect = (node: SpawnNode): string[] => [node.id, ...node.children.flatMap(collect)]
  return growSpawnTrees(readSpawnEdges(session.openThreads()), [id]).flatMap(collect)
}
