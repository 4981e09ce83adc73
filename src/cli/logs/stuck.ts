import type { RecordKind } from '../../format/fields.js'
import { formatDuration } from '../../format/quantity.js'
import { formatActivity } from '../../format/step.js'
import { type LogActivity, readLogActivity, type ThreadNow } from '../../inspect/log-activity.js'
import type { LogStore } from '../../query/logs/store.js'
import { onFlag, parsedFlag, parseSpan } from '../flags.js'
import { defineListCommand } from '../records.js'
import type { Session } from '../state/session.js'
import { createThreadWords, openLogs } from './open-logs.js'

interface StuckRow {
  now: ThreadNow
  title: string
  /** `null` where it cannot be known. */
  isStuck: boolean | null
  /** The rollout was written to after the newest row: the log does not tell all. */
  isLogBehind: boolean
}

const STUCK_KIND: RecordKind<StuckRow> = {
  noun: 'thread',
  fields: [
    {
      name: 'stuck',
      kind: 'flag',
      value: ({ isStuck }) => isStuck,
      cell: ({ isStuck }) => (isStuck === null ? '?' : isStuck ? 'STUCK' : ''),
    },
    { name: 'id', kind: 'id', heading: 'THREAD', value: ({ now }) => now.threadId },
    { name: 'title', kind: 'text', value: ({ title }) => title },
    {
      name: 'does',
      kind: 'text',
      value: ({ now, isLogBehind }) => (isLogBehind ? BEHIND : formatActivity(now)),
    },
    {
      name: 'silent_ms',
      kind: 'number',
      heading: 'SILENT',
      value: ({ now }) => (now.step ? Math.round(now.silentMs) : null),
      cell: ({ now }) => (now.step ? formatDuration(now.silentMs) : ''),
    },
    { name: 'step', kind: 'text', value: ({ now }) => now.step?.kind ?? 'idle' },
    { name: 'since', kind: 'time', value: ({ now }) => now.step && Math.floor(now.step.sinceMs) },
    { name: 'turn_id', kind: 'text', value: ({ now }) => now.turn?.id },
    { name: 'turn_since', kind: 'time', value: ({ now }) => now.turn && Math.floor(now.turn.sinceMs) },
    { name: 'turn_is_partial', kind: 'flag', value: ({ now }) => now.turn?.isPartial },
    { name: 'calls', kind: 'json', value: ({ now }) => callsJson(now) },
    {
      name: 'retry_until',
      kind: 'time',
      value: ({ now: { step } }) => (step?.kind === 'retry' ? Math.round(step.untilMs) : null),
    },
    {
      name: 'last_sign_at',
      kind: 'time',
      value: ({ now }) => (now.lastSignMs === undefined ? null : Math.floor(now.lastSignMs)),
    },
    { name: 'last_sign_is_shared', kind: 'flag', value: ({ now }) => now.isSignShared },
    { name: 'known_until', kind: 'time', value: ({ now }) => Math.floor(now.knownUntilMs) },
    { name: 'log_is_behind', kind: 'flag', value: ({ isLogBehind }) => isLogBehind },
    {
      name: 'last_outcome',
      kind: 'text',
      value: ({ now }) => now.lastOutcome?.outcome,
    },
    {
      name: 'pid',
      kind: 'number',
      value: ({ now }) => now.process.pid,
      cell: ({ now }) => String(now.process.pid ?? ''),
    },
    {
      name: 'alive',
      kind: 'flag',
      value: ({ now: { process } }) => (process.state === 'unknown' ? null : process.state === 'running'),
      cell: ({ now: { process } }) => (process.state === 'unknown' ? '?' : process.state),
    },
    { name: 'alive_reason', kind: 'text', value: ({ now }) => now.process.reason },
    { name: 'process_uuid', kind: 'text', value: ({ now }) => now.processUuid },
    { name: 'last_row_at', kind: 'time', value: ({ now }) => Math.floor(now.lastMs) },
  ],
  shown: ['stuck', 'id', 'title', 'does', 'silent_ms', 'pid', 'alive'],
  nameOf: ({ now }) => now.threadId,
}

const BEHIND = 'not known: its rollout is newer than its log'

