import type { ReadConnection } from '../db/connection.js'
import { StateError } from '../errors.js'
import type { ThreadHistory, UnreadableHistory } from '../model/history.js'
import { type ProjectedRows, readProjectedRows } from '../query/history.js'
import { chooseInForce, indexByRolloutId } from '../rollout/home-index.js'
import { type LineageBase, readLineage } from '../rollout/lineage.js'
import { listRollouts, type RolloutFile, type UnreadableFolder } from '../rollout/list.js'
import { tryResolveRollout } from '../rollout/locate.js'
import { readProjection } from '../rollout/projection.js'
import { createQuickLook } from './history-quick.js'
import {
  beforeOrdinal,
  CURES,
  curesOf,
  type Judged,
  judgeBase,
  judgeProjected,
  withoutBase,
} from './judge-history.js'

export interface HistoryRequest {
  codexHome: string
  /** The projection; `undefined` where the home has none yet. */
  connection: ReadConnection | undefined
  /** The rollout that the row of a thread names; `undefined` without a row. */
  findCurrent: (threadId: string) => string | undefined
  /** Only these. */
  threadIds?: readonly string[] | undefined
  /** Rollouts whose end is projected are passed over, and reported here; without it every rollout is read whole. */
  onPassedOver?: ((path: string) => void) | undefined
  now: () => number
  sleep: (ms: number) => Promise<void>
  signal?: AbortSignal | undefined
}

/** A writing Codex was seen to be behind by 631 ms at most. */
const RECHECK_MS = 3000

/** What was written more recently may be written still. */
const LIVE_MS = 10_000

const NO_ROWS: ProjectedRows = { cursor: null, turns: new Map(), items: new Map() }

/**
 * Holds the projection from which Codex shows a chat against the rollouts, thread by thread. A thread that is only
 * behind while something writes is looked at again before that is said. Legacy threads have no projection.
 *
 * @throws {StateError} `ABORTED`, and what SQLite throws for a damaged projection
 */
export async function* inspectHistory(
  request: HistoryRequest,
): AsyncGenerator<ThreadHistory | UnreadableHistory, void, undefined> {
  const rollouts = await findCurrentRollouts(request)
  for (const { path, reason } of rollouts.unreadable)
    yield { path, reason: `${path} cannot be read: ${reason}` }
  const behind: { path: string; history: ThreadHistory }[] = []
  const quick = request.onPassedOver && createQuickLook(request.connection, rollouts.findFile)
  for (const file of rollouts.current) {
    const { path } = file
    const verdict = quick?.judge(file)
    if (verdict === 'end') request.onPassedOver?.(path)
    if (verdict === 'end' || verdict === 'legacy') continue
    const history = await tryInspect(path, rollouts, request)
    if (history === undefined) continue
    if ('state' in history && history.state === 'behind' && isFresh(history, request)) {
      behind.push({ path, history })
      continue
    }
    yield history
  }
  if (behind.length === 0) return
  await request.sleep(RECHECK_MS)
  for (const { path, history } of behind) {
    const again = await tryInspect(path, rollouts, request)
    if (again === undefined || !('state' in again)) {
      if (again) yield again
      continue
    }
    // What was there at the first look is projected by now: it keeps up with a rollout that grows.
    const keepsUp = again.state === 'behind' && (again.cursor?.offset ?? 0) >= history.end.offset
    yield {
      ...again,
      ...(keepsUp ? { state: 'complete', line: null, cures: CURES.complete } : {}),
      isLive: true,
    }
  }
}

interface CurrentRollouts {
  /** In their order. */
  current: RolloutFile[]
  /** Ids of rollouts that a revert put another one in the place of. */
  superseded: ReadonlySet<string>
  /** Folders of which it is not known what is in them. */
  unreadable: readonly UnreadableFolder[]
  findFile: (rolloutId: string) => RolloutFile | undefined
  find: (rolloutId: string) => Promise<string | undefined>
}

