import type { RecordKind } from '../../format/fields.js'
import { labelOf } from '../../format/thread-fields.js'
import type { ThreadRow } from '../../model/thread.js'
import { findSpawnRoots, growSpawnTrees, readSpawnEdges, type SpawnNode } from '../../query/spawn-tree.js'
import { findThreads } from '../../query/threads/find.js'
import { defineListCommand } from '../records.js'
import type { Session } from './session.js'
import { optionalThread, requireThread } from './thread-argument.js'

interface TreeRow {
  node: SpawnNode
  /** `├─ ` and the like. */
  branch: string
  /** `undefined` where an edge leads to a thread without a row. */
  thread: ThreadRow | undefined
  label: string
  subtreeTokens: number
  subtreeThreads: number
}

const TREE_KIND: RecordKind<TreeRow> = {
  noun: 'spawned thread',
  fields: [
    { name: 'id', kind: 'text', value: ({ node }) => node.id, cell: ({ node }) => node.id.slice(0, 13) },
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
    { name: 'tokens_used', kind: 'number', heading: 'TOKENS', value: ({ thread }) => thread?.tokensUsed },
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
  kind: TREE_KIND,
  args: { thread: optionalThread('the thread whose tree it is (default: all)') },
  tables: ['threads', 'thread_spawn_edges'],
  emptyText: 'no thread has spawned another',
  isFaint: ({ thread }) => thread?.isArchived ?? true,
  async read(session, _, args) {
    const edges = readSpawnEdges(session.openThreads())
    const roots =
      args.thread === undefined ? findSpawnRoots(edges) : [(await requireThread(args.thread, session)).id]
    const trees = growSpawnTrees(edges, roots)
    return [trees.length === 0 ? [] : readTreeRows(trees, session)]
  },
})

function readTreeRows(trees: readonly SpawnNode[], session: Session): TreeRow[] {
  const ids: string[] = []
  const collect = (node: SpawnNode) => {
    ids.push(node.id)
    node.children.forEach(collect)
  }
  trees.forEach(collect)
  const threads = new Map(findThreads(session.openThreads(), ids).map((thread) => [thread.id, thread]))
  const rows: TreeRow[] = []
  function add(node: SpawnNode, indent: string, isLast: boolean): { tokens: number; count: number } {
    const thread = threads.get(node.id)
    const row: TreeRow = {
      node,
      branch: node.depth === 0 ? '' : `${indent}${isLast ? '└─ ' : '├─ '}`,
      thread,
      label: thread ? labelOf({ thread, name: session.nameOf(thread) }) : '',
      subtreeTokens: 0,
      subtreeThreads: 0,
    }
    rows.push(row)
    let tokens = thread?.tokensUsed ?? 0
    let count = 1
    for (const [index, child] of node.children.entries()) {
      const below = node.depth === 0 ? '' : `${indent}${isLast ? '   ' : '│  '}`
      const sums = add(child, below, index === node.children.length - 1)
      tokens += sums.tokens
      count += sums.count
    }
    row.subtreeTokens = tokens
    row.subtreeThreads = count
    return { tokens, count }
  }
  for (const tree of trees) add(tree, '', true)
  return rows
}
