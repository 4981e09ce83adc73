import type { RecordKind } from '../../format/fields.js'
import { labelOf } from '../../format/thread-fields.js'
import { readFamily } from '../../inspect/thread-family.js'
import type { ThreadRow } from '../../model/thread.js'
import { findSpawnRoots, growSpawnTrees, type SpawnNode } from '../../query/spawn-tree.js'
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
    const edges = await readFamily(session.openThreads(), session.codexHome)
    const roots =
      args.thread === undefined ? findSpawnRoots(edges) : [(await requireThread(args.thread, session)).id]
    const trees = growSpawnTrees(edges, roots)
    return [trees.length === 0 ? [] : readTreeRows(trees, session)]
  },
})

function readTreeRows(nodes: readonly SpawnNode[], session: Session): TreeRow[] {
  const ids = nodes.map(({ id }) => id)
  const threads = new Map(findThreads(session.openThreads(), ids).map((thread) => [thread.id, thread]))
  /** Sums over what stands before each row, so that those of a subtree are a difference. */
  const tokensBefore = [0]
  for (const id of ids) tokensBefore.push(tokensBefore.at(-1)! + (threads.get(id)?.tokensUsed ?? 0))
  /** Of the rows above, by depth, whether another one of the same parent follows. */
  const lines: boolean[] = []
  return nodes.map((node, index) => {
    const thread = threads.get(node.id)
    lines.length = node.depth
    const branch = drawBranch(lines, node)
    lines.push(!node.isLast)
    return {
      node,
      branch,
      thread,
      label: thread ? labelOf({ thread, name: session.nameOf(thread) }) : '',
      subtreeTokens: tokensBefore[index + node.belowCount + 1]! - tokensBefore[index]!,
      subtreeThreads: node.belowCount + 1,
    }
  })
}

/** Deeper than this only the depth tells where a thread hangs. */
const MAX_DRAWN_DEPTH = 30

function drawBranch(lines: readonly boolean[], { depth, isLast }: SpawnNode): string {
  if (depth === 0) return ''
  const drawn = lines.slice(1, MAX_DRAWN_DEPTH).map((goesOn) => (goesOn ? '│  ' : '   '))
  return `${drawn.join('')}${depth > MAX_DRAWN_DEPTH ? '… ' : ''}${isLast ? '└─ ' : '├─ '}`
}
