import { escapeJsonForTerminal } from '../../format/escape.js'
import { formatLogStatus } from '../../format/log-status.js'
import { formatActivity } from '../../format/step.js'
import { createUtcTime, createZonedTime, localOffset } from '../../format/time.js'
import { readLogStatus } from '../../inspect/log-status.js'
import type { LogStatus } from '../../model/log-status.js'
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
  examples: ['status --watch'],
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
const DEFAULT_COLUMNS = 100
const DEFAULT_ROWS = 24

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

async function readStatus(session: Session): Promise<LogStatus> {
  const store = await openLogs(session)
  const { titleOf, flushMs, newestVersion: version } = createThreadWords(session)
  return readLogStatus(store, { nowMs: session.nowMs, flushMs, version, titleOf })
}

function formatStatus(status: LogStatus, { stdout }: Io): string {
  return formatLogStatus(status, {
    width: (stdout.isTerminal && stdout.columns) || DEFAULT_COLUMNS,
    isCut: stdout.isTerminal,
    time: stdout.isTerminal ? createZonedTime(localOffset) : createUtcTime(),
  })
}

function toJson({
  path,
  nowMs,
  flushMs,
  version,
  processes,
  threads,
  lastFailure,
  reach,
}: LogStatus): unknown {
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())
  return {
    at: time(nowMs),
    database: path,
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
    threads: threads.map(({ now, sinceMs, title, firstMs }) => ({
      thread_id: now.threadId,
      title,
      does: formatActivity(now),
      step: now.step?.kind ?? 'idle',
      since: time(sinceMs),
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
