import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { readField, readMeaning } from '../../body/meanings.js'
import { type ParsedBody, parseBody } from '../../body/parse.js'
import { monotonicMs } from '../../db/clock.js'
import { identityOf } from '../../db/files.js'
import { watchChanges } from '../../db/watch.js'
import { StateError } from '../../errors.js'
import { formatBytes, formatPlural } from '../../format/quantity.js'
import { createTurnTracker, type TurnTracker } from '../../inspect/track-turns.js'
import type { RowId, StoredLogRow } from '../../model/log.js'
import type { EndedTurn } from '../../model/log-turn.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { followLogs } from '../../query/logs/follow.js'
import { placeAtEnd } from '../../query/logs/place.js'
import { inParts, keyOf, readLogRows } from '../../query/logs/rows.js'
import { type LogStore, readHighestId } from '../../query/logs/store.js'
import { encodeLogs, encodeTraces, type Resource, type ShippedRow, type TraceSpan } from '../../share/otlp.js'
import { createOtlpClient, type OtlpClient, resolveOtlpTarget } from '../../share/otlp-client.js'
import { createRedactor, type Redactor, redactEach } from '../../share/redact.js'
import { addShipments, type Shipment, shipRows } from '../../share/ship.js'
import { spansOfTurn } from '../../share/turn-spans.js'
import { defineTextCommand } from '../command.js'
import { onFlag, parsedFlag, parsePositive, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { Io } from '../io.js'
import { EXIT_BY_SIGNAL, EXIT_FAILED } from '../main.js'
import { localNames } from '../redact.js'
import { createCursorKeeper } from './cursor.js'
import { LOG_FILTER_FLAGS } from './filter-flags.js'
import { INITIAL_LOGS_FLAGS } from './flags.js'
import { resolveThreads } from './resolve-threads.js'
import { noLogs, openLogSession } from './session.js'
import { createTeller, tellPruned } from './tell.js'

/** One message holds no more: what it costs to send it again is bounded, and so is the memory. */
const MAX_BATCH_ROWS = 512
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024

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
    setFlagsFromString('--semi-space-growth-factor=1')
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
        const isNamed = session.home.rule === '--db'
        const tell = createTeller(session.home, io)
        const events = followLogs({
          list: () => session.list(),
          open,
          start: newest && end && { store: newest, place: end, identity },
          startIn: cursor.placeIn,
          filter,
          changes: settleAtEach(
            watchChanges({
              folder: session.home.sqliteHome,
              isRelevant: (name) => name.includes('.sqlite') || isNamed,
              pollMs,
              signal,
            }),
            async () => {
              try {
                if (current) await sink.settle(current)
              } catch (error) {
                // What is wrong with the database is found, and told, by the look that follows.
                if (!(error instanceof StateError && error.code.startsWith('DB_'))) throw error
              }
            },
          ),
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

/** What becomes of rows. */
interface Sink {
  /** @throws {StateError} `OUTPUT` when the receiver refuses them for good */
  take(store: LogStore, rows: readonly StoredLogRow[], options?: { isRecorded?: boolean }): Promise<void>
  /** Nothing older comes any more. */
  settle(store: LogStore): Promise<void>
  /** What was sent, on stderr. */
  tell(): void
}

interface SinkOptions {
  readonly shipper: Shipper
  readonly resource: Resource
  readonly redactor: Redactor | undefined
  readonly record: (store: LogStore, id: RowId) => void
  readonly io: Io
}

/** Each row is a log record. */
function createRowSink({ shipper, resource, redactor, record }: SinkOptions): Sink {
  const versions = new Map<string, string>()
  const withVersions: Resource = {
    ...resource,
    versionOf: (processUuid) => (processUuid === null ? undefined : versions.get(processUuid)),
  }
  const encode = (rows: readonly ShippedRow[]) => encodeLogs(rows, withVersions)
  return {
    async take(store, rows, { isRecorded = true } = {}) {
      for (const batch of split(rows)) {
        const shipped = batch.map((row) => toShipped(row, versions))
        if (redactor) await redactRows(shipped, redactor)
        if (!(await shipper.send(shipped, encode))) return
        if (isRecorded) record(store, keyOf(batch.at(-1)!))
      }
    },
    async settle() {},
    tell: () => shipper.tell('row'),
  }
}

/** Turns, requests and tool calls are spans: the cursor stays before what an open turn needs. */
function createTraceSink({ shipper, resource, redactor, record, io }: SinkOptions): Sink {
  const trackers = new Map<LogStore, TurnTracker>()
  const encode = (spans: readonly TraceSpan[]) => encodeTraces(spans, resource)
  let recorded: RowId | undefined

  function trackerOf(store: LogStore): TurnTracker {
    const tracker = trackers.get(store) ?? createTurnTracker(store, () => io.now())
    trackers.set(store, tracker)
    return tracker
  }

  async function send(store: LogStore, tracker: TurnTracker, ended: readonly EndedTurn[]): Promise<void> {
    const spans = ended.flatMap(spansOfTurn)
    for (let from = 0; from < spans.length; from += MAX_BATCH_ROWS) {
      const batch = spans.slice(from, from + MAX_BATCH_ROWS)
      if (!(await shipper.send(redactor ? await redactSpans(batch, redactor) : batch, encode))) return
    }
    const safe = tracker.safeRow()
    if (safe !== undefined && safe !== recorded) record(store, safe)
    recorded = safe
  }

  return {
    async take(store, rows) {
      const tracker = trackerOf(store)
      await send(store, tracker, tracker.add(rows))
    },
    async settle(store) {
      const tracker = trackerOf(store)
      await send(store, tracker, tracker.settle())
    },
    tell: () => shipper.tell('span'),
  }
}

async function redactSpans(spans: readonly TraceSpan[], redactor: Redactor): Promise<TraceSpan[]> {
  const errors = await redactEach(
    redactor,
    spans.map(({ error }) => error ?? ''),
  )
  return spans.map((span, index) => (span.error === undefined ? span : { ...span, error: errors[index]! }))
}

interface Shipper {
  /**
   * Waits until the receiver has them; `false` when it was interrupted before.
   *
   * @throws {StateError} `OUTPUT` when the receiver refuses them for good
   */
  send<Part>(parts: readonly Part[], encode: (parts: readonly Part[]) => string): Promise<boolean>
  /** What was sent, on stderr. */
  tell(noun: string): void
}

function createShipper(client: OtlpClient, { io, signal }: { io: Io; signal: AbortSignal }): Shipper {
  const total: Shipment = {
    sentRows: 0,
    rejectedRows: 0,
    rejectedReason: '',
    sentBytes: 0,
    tryCount: 0,
    messageCount: 0,
  }
  let sums = total
  const options = {
    client,
    signal,
    sleep: (ms: number) => sleep(ms, undefined, { signal }).catch(() => {}),
    random: Math.random,
    onRetry: (reason: string, waitMs: number) =>
      io.notice(`the receiver did not take them (${reason}); next try in ${(waitMs / 1000).toFixed(1)} s`),
  }
  return {
    async send(parts, encode) {
      const outcome = await shipRows(parts, { ...options, encode })
      if (outcome.kind === 'stopped') return false
      if (outcome.kind === 'refused') {
        throw new StateError('OUTPUT', `the receiver refuses what is sent: ${outcome.reason}`, {
          hint: 'Nothing after the last row that it took is recorded as sent.',
        })
      }
      sums = addShipments(sums, outcome.shipment)
      return true
    },
    tell(noun) {
      const { sentRows, messageCount, sentBytes, tryCount, rejectedRows, rejectedReason } = sums
      const again = tryCount - messageCount
      io.notice(
        `${formatPlural(sentRows, noun)} sent in ${formatPlural(messageCount, 'message')}, ${formatBytes(sentBytes)}` +
          `${again > 0 ? `; ${formatPlural(again, 'message')} sent again, whose ${noun}s the receiver may have twice` : ''}`,
      )
      if (rejectedRows > 0) {
        io.notice(
          `the receiver rejected ${formatPlural(rejectedRows, noun)}${rejectedReason === '' ? '' : `: ${rejectedReason}`}`,
        )
      }
    },
  }
}

function* split(rows: readonly StoredLogRow[]): Generator<StoredLogRow[]> {
  let batch: StoredLogRow[] = []
  let characters = 0
  for (const row of rows) {
    if (batch.length === MAX_BATCH_ROWS || (batch.length > 0 && characters > MAX_BATCH_CHARACTERS)) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(row)
    characters += row.body?.length ?? 0
  }
  if (batch.length > 0) yield batch
}

/** What a body says of itself, by names of our own where OpenTelemetry has none. */
const MEANINGS = {
  turn_id: 'codex.turn.id',
  tool: 'gen_ai.tool.name',
  call_id: 'gen_ai.tool.call.id',
  mcp_server: 'codex.mcp.server',
  model: 'gen_ai.request.model',
} as const

function toShipped(
  row: StoredLogRow,
  versions: Map<string, string>,
): { -readonly [Key in keyof ShippedRow]: ShippedRow[Key] } {
  const parsed = parseBody(row.body, { target: row.target })
  if (row.processUuid !== null && !versions.has(row.processUuid)) {
    const version = readVersion(row, parsed)
    if (version !== undefined) versions.set(row.processUuid, version)
  }
  const attributes: Record<string, string | number> = {}
  for (const [meaning, name] of Object.entries(MEANINGS)) {
    const value = readMeaning(parsed, meaning as keyof typeof MEANINGS)
    if (value !== undefined) attributes[name] = value
  }
  const event = readField(parsed, 'event.name')
  if (event !== undefined) attributes['event.name'] = event
  if (parsed.message?.startsWith('Request completed')) {
    const status = Number.parseInt(readField(parsed, 'status') ?? '', 10)
    if (!Number.isNaN(status)) attributes['http.response.status_code'] = status
  }
  return { row: row as ShippedRow['row'], attributes }
}

/** Some rows say which Codex it is that writes: of what a process wrote before the first of them it is not known. */
function readVersion({ target }: StoredLogRow, parsed: ParsedBody): string | undefined {
  if (target.startsWith('codex_otel')) return readField(parsed, 'app.version')
  return target.startsWith('codex_models_manager') ? readField(parsed, 'client_version') : undefined
}

async function redactRows(
  rows: { row: ShippedRow['row']; body?: string }[],
  redactor: Redactor,
): Promise<void> {
  // A Codex that somebody built has the folder of its sources in the names of files.
  const redacted = await redactEach(
    redactor,
    rows.flatMap(({ row }) => [row.body ?? '', row.file ?? '']),
  )
  rows.forEach((shipped, index) => {
    const { row } = shipped
    const file = redacted[2 * index + 1]!
    if (row.body !== null) shipped.body = redacted[2 * index]!
    if (row.file !== null && row.file !== file) shipped.row = { ...row, file }
  })
}
