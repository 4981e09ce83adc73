import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import { formatSource, labelOf } from '../../format/thread-fields.js'
import { readFamily } from '../../inspect/thread-family.js'
import { gatherThreads } from '../../inspect/thread-tokens.js'
import { readLedgerSums } from '../../inspect/token-ledger.js'
import {
  addUsed,
  findRowsAlone,
  listThreadTokens,
  sumTokensByGroup,
  type TokenGroupSum,
  type TokenScope,
  type UsedTokens,
} from '../../inspect/token-lists.js'
import { TOKEN_GROUPS, type TokenGroup } from '../../model/inspection.js'
import { growSpawnTrees } from '../../query/spawn-tree.js'
import { pageWithRows, readTokenRows } from '../../query/threads/sums.js'
import type { RolloutSums, TokenQuestion } from '../../rollout/token-sums.js'
import { choicesFlag, onFlag, textFlag } from '../flags.js'
import { holdNursery } from '../nursery.js'
import { parseTime, TIME_LOOK } from '../options.js'
import { defineListCommand, type FoundRecords } from '../records.js'
import { mapPages } from './output.js'
import type { Session } from './session.js'
import { optionalThread, requireThread } from './thread-argument.js'
import { createSumKind, THREAD_TOKEN_KIND, type ThreadTokenRecord, TOKEN_TREE_KIND } from './token-kinds.js'

type TokenRecord = ThreadTokenRecord | TokenGroupSum

const FLAGS = {
  by: choicesFlag('<what>', TOKEN_GROUPS, 'sums by one or two of these, as in day,model'),
  tree: onFlag('threads below those that started them, with the sums of all below'),
  since: textFlag('<time>', 'used not before 2026-02-06, 3d, 2h30m, yesterday …', TIME_LOOK),
  until: textFlag('<time>', 'used not after that', TIME_LOOK),
}

const ARGS = { thread: optionalThread('a thread, with all that it spawned (default: all threads)') }

export const command = defineListCommand<TokenRecord, typeof FLAGS, typeof ARGS>({
  examples: ['tokens list --by day,model --since 7d', 'tokens list last --tree'],
  kind: ({ by, tree }) =>
    (isByThread(by)
      ? tree
        ? TOKEN_TREE_KIND
        : THREAD_TOKEN_KIND
      : createSumKind(by)) as RecordKind<TokenRecord>,
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
    const found = isByThread(by)
      ? foundThreads(rollouts, { session, scope, isTree: tree === true, isSpan: isSpan(question) })
      : foundSums(rollouts, by, { session, scope, isSpan: isSpan(question) })
    return isSpan(question) ? { emptyText: 'no tokens were used in that time', ...found } : found
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

async function resolveScope(text: string | undefined, session: Session): Promise<TokenScope> {
  const rootId = text === undefined ? undefined : (await requireThread(text, session)).id
  const threads = session.tryOpenThreads()
  const edges = threads ? await readFamily(threads, session.codexHome) : []
  const ids = rootId === undefined ? undefined : new Set(growSpawnTrees(edges, [rootId]).map(({ id }) => id))
  return { edges, rootId, ids }
}

async function readRollouts(
  session: Session,
  question: TokenQuestion,
  { ids }: TokenScope,
): Promise<RolloutSums[]> {
  const rollouts: RolloutSums[] = []
  const { startWorker } = session.io
  // What is read here is garbage at once: with a growing nursery it would be most of the memory.
  if (startWorker) holdNursery()
  for await (const entry of readLedgerSums(session.codexHome, { question, threadIds: ids, startWorker })) {
    if (entry.kind === 'sums') {
      rollouts.push(entry)
      continue
    }
    session.notice(
      entry.kind === 'unreadableRollout' ? entry.reason : `${entry.path} cannot be read: ${entry.reason}`,
    )
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

function tellRowsAlone(rows: readonly { tokensUsed: number }[], session: Session): void {
  if (rows.length === 0) return
  const sum = rows.reduce((total, { tokensUsed }) => total + tokensUsed, 0)
  session.notice(
    `${formatPlural(rows.length, 'thread')} ${session.hasFailed() ? 'whose rollout is missing or cannot be read' : 'without a rollout'}: ${rows.length === 1 ? 'its row says' : 'their rows say'} ${formatPlural(sum, 'token')}, which ${rows.length === 1 && sum === 1 ? 'is' : 'are'} in no sum`,
  )
}

function foundThreads(
  rollouts: readonly RolloutSums[],
  {
    session,
    scope,
    isTree,
    isSpan,
  }: { session: Session; scope: TokenScope; isTree: boolean; isSpan: boolean },
): FoundRecords<TokenRecord> {
  const told = gatherThreads(rollouts)
  const threads = session.tryOpenThreads()
  const tokenRows = threads ? readTokenRows(threads) : []
  const alone = findRowsAlone(tokenRows, told, scope)
  tellRowsAlone(alone, session)
  const aloneIds = isSpan ? [] : alone.map(({ id }) => id)
  const entries = listThreadTokens({ told, scope, aloneIds, isTree, isSpan })
  const bytes = new Map(tokenRows.map(({ id, textBytes }) => [id, textBytes]))
  const pages = threads
    ? mapPages(
        pageWithRows(threads, entries, (id) => bytes.get(id) ?? 0),
        (entry): ThreadTokenRecord => ({
          ...entry,
          label: entry.row ? labelOf({ thread: entry.row, name: session.nameOf(entry.row) }) : '',
        }),
      )
    : [entries.map((entry): ThreadTokenRecord => ({ ...entry, row: undefined, label: '' }))]
  return { pages, footer: () => formatTotal(addUsed([...told.values()]), told.values()) }
}

function foundSums(
  rollouts: readonly RolloutSums[],
  groups: readonly TokenGroup[],
  { session, scope, isSpan }: { session: Session; scope: TokenScope; isSpan: boolean },
): FoundRecords<TokenRecord> {
  const told = gatherThreads(rollouts)
  const threads = session.tryOpenThreads()
  if (!isSpan && threads) tellRowsAlone(findRowsAlone(readTokenRows(threads), told, scope), session)
  // Sources that name their parent are all different: what counts is what they say.
  const sums = sumTokensByGroup(rollouts, groups, (group, key) =>
    group === 'source' ? formatSource(key) : key,
  )
  return {
    pages: [sums],
    footer: () => (groups.includes('total') ? undefined : formatTotal(addUsed(sums), told.values())),
  }
}

function formatTotal({ usage, responses }: UsedTokens, threads: Iterable<UsedTokens>): string {
  const threadCount = [...threads].filter((thread) => thread.responses > 0).length
  const parts = `${formatCount(usage.input)} input, ${formatCount(usage.cached)} of it cached; ${formatCount(usage.output)} output`
  return `${formatPlural(usage.total, 'token')} (${parts}) in ${formatPlural(responses, 'response')} of ${formatPlural(threadCount, 'thread')}`
}