/** Of each thread the rollout in force: the one that its row names, else the one of the greatest id. */
async function findCurrentRollouts(request: HistoryRequest): Promise<CurrentRollouts> {
  const { files, unreadable } = await listRollouts(request.codexHome, { signal: request.signal })
  const byId = indexByRolloutId(files)
  const reverted = new Map<string, string[]>()
  for (const { name } of byId.values()) if (name?.rolloutId) reverted.set(name.threadId, [])
  for (const [rolloutId, { name }] of reverted.size > 0 ? byId : [])
    reverted.get(name!.threadId)?.push(rolloutId)
  const superseded = new Set<string>()
  for (const [threadId, ids] of reverted) {
    const inForce = chooseInForce(threadId, ids, ids.length > 1 ? request.findCurrent(threadId) : undefined)
    for (const id of ids) if (id !== inForce) superseded.add(id)
  }
  const wanted = request.threadIds && new Set(request.threadIds)
  const current: RolloutFile[] = []
  for (const [rolloutId, file] of byId) {
    if (superseded.has(rolloutId)) continue
    if (wanted === undefined || wanted.has(file.name!.threadId)) current.push(file)
  }
  return {
    current,
    superseded,
    unreadable,
    findFile: (id) => byId.get(id),
    find: async (id) => byId.get(id)?.path,
  }
}

function isFresh({ path }: ThreadHistory, { now }: HistoryRequest): boolean {
  return (tryResolveRollout(path)?.modifiedAtMs ?? 0) > now() - LIVE_MS
}

async function tryInspect(
  path: string,
  rollouts: CurrentRollouts,
  request: HistoryRequest,
): Promise<ThreadHistory | UnreadableHistory | undefined> {
  try {
    return await inspectOne(path, rollouts, request)
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'ROLLOUT_UNREADABLE') throw error
    return { path, reason: error.message }
  }
}

/** `undefined` for a legacy rollout. */
async function inspectOne(
  path: string,
  { superseded, find }: CurrentRollouts,
  { connection, signal }: HistoryRequest,
): Promise<ThreadHistory | UnreadableHistory | undefined> {
  const lineage = await readLineage(path, { findRollout: find, signal })
  const { head, file, bases } = lineage
  if (lineage.hasLostMode)
    return { path, reason: `${path}: its first line cannot be read, so what Codex shows of it is not known` }
  if (head.historyMode !== 'paginated') return undefined
  const readRows = (id: string) => (connection ? readProjectedRows(connection, id) : NO_ROWS)
  // The rows first: a line that is written meanwhile is then behind the cursor, never before it.
  const rows = readRows(head.rolloutId)
  const own = judgeProjected(rows, await readProjection(file, head, { signal }), head)
  const shown = new Set(rows.turns.keys())
  const there = new Set(own.projection.turnIds)
  let itemsShown = rows.items.size
  let itemsThere = own.projection.items.length
  let short: { base: LineageBase; judged: Judged } | undefined
  for (const base of bases) {
    const baseRows = readRows(base.rolloutId)
    const judged = judgeProjected(baseRows, await readProjection(base.file, base.head, { signal }), base.head)
    const before = beforeOrdinal(base.endOrdinal, baseRows, judged.projection)
    for (const id of before.shown) shown.add(id)
    for (const id of before.there) there.add(id)
    itemsShown += before.itemsShown
    itemsThere += before.itemsThere
    if (before.isShort) short ??= { base, judged }
  }

  const { rolloutId } = head
  const common = {
    threadId: head.threadId,
    rolloutId,
    path: file.path,
    turnsShown: shown.size,
    turnsThere: there.size,
    itemsShown,
    itemsThere,
    cursor: rows.cursor,
    end: { offset: own.projection.endOffset, lineNumber: own.projection.endLineNumber },
    isLive: false,
    badLines: own.projection.badLines,
  }
  if (lineage.missingBase !== null)
    return {
      ...common,
      // It answers every request for such a thread with an error.
      turnsShown: 0,
      itemsShown: 0,
      ...withoutBase(lineage.missingBase.reason),
      line: null,
      affectedRolloutId: lineage.missingBase.rolloutId,
      affectedThreadId: null,
      baseState: null,
    }
  const isOwnSound = own.state === 'complete'
  if (isOwnSound && short) return { ...common, ...judgeBase(short.base, short.judged, superseded) }
  return {
    ...common,
    state: own.state,
    cures: curesOf(own),
    line: own.line,
    affectedRolloutId: isOwnSound ? null : rolloutId,
    affectedThreadId: isOwnSound ? null : head.threadId,
    baseState: null,
  }
}
