import { hostname } from 'node:os'
import { monotonicMs } from '../../db/clock.js'
import { identityOf } from '../../db/files.js'
import { StateError } from '../../errors.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { followLogs } from '../../query/logs/follow.js'
import { placeAtEnd } from '../../query/logs/place.js'
import { inParts, readLogRows } from '../../query/logs/rows.js'
import { type LogStore, readHighestId } from '../../query/logs/store.js'
import { createOtlpClient, resolveOtlpTarget } from '../../share/otlp-client.js'
import { createRedactor } from '../../share/redact.js'
import { defineTextCommand } from '../command.js'
import { onFlag, parsedFlag, parsePositive, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import { EXIT_BY_SIGNAL, EXIT_FAILED } from '../main.js'
import { holdNursery } from '../nursery.js'
import { localNames } from '../redact.js'
import { createCursorKeeper } from './cursor.js'
import { LOG_FILTER_FLAGS } from './filter-flags.js'
import { INITIAL_LOGS_FLAGS } from './flags.js'
import { resolveThreads } from './resolve-threads.js'
import { noLogs, openLogSession } from './session.js'
import { createRowSink, createShipper, createTraceSink, MAX_BATCH_CHARACTERS } from './ship-sinks.js'
import { watchLogFiles } from './tail-watch.js'
import { createTeller, tellPruned } from './tell.js'

const RELOCATE_MS = 2000

export const command = defineTextCommand({
  examples: ['ship --otlp http://127.0.0.1:4318 --cursor-file ship.cursor'],
  flags: {
    otlp: textFlag(
      '<url>',
      'the receiver (default: $OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, $OTEL_EXPORTER_OTLP_ENDPOINT)',
    ),
    cursorFile: textFlag('<file>', 'start after the row recorded there, record the last row that was taken', {
      completes: { kind: 'files' },
    }),
    follow: onFlag('keep sending each new row', { short: 'f' }),
    pollMs: parsedFlag('<ms>', 'with --follow: look at least this often', parsePositive, { initial: 500 }),
    traces: onFlag('send turns, requests and tool calls as spans, instead of rows'),
    redact: onFlag('replace secrets, home folders and names before they are sent (by our own rules)'),
    ...LOG_FILTER_FLAGS,
    ...HOME_FLAGS,
  },
  tables: ['logs'],
  notes: `Sends rows as OpenTelemetry log records (OTLP/HTTP, JSON, gzip). A row is sent at least once: the cursor moves when the
receiver has taken it, so what was under way when the program was killed is sent again (codex.log.id tells). With --traces a turn is
sent when it has ended, and the same turn always has the same ids. Headers, time limit, compression and certificates come from the OTEL_EXPORTER_OTLP_* variables.`,
  exitsWith1: 'the receiver refuses the rows',
  async run({ io }, { otlp, cursorFile, follow, pollMs, traces, redact, ...filters }) {
    const target = resolveOtlpTarget(traces ? 'traces' : 'logs', otlp, io.env)
    // Measured: a batch and its message live longer than a young heap of any size, which would only grow and hold twice the memory.
    holdNursery()
    const signal = io.interruption()
    const session = await openLogSession({ ...INITIAL_LOGS_FLAGS, ...filters }, io)
    /** What is open now: the newest that was opened. */
    let current: LogStore | undefined
    const open: typeof session.open = (files) => {
      const store = session.open(files)
      if (!store) return undefined
      const { connection } = store
      const close = () => {
        if (current === watched) current = undefined
        connection.close()
      }
      const watched: LogStore = {
        ...store,
        connection: Object.create(connection, { close: { value: close } }),
      }
      current = watched
      return watched
    }
    const cursor = createCursorKeeper({
      cursorFile,
      open,
      note: io.notice,
    })
    const readings = cursor.openReadings(session.list())
    const newest = readings.at(-1)?.store
    if (!newest && !follow) throw noLogs(session.home)
    const identity = newest ? identityOf(newest.file.path) : ''
    const { filter } = await resolveThreads(session, filters, newest, io)
    const client = createOtlpClient(target)
    const redactor = redact ? createRedactor(localNames(io)) : undefined
    const sink = (traces ? createTraceSink : createRowSink)({
      shipper: createShipper(client, { io, signal }),
      resource: { host: redactor ? '[host:1]' : hostname() },
      redactor,
      record: (store, id) => cursor.record(store, id),
      io,
    })
    try {
      const end = newest && placeAtEnd(newest)
      for (const { store, place } of readings) {
        tellPruned(store, place, io)
        const throughId = store === newest ? end!.afterId : readHighestId(store)
        const batches = matchingBatches(store, filter, { afterId: place.afterId, throughId })
        for (const batch of inParts(store, batches, { maxBytes: MAX_BATCH_CHARACTERS })) {
          await sink.take(store, readLogRows(store, batch, filter))
          if (signal.aborted) return endOf(signal)
        }
        await sink.settle(store)
        if (store !== newest) store.connection.close()
      }
      if (follow && !signal.aborted) {
        const tell = createTeller(session.home, io)
        const events = followLogs({
          list: () => session.list(),
          open,
          start: newest && end && { store: newest, place: end, identity },
          startIn: cursor.placeIn,
          filter,
          changes: settleAtEach(watchLogFiles(session.home, { pollMs, signal }), async () => {
            try {
              if (current) await sink.settle(current)
            } catch (error) {
              // What is wrong with the database is found, and told, by the look that follows.
              if (!(error instanceof StateError && error.code.startsWith('DB_'))) throw error
            }
          }),
          now: monotonicMs,
          signal,
          relocateMs: RELOCATE_MS,
        })
        for await (const event of events) {
          if (event.kind === 'rows' || event.kind === 'earlier') {
            await sink.take(event.store, event.rows, { isRecorded: event.kind === 'rows' })
            await sink.settle(event.store)
          } else tell(event)
          if (signal.aborted) break
        }
      } else newest?.connection.close()
      return signal.aborted ? endOf(signal) : 0
    } finally {
      client.close()
      sink.tell()
    }
  },
})

/** Time alone ends what no row ends. */
async function* settleAtEach<Reason>(
  changes: AsyncIterable<Reason>,
  settle: () => Promise<void>,
): AsyncGenerator<Reason> {
  for await (const reason of changes) {
    await settle()
    yield reason
  }
}

function endOf({ reason }: AbortSignal): number {
  return EXIT_BY_SIGNAL[String(reason)] ?? EXIT_FAILED
}
