import { createStepFollower } from '../body/follow-steps.js'
import { NOTHING_PARSED, parseBody } from '../body/parse.js'
import type { StoredLogRow } from '../model/log.js'
import type { ThreadActivity } from '../model/log-activity.js'
import { newestFirstBatches, readNewestIds } from '../query/logs/batches.js'
import { readLoggedProcesses } from '../query/logs/processes.js'
import { readLogRows } from '../query/logs/rows.js'
import type { LogStore } from '../query/logs/store.js'
import { readStreamSign } from '../query/logs/stream-signs.js'
import { type LastRow, readLastRows } from '../query/logs/threads.js'
import { createTimeOrder } from '../query/logs/time-order.js'
import { findLiveness, type Liveness } from './liveness.js'

/** A process that has rows, and whether it runs. Times are Unix milliseconds. */
export interface ProcessNow extends Liveness {
  processUuid: string | null
  /** Of its newest row, in a thread or not. */
  lastMs: number
}

/** What a thread does now, as far as its rows tell. */
export interface ThreadNow extends ThreadActivity {
  process: ProcessNow
  /**
   * Up to here nothing of the thread can be missing: of a running process all but the last flush interval is
   * written; of any other, its newest row is the last that is known.
   */
  knownUntilMs: number
  /** When something last happened in the open step; `undefined` where none is open. */
  lastSignMs: number | undefined
  /** The last sign came from one of several threads of the process; which one the log does not tell. */
  isSignShared: boolean
  /** How long nothing happened in the open step; 0 where none is open, or while a retry waits. */
  silentMs: number
}

export interface LogActivity {
  /** Whether any process runs, or may. */
  areAlive: boolean
  /** Those that run or may run; where gone ones are asked for, all. Newest first. */
  processes: ProcessNow[]
  /** Of these processes. */
  threads: ThreadNow[]
  /** Whether rows name threads and processes at all (threads from the first layout on, processes from 0.104). */
  hasThreads: boolean
  hasProcesses: boolean
}

export interface LogActivityOptions {
  nowMs: number
  /** How long after an event its row is written (`chooseLogFlushMs`). */
  flushMs: number
  /** Also threads of processes that are gone. */
  includesGone?: boolean
  /** Where no process runs, or may: the threads with the newest rows, this many, without signs of others. */
  newestOfGone?: number
}

/** Rows of a thread that are read for its open turn, at most: Codex keeps no more. */
const MOST_ROWS = 1000
const FIRST_ROWS = 64
const ROWS_ANEW = 4
/** Where rows do not name their process: threads that wrote within this time may be at work. */
const NAMELESS_SPAN_MS = 24 * 3_600_000

/**
 * What each thread does now. Only the newest rows of threads whose process runs, or may run, are read: a database of
 * gigabytes answers at once where Codex's own indexes are there.
 */
export function readLogActivity(store: LogStore, options: LogActivityOptions): LogActivity {
  const { nowMs, newestOfGone } = options
  const hasThreads = store.columns.threadId !== undefined
  const hasProcesses = store.columns.processUuid !== undefined
  const lastRows = hasThreads ? readLastRows(store) : []
  const processes = listProcesses(store, lastRows, options)
  const mayRun = ({ state, lastMs, pid }: ProcessNow) =>
    state === 'running' || (state === 'unknown' && (pid !== undefined || nowMs - lastMs <= NAMELESS_SPAN_MS))
  const areAlive = [...processes.values()].some(mayRun)
  const asksForNewest = newestOfGone !== undefined && !areAlive
  const includesGone = options.includesGone === true || asksForNewest
  const isAsked = (process: ProcessNow) => includesGone || mayRun(process)
  const threads: ThreadNow[] = []
  const newest = () => lastRows.toSorted((a, b) => b.tsMs - a.tsMs).slice(0, newestOfGone)
  for (const lastRow of asksForNewest ? newest() : lastRows) {
    const process = processes.get(lastRow.processUuid)
    if (!process || !isAsked(process)) continue
    if (process.pid === undefined && !includesGone && nowMs - lastRow.tsMs > NAMELESS_SPAN_MS) continue
    const activity = readThread(store, lastRow.threadId, process.lastMs)
    if (activity) threads.push(describe(activity, process, options))
  }
  if (!asksForNewest) {
    addStreamSigns(store, threads)
    addAgentSigns(threads)
  }
  return {
    areAlive,
    processes: [...processes.values()].filter(isAsked).sort((a, b) => b.lastMs - a.lastMs),
    threads,
    hasThreads,
    hasProcesses,
  }
}

/** By `process_uuid`; `null` stands for all rows that name none. */
function listProcesses(
  store: LogStore,
  lastRows: readonly LastRow[],
  options: LogActivityOptions,
): Map<string | null, ProcessNow> {
  const lastMs = new Map<string | null, number>()
  const add = (processUuid: string | null, ms: number) => {
    lastMs.set(processUuid, Math.max(ms, lastMs.get(processUuid) ?? ms))
  }
  const { connection, file, columns } = store
  const stored = new Set(Object.values(columns).filter((name) => name !== undefined))
  for (const process of readLoggedProcesses({ connection, file, columns: stored })) {
    add(process.processUuid, process.lastSeconds * 1000)
  }
  for (const { processUuid, tsMs } of lastRows) add(processUuid, tsMs)
  return new Map(
    [...lastMs].map(([processUuid, ms]) => {
      const process = { processUuid, lastMs: ms }
      return [processUuid, { ...process, ...findLiveness(process, options) }]
    }),
  )
}

