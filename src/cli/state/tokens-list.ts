import { setFlagsFromString } from 'node:v8'
import { StateError } from '../../errors.js'
import type { Field, RecordKind } from '../../format/fields.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import { formatSource, labelOf } from '../../format/thread-fields.js'
import { readFamily } from '../../inspect/thread-family.js'
import { addUp, explainRow, gatherThreads, type ThreadTokens } from '../../inspect/thread-tokens.js'
import { readLedgerSums } from '../../inspect/token-ledger.js'
import { TOKEN_GROUPS, type TokenGroup } from '../../model/inspection.js'
import type { ThreadRow } from '../../model/thread.js'
import type { TokenUsage } from '../../model/turn.js'
import { drawBranches, findSpawnRoots, growSpawnTrees, type SpawnEdge } from '../../query/spawn-tree.js'
import { pageWithRows, readTokenRows, type TokenRow } from '../../query/threads/sums.js'
import {
  createTokenSums,
  type RolloutSums,
  type TokenQuestion,
  type TokenSum,
} from '../../rollout/token-sums.js'
import { choicesFlag, onFlag, textFlag } from '../flags.js'
import { parseTime, TIME_LOOK } from '../options.js'
import { defineListCommand, type FoundRecords } from '../records.js'
import { mapPages } from './output.js'
import type { Session } from './session.js'
import { optionalThread, requireThread } from './thread-argument.js'

interface Used {
  usage: TokenUsage
  responses: number
}

interface ThreadRecord extends Used {
  id: string
  /** `undefined` for a thread that only has rollouts. */
  row: ThreadRow | undefined
  /** `undefined` for a thread that only has a row. */
  told: ThreadTokens | undefined
  label: string
  parentId: string | null
  depth: number
  branch: string
  subtreeTokens: number
}

interface SumRecord extends Used {
  keys: (string | null)[]
  threadCount: number
}

type TokenRecord = ThreadRecord | SumRecord