function callsJson({ step }: ThreadNow): string {
  const calls = step?.kind === 'tool' ? step.calls : []
  return JSON.stringify(
    calls.map(({ name, callId, sinceMs, decision }) => ({
      name,
      call_id: callId ?? null,
      since: new Date(sinceMs).toISOString(),
      decided_by: decision ?? null,
    })),
  )
}

const DEFAULT_LONGER_THAN_MS = 5 * 60_000

export const command = defineListCommand({
  examples: ['stuck --longer-than 10m'],
  kind: STUCK_KIND,
  tables: ['logs', 'threads'],
  flags: {
    longerThan: parsedFlag(
      '<span>',
      'how long nothing must have happened: 90s, 5m, 1h (default: 5m)',
      parseSpan,
    ),
    all: onFlag('also idle threads, and those whose process has ended'),
  },
  notes: `A thread is stuck when a step of its turn is open (a request, an answer, a tool call, a retry that is over), its
process runs, and nothing happened in it for --longer-than. An idle thread is not. Codex writes its log in batches
(each 2 s from 0.113, each 10 s from 0.149): silence of one batch counts as none. What codex exec does is in no log.`,
  exitsWith1: 'something is stuck',
  isFaint: ({ now }) => now.process.state === 'gone' || now.step === undefined,
  async read(session, { longerThan = DEFAULT_LONGER_THAN_MS, all }) {
    const store = await openLogs(session)
    const { rows, activity } = findOpenThreads(store, session, {
      longerThanMs: longerThan,
      includesAll: all === true,
    })
    if (!activity.hasThreads) {
      session.notice('rows of this layout name no thread: what each one does is not known')
    } else if (!activity.hasProcesses) {
      session.notice('rows to 0.103 do not name their process: whether it still runs is not known')
    }
    if (rows.some(({ isStuck }) => isStuck === true)) session.fail()
    for (const { now } of rows) {
      if (now.process.state === 'unknown' && now.process.pid !== undefined) session.notice(now.process.reason)
    }
    const running = activity.processes.filter(({ state }) => state === 'running').length
    return {
      pages: [rows],
      emptyText:
        running === 0
          ? 'nothing is stuck: no process that wrote this log is seen to run'
          : `nothing is stuck: no turn is open in the ${running === 1 ? 'process' : `${running} processes`} that run`,
    }
  },
})

/** Threads in the middle of a turn, those that are stuck first; with `includesAll` also idle ones and those of processes that ended. */
export function findOpenThreads(
  store: LogStore,
  session: Session,
  { longerThanMs, includesAll = false }: { longerThanMs: number; includesAll?: boolean },
): { rows: StuckRow[]; activity: LogActivity } {
  const words = createThreadWords(session)
  const { flushMs } = words
  const activity = readLogActivity(store, { nowMs: session.nowMs, flushMs, includesGone: includesAll })
  const rows = activity.threads
    .filter(({ step }) => includesAll || step)
    .map((now): StuckRow => {
      const isLogBehind = isBehind(now, words.rolloutMsOf(now.threadId), flushMs)
      const isSilent = now.step !== undefined && now.silentMs >= longerThanMs
      const isStuck = !isSilent || now.process.state === 'gone' ? false : judge(now, isLogBehind)
      return { now, title: words.titleOf(now.threadId), isStuck, isLogBehind }
    })
  return { rows: rows.sort(byUrgency), activity }
}

function judge({ process }: ThreadNow, isLogBehind: boolean): boolean | null {
  return isLogBehind || process.state !== 'running' ? null : true
}

/** What the rollout has of the last seconds may not be in the log yet. */
const CLOCK_SLACK_MS = 2000

function isBehind(now: ThreadNow, rolloutMs: number | undefined, flushMs: number): boolean {
  if (now.process.state !== 'running' || rolloutMs === undefined || !now.step) return false
  const signMs = Math.max(now.lastMs, now.lastSignMs ?? 0)
  return rolloutMs > signMs + flushMs + CLOCK_SLACK_MS && rolloutMs < now.knownUntilMs
}

function byUrgency(a: StuckRow, b: StuckRow): number {
  const rank = ({ isStuck, now }: StuckRow) =>
    isStuck ? 0 : isStuck === null ? 1 : !now.step ? 4 : now.process.state === 'gone' ? 3 : 2
  return rank(a) - rank(b) || b.now.silentMs - a.now.silentMs || b.now.lastMs - a.now.lastMs
}