/** From its newest rows back to where its last turn began or ended. */
function readThread(store: LogStore, threadId: string, processMs: number): ThreadActivity | undefined {
  const isMessageOnly = store.columns.body === 'message'
  const filter = { threadIds: [threadId] }
  const rows: StoredLogRow[] = []
  let activity: ThreadActivity | undefined
  let followedCount = 0
  const follow = () => {
    followedCount = rows.length
    const follower = createStepFollower()
    const order = createTimeOrder<StoredLogRow>()
    const inTime = order.add(rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
    for (const row of [...inTime, ...order.end()]) {
      const isRead = follower.needsParsing(row)
      follower.add(row, isRead ? parseBody(row.body, { target: row.target, isMessageOnly }) : NOTHING_PARSED)
    }
    activity = follower.activities(processMs).find((one) => one.threadId === threadId)
  }
  const batches = newestFirstBatches(store, filter, { listSize: FIRST_ROWS, windowSize: MOST_ROWS })
  for (let next = batches.next(); !next.done; next = batches.next('grow')) {
    const batch = next.value
    // What the index over threads gives is the newest there is; of a window there may be more than are read.
    const mostRows = MOST_ROWS - rows.length
    const ids = batch.kind === 'ids' ? batch.ids : readNewestIds(store, batch, filter, mostRows)
    const read = readLogRows(store, { kind: 'ids', ids: ids.slice(0, mostRows) }, filter)
    rows.push(...read)
    // All are followed anew: not before there are several times as many.
    if (read.length === 0 || (rows.length < followedCount * ROWS_ANEW && rows.length < MOST_ROWS)) continue
    follow()
    const isWhole = activity?.turn ? !activity.turn.isPartial : activity?.lastOutcome !== undefined
    if (isWhole || rows.length >= MOST_ROWS) break
  }
  if (rows.length > followedCount) follow()
  return activity
}

function describe(activity: ThreadActivity, process: ProcessNow, options: LogActivityOptions): ThreadNow {
  const { nowMs, flushMs } = options
  const knownUntilMs =
    process.state === 'running' ? Math.max(process.lastMs, nowMs - flushMs) : process.lastMs
  const { step } = activity
  const lastSignMs = step && Math.max(activity.lastMs, step.kind === 'stream' ? (step.lastMs ?? 0) : 0)
  const now: ThreadNow = {
    ...activity,
    process,
    knownUntilMs,
    lastSignMs,
    isSignShared: false,
    silentMs: 0,
  }
  now.silentMs = measureSilence(now)
  return now
}

function measureSilence({ step, lastSignMs, knownUntilMs }: ThreadNow): number {
  if (!step || lastSignMs === undefined) return 0
  const fromMs = step.kind === 'retry' ? Math.max(lastSignMs, step.untilMs) : lastSignMs
  return Math.max(0, knownUntilMs - fromMs)
}

/** Parts of an answer, and of a command's output, are told in rows without a thread. */
function addStreamSigns(store: LogStore, threads: readonly ThreadNow[]): void {
  const open = threads.filter(({ step }) => step?.kind === 'stream' || step?.kind === 'tool')
  for (const [processUuid, own] of Map.groupBy(open, (thread) => thread.processUuid)) {
    if (processUuid === null) continue
    for (const [kind, ofKind] of Map.groupBy(own, ({ step }) => step!.kind as 'stream' | 'tool')) {
      const signMs = readStreamSign(store, processUuid, kind)
      if (signMs === undefined) continue
      for (const thread of ofKind) {
        if (signMs <= (thread.lastSignMs ?? 0)) continue
        thread.lastSignMs = signMs
        thread.isSignShared = ofKind.length > 1
        thread.silentMs = measureSilence(thread)
      }
    }
  }
}

/** `wait`, `wait_agent`, `multi_agent_v1wait_agent`: a call that ends when another thread is done. */
const WAITS_FOR_AGENTS = /(?:^|[^a-z]|v\d)wait(?:_agents?)?$/

/** Who waits for agents is at work as long as one of the process's other threads is. */
function addAgentSigns(threads: readonly ThreadNow[]): void {
  for (const thread of threads) {
    const { step } = thread
    if (step?.kind !== 'tool' || !step.calls.every(({ name }) => WAITS_FOR_AGENTS.test(name))) continue
    const others = threads.filter(
      (other) => other !== thread && other.step && other.processUuid === thread.processUuid,
    )
    const signMs = Math.max(...others.map(({ lastSignMs }) => lastSignMs ?? 0))
    if (signMs <= (thread.lastSignMs ?? 0)) continue
    thread.lastSignMs = signMs
    thread.isSignShared = true
    thread.silentMs = measureSilence(thread)
  }
}