function usageFields<Row extends Used>(): Field<Row>[] {
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

const THREAD_FIELDS: readonly Field<ThreadRecord>[] = [
  { name: 'id', kind: 'id', value: ({ id }) => id },
  // Of a thread without a rollout nothing is known.
  ...usageFields<ThreadRecord>().map((field) => ({
    ...field,
    value: (record: ThreadRecord) => (record.told ? field.value(record) : null),
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

const THREAD_TOKEN_KIND: RecordKind<ThreadRecord> = {
  noun: 'thread',
  fields: THREAD_FIELDS,
  shown: ['id', ...SHOWN_USAGE, 'label'],
  nameOf: ({ id }) => id,
}

const TREE_KIND: RecordKind<ThreadRecord> = {
  ...THREAD_TOKEN_KIND,
  fields: THREAD_FIELDS.map((field) =>
    field.name === 'id'
      ? { ...field, kind: 'text', cell: ({ id, branch }) => branch + id.slice(0, 13) }
      : field,
  ),
  shown: ['id', ...SHOWN_USAGE, 'subtree_tokens', 'label'],
}

function createSumKind(groups: readonly TokenGroup[]): RecordKind<SumRecord> {
  return {
    noun: 'sum',
    fields: [
      ...groups.map(
        (group, index): Field<SumRecord> => ({
          name: group,
          kind: group === 'cwd' ? 'path' : group === 'thread' || group === 'turn' ? 'id' : 'text',
          value: ({ keys }) => keys[index],
        }),
      ),
      ...usageFields<SumRecord>(),
      { name: 'threads', kind: 'number', value: ({ threadCount }) => threadCount },
    ],
    shown: [...groups, ...SHOWN_USAGE, 'threads'],
    nameOf: ({ keys }) => keys.join(' '),
  }
}

const FLAGS = {
  by: choicesFlag('<what>', TOKEN_GROUPS, 'sums by one or two of these (day,model)'),
  tree: onFlag('threads below those that started them, with the sums of all below'),
  since: textFlag('<time>', 'used not before 2026-02-06, 3d, 2h30m, yesterday …', TIME_LOOK),
  until: textFlag('<time>', 'used not after that', TIME_LOOK),
}

const ARGS = { thread: optionalThread('a thread, with all that it spawned (default: all threads)') }

export const command = defineListCommand<TokenRecord, typeof FLAGS, typeof ARGS>({
  examples: ['tokens list --by day,model --since 7d', 'tokens list last --tree'],
  kind: ({ by, tree }) =>
    (isByThread(by) ? (tree ? TREE_KIND : THREAD_TOKEN_KIND) : createSumKind(by)) as RecordKind<TokenRecord>,
  variesBy: 'by',
  args: ARGS,
  flags: FLAGS,
  tables: ['threads', 'thread_spawn_edges'],
  emptyText: 'no tokens were used',
  exitsWith1: 'a rollout cannot be read',
  notes: `What the server charged, read from the rollouts response by response: what a fork copied counts where it was used,
not again in the fork. Cached is part of input, reasoning of output. A row's own number (row_tokens_used) is another one
where row_differs_by says why: inherited (a fork counts on), windowFull (set to the window's size), restarted (a resume
of 0.153 began at nothing), reverted, behind. A thread without a rollout is shown with only its row's number
(tokens_from is row), and is in no sum.`,
  isFaint: (record) => 'row' in record && record.told === undefined,
  async read(session, flags, args) {
    const { by, tree } = flags
    if (by && new Set(by).size > 2) throw new StateError('USAGE', '--by takes two at most')
    if (tree && !isByThread(by)) throw new StateError('USAGE', '--tree and --by exclude each other')
    const isByLocalDay = session.io.stdout.isTerminal && flags.json === undefined
    const question: TokenQuestion = {
      groups: isByThread(by) ? [] : by,
      ...(await resolveSpan(flags, session)),
      // Days as a person counts them on a terminal, as machines do elsewhere.
      isLocal: isByLocalDay,
    }
    const scope = await resolveScope(args.thread, session)
    const rollouts = await readRollouts(session, question, scope)
    return isByThread(by)
      ? foundThreads(rollouts, { session, scope, isTree: tree === true, isSpan: isSpan(question) })
      : foundSums(rollouts, by, { session, scope, isSpan: isSpan(question) })
  },
})

function isByThread(by: readonly TokenGroup[] | undefined): by is undefined {
  return by === undefined || (by.length === 1 && by[0] === 'thread')
}

function isSpan({ sinceMs, untilMs }: TokenQuestion): boolean {
  return sinceMs !== undefined || untilMs !== undefined
}

async function resolveSpan(
  { since, until }: { since?: string | undefined; until?: string | undefined },
  { nowMs }: Session,
): Promise<Pick<TokenQuestion, 'sinceMs' | 'untilMs'>> {
  const toMs = async (text: string | undefined, edge: 'start' | 'end') => {
    if (text === undefined) return undefined
    const { seconds, nanos } = await parseTime(text, edge, { nowMs, zone: undefined })
    return seconds * 1000 + Math.floor(nanos / 1e6)
  }
  return { sinceMs: await toMs(since, 'start'), untilMs: await toMs(until, 'end') }
}

/** Which threads are asked for, and who spawned whom. */
interface Scope {
  edges: SpawnEdge[]
  /** `undefined` for all threads. */
  rootId: string | undefined
  ids: ReadonlySet<string> | undefined
}

async function resolveScope(text: string | undefined, session: Session): Promise<Scope> {
  const rootId = text === undefined ? undefined : (await requireThread(text, session)).id
  const threads = session.tryOpenThreads()
  const edges = threads ? await readFamily(threads, session.codexHome) : []
  const ids = rootId === undefined ? undefined : new Set(growSpawnTrees(edges, [rootId]).map(({ id }) => id))
  return { edges, rootId, ids }
}

async function readRollouts(
  session: Session,
  question: TokenQuestion,
  { ids }: Scope,
): Promise<RolloutSums[]> {
  const rollouts: RolloutSums[] = []
  const { startWorker } = session.io
  // What is read here is garbage at once: with a growing nursery it would be most of the memory.
  if (startWorker) setFlagsFromString('--semi-space-growth-factor=1')
  for await (const entry of readLedgerSums(session.codexHome, { question, threadIds: ids, startWorker })) {
    if (entry.kind === 'sums') {
      rollouts.push(entry)
      continue
    }
    session.notice(entry.kind === 'unreadableRollout' ? entry.reason : `${entry.path}: ${entry.reason}`)
    session.fail()
  }
  const damaged = rollouts.filter(({ badLineCount }) => badLineCount > 0)
  if (damaged.length > 0) {
    const count = damaged.reduce((sum, { badLineCount }) => sum + badLineCount, 0)
    session.notice(
      `${formatPlural(count, 'line')} of tokens cannot be parsed, and what ${count === 1 ? 'it says is' : 'they say is'} in no sum: ${damaged[0]!.path}${damaged.length > 1 ? ` and ${formatPlural(damaged.length - 1, 'other rollout')}` : ''}`,
    )
  }
  // A home without rollouts and without a database is none.
  if (rollouts.length === 0) session.openThreads()
  return rollouts
}

/** Threads of which only a row is left, so that nobody knows what they used. */
function findRowsAlone(
  rows: readonly TokenRow[],
  told: ReadonlyMap<string, unknown>,
  { ids }: Scope,
): TokenRow[] {
  return rows.filter(
    ({ id, tokensUsed }) => tokensUsed > 0 && !told.has(id) && (ids === undefined || ids.has(id)),
  )
}

function tellRowsAlone(rows: readonly { tokensUsed: number }[], session: Session): void {
  if (rows.length === 0) return
  const sum = rows.reduce((total, { tokensUsed }) => total + tokensUsed, 0)
  session.notice(
    `${formatPlural(rows.length, 'thread')} without a rollout: ${rows.length === 1 ? 'its row says' : 'their rows say'} ${formatPlural(sum, 'token')}, which ${rows.length === 1 && sum === 1 ? 'is' : 'are'} in no sum`,
  )
}

function foundThreads(
  rollouts: readonly RolloutSums[],
  { session, scope, isTree, isSpan }: { session: Session; scope: Scope; isTree: boolean; isSpan: boolean },
): FoundRecords<TokenRecord> {
  const told = gatherThreads(rollouts)
  const threads = session.tryOpenThreads()
  const tokenRows = threads ? readTokenRows(threads) : []
  const alone = findRowsAlone(tokenRows, told, scope)
  tellRowsAlone(alone, session)
  const shown = new Set([...told.keys(), ...(isSpan ? [] : alone.map(({ id }) => id))])
  const known = new Set(scope.edges.map(({ childId }) => childId))
  const edges = [
    ...scope.edges,
    // Threads without a row are known only from the rollout.
    ...[...told.values()].flatMap(({ threadId, parentThreadId }) =>
      parentThreadId === null || known.has(threadId)
        ? []
        : [{ parentId: parentThreadId, childId: threadId, status: null }],
    ),
  ]
  const totalOf = (id: string) => told.get(id)?.usage.total ?? 0
  const roots = scope.rootId === undefined ? rootsOf(shown, edges) : [scope.rootId]
  const nodes = growSpawnTrees(edges, roots)
  const before = [0]
  for (const { id } of nodes) before.push(before.at(-1)! + totalOf(id))
  const branches = drawBranches(nodes)
  const records = nodes.map((node, index): ThreadRecord => {
    const own = told.get(node.id)
    return {
      id: node.id,
      row: undefined,
      told: own,
      usage: own?.usage ?? addUp([]).usage,
      responses: own?.responses ?? 0,
      label: '',
      parentId: node.parentId,
      depth: node.depth,
      branch: branches[index]!,
      subtreeTokens: before[index + node.belowCount + 1]! - before[index]!,
    }
  })
  const listed = isTree
    ? treesByTokens(records)
    : records
        .filter(({ id, responses }) => (isSpan ? responses > 0 : shown.has(id)))
        .sort((a, b) => b.usage.total - a.usage.total || (a.id < b.id ? 1 : -1))
  const bytes = new Map(tokenRows.map(({ id, textBytes }) => [id, textBytes]))
  const pages = threads
    ? mapPages(
        pageWithRows(threads, listed, (id) => bytes.get(id) ?? 0),
        (record) => ({
          ...record,
          label: record.row ? labelOf({ thread: record.row, name: session.nameOf(record.row) }) : '',
        }),
      )
    : [listed]
  return { pages, footer: () => formatTotal(addUsed([...told.values()]), told.values()) }
}

function rootsOf(ids: ReadonlySet<string>, edges: readonly SpawnEdge[]): string[] {
  const children = new Set(edges.map(({ childId }) => childId))
  return [...new Set([...findSpawnRoots(edges), ...[...ids].filter((id) => !children.has(id))])]
}

/** Trees that used most first; what used nothing at all is left out. */
function treesByTokens(records: readonly ThreadRecord[]): ThreadRecord[] {
  const trees: ThreadRecord[][] = []
  for (const record of records) {
    if (record.depth === 0) trees.push([])
    trees.at(-1)!.push(record)
  }
  return trees
    .filter((tree) => tree.some(({ responses, told }) => responses > 0 || told === undefined))
    .sort((a, b) => b[0]!.subtreeTokens - a[0]!.subtreeTokens)
    .flat()
}

function foundSums(
  rollouts: readonly RolloutSums[],
  groups: readonly TokenGroup[],
  { session, scope, isSpan }: { session: Session; scope: Scope; isSpan: boolean },
): FoundRecords<TokenRecord> {
  const told = gatherThreads(rollouts)
  const threads = session.tryOpenThreads()
  if (!isSpan && threads) tellRowsAlone(findRowsAlone(readTokenRows(threads), told, scope), session)
  const sums = createTokenSums()
  const threadIds = new Map<TokenSum, Set<string>>()
  for (const { threadId, sums: own } of rollouts) {
    for (const { keys, usage, responses } of own) {
      // Sources that name their parent are all different: what counts is what they say.
      const shown = keys.map((key, index) =>
        groups[index] === 'source' && key !== null ? formatSource(key) : key,
      )
      const sum = sums.add(shown, usage, responses)
      threadIds.set(sum, (threadIds.get(sum) ?? new Set()).add(threadId))
    }
  }
  const isTime = (group: TokenGroup | undefined) => group === 'day' || group === 'week' || group === 'month'
  const records = sums
    .list()
    .map((sum) => ({ ...sum, threadCount: threadIds.get(sum)?.size ?? 0 }))
    .sort((a, b) => {
      for (const index of groups.keys()) {
        const [left, right] = [a.keys[index] ?? '', b.keys[index] ?? '']
        // Times newest first, all else by what was used.
        if (isTime(groups[index]) && left !== right) return left < right ? 1 : -1
      }
      return b.usage.total - a.usage.total || (a.keys.join() < b.keys.join() ? -1 : 1)
    })
  return {
    pages: [records],
    footer() {
      if (groups.includes('total')) return undefined
      return formatTotal(addUsed(records), told.values())
    },
  }
}

function addUsed(used: readonly Used[]): Used {
  return addUp(used.map(({ usage, responses }) => ({ keys: [], usage, responses })))
}

function formatTotal({ usage, responses }: Used, threads: Iterable<Used>): string {
  const threadCount = [...threads].filter((thread) => thread.responses > 0).length
  const parts = `${formatCount(usage.input)} input, ${formatCount(usage.cached)} of it cached; ${formatCount(usage.output)} output`
  return `${formatPlural(usage.total, 'token')} (${parts}) in ${formatPlural(responses, 'response')} of ${formatPlural(threadCount, 'thread')}`
}
