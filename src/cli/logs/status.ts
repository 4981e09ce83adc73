import { failureEntry } from '../../body/failures.js'
import { parseBody } from '../../body/parse.js'
import { summarizeRow } from '../../body/summary.js'
import { cleanLine } from '../../format/clean.js'
import { escapeJsonForTerminal } from '../../format/escape.js'
import { formatCount, formatDuration, formatPlural } from '../../format/quantity.js'
import { formatActivity } from '../../format/step.js'
import { type Column, cutToWidth, fitColumns, formatTableRow, prepareCell } from '../../format/table.js'
import { createUtcTime, createZonedTime, localOffset } from '../../format/time.js'
import { readCommand } from '../../inspect/holders.js'
import { findLastFailure } from '../../inspect/last-failure.js'
import { type ProcessNow, readLogActivity, type ThreadNow } from '../../inspect/log-activity.js'
import { readLogReach, readThreadReaches } from '../../query/logs/reach.js'
import type { LogStore } from '../../query/logs/store.js'
import { defineTextCommand } from '../command.js'
import { groupFlags, onFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { Io } from '../io.js'
import { closedObject, TIME_SCHEMA } from '../json-schema.js'
import { EXIT_BY_SIGNAL } from '../main.js'
import { PAGER_FLAGS } from '../pager-flag.js'
import { REDACT_FLAGS } from '../redact-flag.js'
import { type Session, withSession } from '../state/session.js'
import { createThreadWords, openLogs } from './open-logs.js'

const TEXT = { type: ['string', 'null'] }
const INTEGER = { type: ['integer', 'null'] }

const STATUS_SCHEMA = closedObject({
  at: TIME_SCHEMA,
  database: { type: 'string' },
  /** How long after an event its row can be written. */
  written_every_ms: { type: ['integer', 'null'] },
  newest_row_at: TIME_SCHEMA,
  processes: {
    type: 'array',
    items: closedObject({
      process_uuid: TEXT,
      pid: INTEGER,
      state: { enum: ['running', 'gone', 'unknown'] },
      reason: { type: 'string' },
      command: TEXT,
      started_at: TIME_SCHEMA,
      last_row_at: TIME_SCHEMA,
      rows_in_10_min: INTEGER,
    }),
  },
  threads: {
    type: 'array',
    items: closedObject({
      thread_id: { type: 'string' },
      title: { type: 'string' },
      does: { type: 'string' },
      step: { type: 'string' },
      since: TIME_SCHEMA,
      process_uuid: TEXT,
      /** How far its rows reach back: Codex deletes older ones thread by thread. */
      first_row_at: TIME_SCHEMA,
      last_row_at: TIME_SCHEMA,
    }),
  },
  last_failure: {
    oneOf: [
      { type: 'null' },
      closedObject({
        id: { type: 'integer' },
        at: TIME_SCHEMA,
        thread_id: TEXT,
        name: TEXT,
        text: { type: 'string' },
      }),
    ],
  },
  reaches: closedObject({
    rows: { type: ['integer', 'null'] },
    ids_without_row: INTEGER,
    threads_since: TIME_SCHEMA,
    without_thread_since: TIME_SCHEMA,
  }),
})

export const command = defineTextCommand({
  flags: {
    json: onFlag('one JSON object'),
    watch: onFlag('on a terminal: redraw it every 2 s'),
    ...groupFlags('Output', { ...PAGER_FLAGS, ...REDACT_FLAGS }),
    ...HOME_FLAGS,
  },
  tables: ['logs', 'threads'],
  jsonForms: [{ shape: 'object', record: STATUS_SCHEMA }],
  notes: `What a thread does is told by the rows of the processes that run; where none runs, how the threads of the newest
rows ended. The last failure is looked for among the newest 20,000 rows.`,
  async run(context, flags) {
    const { io } = context
    const show = () =>
      withSession(context, flags, async (session) => {
        const status = await readStatus(session)
        if (!flags.json) return formatStatus(status, io)
        const json = JSON.stringify(toJson(status))
        return `${io.stdout.isTerminal ? escapeJsonForTerminal(json) : json}\n`
      })
    if (!flags.watch || !io.stdout.isTerminal) {
      io.stdout.write(await show())
      return 0
    }
    const signal = io.interruption()
    while (!signal.aborted) {
      const text = await show()
      // A line that does not fit in would push the first ones away.
      const lines = text.split('\n').slice(0, Math.max(1, (io.stdout.rows || DEFAULT_ROWS) - 1))
      // Line by line over what stands there, so that nothing flickers; then what is left is cleared.
      io.stdout.write(`\x1b[H${lines.join('\x1b[K\n')}\x1b[J`)
      await pause(WATCH_MS, signal)
    }
    return EXIT_BY_SIGNAL[String(signal.reason)] ?? 1
  },
})

const WATCH_MS = 2000

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

interface Status {
  store: Pick<LogStore, 'file'>
  nowMs: number
  flushMs: number
  version: string | undefined
  processes: (ProcessNow & { command: string; rowCount: number | undefined })[]
  threads: { now: ThreadNow; title: string; firstMs: number | undefined }[]
  /** Whether these processes run, or may. */
  areAlive: boolean
  lastFailure:
    | { id: number | bigint; ms: number; threadId: string | null; name: string | null; text: string }
    | undefined
  reach: ReturnType<typeof readLogReach>
}

const MOST_THREADS = 12
const MOST_PROCESSES = 6
const FAILURE_ROWS = 20_000
const RECENT_MS = 10 * 60_000

async function readStatus(session: Session): Promise<Status> {
  const store = await openLogs(session)
  const words = createThreadWords(session)
  const { nowMs } = session
  const { flushMs, newestVersion: version } = words
  const activity = readLogActivity(store, { nowMs, flushMs, newestOfGone: MOST_THREADS })
  const { areAlive } = activity
  const threads = activity.threads
    .toSorted((a, b) => Number(b.step !== undefined) - Number(a.step !== undefined) || b.lastMs - a.lastMs)
    .slice(0, MOST_THREADS)
    .map((now) => ({ now, title: words.titleOf(now.threadId) }))
  const reaches = readThreadReaches(
    store,
    threads.map(({ now }) => now.threadId),
  )
  const reach = readLogReach(store, nowMs - RECENT_MS)
  return {
    store,
    nowMs,
    flushMs,
    version,
    areAlive,
    processes: activity.processes.slice(0, areAlive ? undefined : MOST_PROCESSES).map((process) => ({
      ...process,
      command: process.state === 'running' && process.pid !== undefined ? readCommand(process.pid) : '',
      rowCount: process.processUuid === null ? undefined : (reach.recentCounts.get(process.processUuid) ?? 0),
    })),
    threads: threads.map((thread) => ({ ...thread, firstMs: reaches.get(thread.now.threadId) })),
    lastFailure: readLastFailure(store),
    reach,
  }
}

function readLastFailure(store: LogStore): Status['lastFailure'] {
  const found = findLastFailure(store, FAILURE_ROWS)
  if (!found) return undefined
  const { row, failure } = found
  const isMessageOnly = store.columns.body === 'message'
  const { text } = summarizeRow(row, parseBody(row.body, { target: row.target ?? '', isMessageOnly }))
  return {
    id: row.id,
    ms: (row.tsSeconds ?? 0) * 1000 + Math.floor((row.tsNanos ?? 0) / 1e6),
    threadId: row.threadId,
    name: failure?.name ?? null,
    text,
  }
}

function toJson({ store, nowMs, flushMs, version, processes, threads, lastFailure, reach }: Status): unknown {
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())
  return {
    at: time(nowMs),
    database: store.file.path,
    // The longest is reckoned with where it is not known.
    written_every_ms: version === undefined ? null : flushMs,
    newest_row_at: time(reach.newestMs),
    processes: processes.map((process) => ({
      process_uuid: process.processUuid,
      pid: process.pid ?? null,
      state: process.state,
      reason: process.reason,
      command: process.command || null,
      started_at: time(process.startMs),
      last_row_at: time(process.lastMs),
      rows_in_10_min: process.rowCount ?? null,
    })),
    threads: threads.map(({ now, title, firstMs }) => ({
      thread_id: now.threadId,
      title,
      does: formatActivity(now),
      step: now.step?.kind ?? 'idle',
      since: time(sinceOf(now)),
      process_uuid: now.processUuid,
      first_row_at: time(firstMs),
      last_row_at: time(Math.floor(now.lastMs)),
    })),
    last_failure: lastFailure
      ? {
          id: Number(lastFailure.id),
          at: time(lastFailure.ms),
          thread_id: lastFailure.threadId,
          name: lastFailure.name,
          text: lastFailure.text,
        }
      : null,
    reaches: {
      rows: reach.rowCount ?? null,
      ids_without_row: reach.missingCount ?? null,
      threads_since: time(reach.threadsSinceMs),
      without_thread_since: time(reach.threadlessSinceMs),
    },
  }
}

