import type { RecordKind } from '../../format/fields.js'
import { labelOf } from '../../format/thread-fields.js'
import { readFamily } from '../../inspect/thread-family.js'
import type { ThreadTokens } from '../../inspect/thread-tokens.js'
import { readCheapTokens } from '../../inspect/token-ledger.js'
import type { ThreadHistory } from '../../model/history.js'
import type { ThreadRow } from '../../model/thread.js'
import { SHORT_ID_LENGTH, shortenId } from '../../model/uuid.js'
import { drawBranches, findSpawnRoots, growSpawnTrees, type SpawnNode } from '../../query/spawn-tree.js'
import { findThreads } from '../../query/threads/find.js'
import { defineListCommand } from '../records.js'
import { tellHiddenTurns } from './history-look.js'
import type { Session } from './session.js'
import { optionalThread, requireThread } from './thread-argument.js'

interface TreeRow {
  node: SpawnNode
  /** `├─ ` and the like. */
  branch: string
  /** `undefined` where an edge leads to a thread without a row. */
  thread: ThreadRow | undefined
  label: string
  /** What was used, as far as its rollouts are there and small enough to be read by the way; else the row's number. */
  tokens: number | undefined
  tokensFrom: 'rollout' | 'row' | null
  /** What its rollouts say, where they were read: more than one where it was reverted. */
  told: ThreadTokens | undefined
  /** How its chat stands where Codex does not show all of it. */
  history: ThreadHistory | undefined
  subtreeTokens: number
  subtreeThreads: number
}

const TREE_KIND: RecordKind<TreeRow> = {
  noun: 'spawned thread',
  fields: [
    {
      name: 'id',
      kind: 'text',
      minWidth: SHORT_ID_LENGTH,
      value: ({ node }) => node.id,
      cell: ({ node }) => shortenId(node.id),
    },
    { name: 'parent_thread_id', kind: 'id', value: ({ node }) => node.parentId },
    { name: 'depth', kind: 'number', value: ({ node }) => node.depth },
    {
      name: 'agent_nickname',
      kind: 'text',
      heading: 'AGENT',
      value: ({ thread }) => thread?.agentNickname,
      cell: ({ branch, thread, node }) =>
        branch + (thread?.agentNickname ?? (thread ? (node.depth === 0 ? 'main' : 'agent') : 'no row')),
    },
    { name: 'agent_role', kind: 'text', heading: 'ROLE', value: ({ thread }) => thread?.agentRole },
    { name: 'status', kind: 'text', value: ({ node }) => node.status },
    { name: 'tokens_used', kind: 'number', heading: 'TOKENS', value: ({ tokens }) => tokens },
    { name: 'tokens_from', kind: 'text', value: ({ tokensFrom }) => tokensFrom },
    {
      name: 'forked_from_id',
      kind: 'id',
      value: ({ told }) => told?.rollouts.find(({ forkedFromId }) => forkedFromId !== null)?.forkedFromId,
    },
    { name: 'history', kind: 'text', value: ({ history }) => history?.state },
    { name: 'rollouts', kind: 'number', value: ({ told }) => told?.rollouts.length },
    { name: 'subtree_tokens', kind: 'number', value: ({ subtreeTokens }) => subtreeTokens },
    { name: 'subtree_threads', kind: 'number', value: ({ subtreeThreads }) => subtreeThreads },
    { name: 'updated_at', kind: 'time', value: ({ thread }) => thread?.updatedAtMs },
    { name: 'archived', kind: 'flag', value: ({ thread }) => thread?.isArchived },
    { name: 'label', kind: 'text', heading: 'TITLE', value: ({ label }) => label },
  ],
  shown: ['agent_nickname', 'id', 'agent_role', 'status', 'tokens_used', 'subtree_tokens', 'label'],
  nameOf: ({ node }) => node.id,
}

export const command = defineListCommand({
  examples: ['threads tree last'],
  kind: TREE_KIND,
  args: { thread: optionalThread('the thread whose tree it is (default: all)') },
  tables: ['threads', 'thread_spawn_edges'],
  emptyText: 'no thread has spawned another',
  isFaint: ({ thread }) => thread?.isArchived ?? true,
  async read(session, _, args) {
    const edges = await readFamily(session.openThreads(), session.codexHome)
    const roots =
      args.thread === undefined ? findSpawnRoots(edges) : [(await requireThread(args.thread, session)).id]
    const trees = growSpawnTrees(edges, roots)
    if (trees.length === 0) return [[]]
    const ids = trees.map(({ id }) => id)
    const told = await readCheapTokens(session.codexHome, new Set(ids))
    // Where that is too much to be read by the way, this is too.
    const histories = told && (await tellHiddenTurns(session, ids))
    return [readTreeRows(trees, { told, histories }, session)]
  },
})

function readTreeRows(
  nodes: readonly SpawnNode[],
  {
    told,
    histories,
  }: {
    told: ReadonlyMap<string, ThreadTokens> | undefined
    histories: ReadonlyMap<string, ThreadHistory> | undefined
  },
  session: Session,
): TreeRow[] {
  const ids = nodes.map(({ id }) => id)
  const threads = new Map(findThreads(session.openThreads(), ids).map((thread) => [thread.id, thread]))
  const tokensOf = (id: string) => told?.get(id)?.usage.total ?? threads.get(id)?.tokensUsed
  /** Sums over what stands before each row, so that those of a subtree are a difference. */
  const tokensBefore = [0]
  for (const id of ids) tokensBefore.push(tokensBefore.at(-1)! + (tokensOf(id) ?? 0))
  const branches = drawBranches(nodes)
  return nodes.map((node, index) => {
    const thread = threads.get(node.id)
    return {
      node,
      branch: branches[index]!,
      thread,
      label: thread ? labelOf({ thread, name: session.nameOf(thread) }) : '',
      tokens: tokensOf(node.id),
      tokensFrom: told?.has(node.id) ? 'rollout' : thread ? 'row' : null,
      told: told?.get(node.id),
      history: histories?.get(node.id),
      subtreeTokens: tokensBefore[index + node.belowCount + 1]! - tokensBefore[index]!,
      subtreeThreads: node.belowCount + 1,
    }
  })
}