function sinceOf({ step, lastOutcome }: ThreadNow): number | undefined {
  const ms = step?.sinceMs ?? lastOutcome?.atMs
  return ms === undefined ? undefined : Math.floor(ms)
}

const THREAD_COLUMNS: readonly Column[] = [
  { heading: 'THREAD', isRightAligned: false, minWidth: 13, cutsStart: false },
  { heading: 'WHAT', isRightAligned: false, minWidth: 12, cutsStart: false },
  { heading: 'NOW', isRightAligned: false, minWidth: 20, cutsStart: false },
  { heading: 'SINCE', isRightAligned: true, minWidth: 5, cutsStart: false },
  { heading: 'LOG FROM', isRightAligned: true, minWidth: 8, cutsStart: false },
]

const DEFAULT_COLUMNS = 100
const DEFAULT_ROWS = 24
/** Of a message, as far as a line of a terminal may show it. */
const LONGEST_TEXT = 2000

function formatStatus(status: Status, { stdout }: Io): string {
  const { nowMs, flushMs, version, processes, threads, areAlive, lastFailure, reach } = status
  const width = stdout.isTerminal ? stdout.columns || DEFAULT_COLUMNS : DEFAULT_COLUMNS
  const zoned = stdout.isTerminal ? createZonedTime(localOffset) : createUtcTime()
  const clock = (ms: number) => {
    const text = zoned.full(Math.floor(ms / 1000), (Math.floor(ms) % 1000) * 1e6)
    return nowMs - ms < 20 * 3_600_000 ? text.slice(11, 19) : text.slice(0, 19).replace('T', ' ')
  }
  const age = (ms: number) => formatDuration(Math.max(0, nowMs - ms))
  const lines: string[] = []
  const every =
    areAlive && version !== undefined && flushMs >= 1000
      ? `Codex ${cleanLine(version)} writes its rows every ${flushMs / 1000} s`
      : ''
  const newest = reach.newestMs === undefined ? 'no row yet' : `newest row ${age(reach.newestMs)} ago`
  const count = processes.filter(({ state }) => state === 'running').length
  const unknownCount = areAlive ? processes.length - count : 0
  const unknown = unknownCount > 0 ? `; of ${formatPlural(unknownCount, 'other')} that is not known` : ''
  const alive =
    count > 0
      ? `${formatPlural(count, 'process').replace('processs', 'processes')} that logged here ${count === 1 ? 'is' : 'are'} alive`
      : 'no process that logged here is seen to be alive'
  lines.push(`${alive}${unknown}; ${newest}${every && `; ${every}`}`)
  for (const process of processes) {
    if (!areAlive) break
    const parts = [
      process.pid === undefined ? 'pid not known' : `pid ${process.pid}`,
      nameCommand(process.command),
      process.rowCount === undefined ? '' : `${formatCount(process.rowCount)} rows in 10 min`,
      process.startMs === undefined ? '' : `since ${clock(process.startMs)}`,
      process.state === 'unknown' ? process.reason : '',
    ]
    lines.push(` ${parts.filter(Boolean).join('  ')}`)
  }
  if (threads.length > 0) {
    const rows = threads.map(({ now, title, firstMs }) =>
      [
        now.threadId.slice(0, 13),
        title,
        formatActivity(now),
        sinceOf(now) === undefined ? '' : age(sinceOf(now)!),
        firstMs === undefined ? '' : age(firstMs),
      ].map((cell) => prepareCell(cell)),
    )
    const widths = fitColumns(THREAD_COLUMNS, rows, width)
    lines.push(
      ...[THREAD_COLUMNS.map(({ heading }) => heading), ...rows].map((row) =>
        formatTableRow(THREAD_COLUMNS, widths, row),
      ),
    )
  }
  if (lastFailure) {
    const { ms, threadId, name, text, id } = lastFailure
    const title = name === null ? '' : `${failureEntry(name as Parameters<typeof failureEntry>[0]).title}: `
    const thread = threadId === null ? '' : `  ${cleanLine(threadId.slice(0, 13))}`
    lines.push(
      `last failure  ${clock(ms)}${thread}  row ${id}  ${title}${cleanLine(text.slice(0, LONGEST_TEXT))}`,
    )
  } else {
    lines.push(
      `last failure  none in the newest ${formatCount(Math.min(FAILURE_ROWS, reach.rowCount ?? FAILURE_ROWS))} rows`,
    )
  }
  const { threadsSinceMs, threadlessSinceMs, missingCount = 0 } = reach
  const reaches = [
    threadsSinceMs === undefined ? 'threads: no row' : `threads: ${clock(threadsSinceMs)}`,
    threadlessSinceMs === undefined ? '' : `without a thread: ${clock(threadlessSinceMs)}`,
    missingCount > 0 ? `${formatCount(missingCount)} ids have no row any more` : '',
  ]
  lines.push(`log reaches back to  ${reaches.filter(Boolean).join('   ')}`)
  return lines.map((line) => `${stdout.isTerminal ? cutToWidth(line, width) : line}\n`).join('')
}

/** `codex app-server --listen …` is the `app-server`. */
function nameCommand(command: string): string {
  const words = command.split(' ').slice(1)
  const found = words.find((word) => /^[a-z][a-z-]+$/.test(word) && !word.endsWith('codex'))
  return command === '' ? '' : cleanLine(found ?? 'codex')
}
