import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { readMeaning } from '../../body/meanings.js'
import { parseBody } from '../../body/parse.js'
import { monotonicMs } from '../../db/clock.js'
import { identityOf } from '../../db/files.js'
import { watchChanges } from '../../db/watch.js'
import { StateError } from '../../errors.js'
import { formatBytes, formatPlural } from '../../format/quantity.js'
import type { StoredLogRow } from '../../model/log.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { followLogs } from '../../query/logs/follow.js'
import { placeAtEnd } from '../../query/logs/place.js'
import { inParts, keyOf, readLogRows } from '../../query/logs/rows.js'
import { readHighestId } from '../../query/logs/store.js'
import { encodeLogs, type Resource, type ShippedRow } from '../../share/otlp.js'
import { createOtlpClient, resolveOtlpTarget } from '../../share/otlp-client.js'
import { createRedactor, type Redactor, redactEach } from '../../share/redact.js'
import { type Shipment, shipRows } from '../../share/ship.js'
import { defineTextCommand } from '../command.js'
import { onFlag, parsedFlag, parsePositive, textFlag } from '../flags.js'
import { HOME_FLAGS } from '../home-flags.js'
import type { Io } from '../io.js'
import { EXIT_BY_SIGNAL, EXIT_FAILED } from '../main.js'
import { localNames } from '../redact.js'
import { createCursorKeeper } from './cursor.js'
import { INITIAL_LOGS_FLAGS, LOG_FILTER_FLAGS } from './flags.js'
import { resolveThreads } from './resolve-threads.js'
import { noLogs, openLogSession } from './session.js'
import { createTeller, tellPruned } from './tell.js'

/** One message holds no more: what it costs to send it again is bounded, and so is the memory. */
const MAX_BATCH_ROWS = 512
const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024

const RELOCATE_MS = 2000

export const command = defineTextCommand({
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
    redact: onFlag('replace secrets, home folders and names before they are sent (by our own rules)'),
    ...LOG_FILTER_FLAGS,
    ...HOME_FLAGS,
  },
  tables: ['logs'],
  notes: `Sends rows as OpenTelemetry log records (OTLP/HTTP, JSON, gzip). A row is sent at least once: the cursor moves when the
receiver has taken it, so what was under way when the program was killed is sent again (codex.log.id tells). Headers, time limit,
compression and certificates come from the OTEL_EXPORTER_OTLP_* variables.`,
  exitsWith1: 'the receiver refuses the rows',
  async run({ io }, { otlp, cursorFile, follow, pollMs, redact, ...filters }) {
    const target = resolveOtlpTarget('logs', otlp, io.env)
    // Measured: a batch and its message live longer than a young heap of any size, which would only grow and hold twice the memory.
    setFlagsFromString('--semi-space-growth-factor=1')
    const signal = io.interruption()
    const session = await openLogSession({ ...INITIAL_LOGS_FLAGS, ...filters }, io)
    const cursor = createCursorKeeper({
      cursorFile,
      open: session.open,
      note: (text) => io.stderr.write(`note: ${text}\n`),
    })
    const readings = cursor.openReadings(session.list())
    const newest = readings.at(-1)?.store
    if (!newest && !follow) throw noLogs(session.home)
    const identity = newest ? identityOf(newest.file.path) : ''
    const { filter } = await resolveThreads(session, filters, newest, io)
    const client = createOtlpClient(target)
    const shipper = createShipper(client, {
      io,
      signal,
      redactor: redact ? createRedactor(localNames(io)) : undefined,
    })
    try {
      const end = newest && placeAtEnd(newest)
      for (const { store, place } of readings) {
        tellPruned(store, place, io)
        const throughId = store === newest ? end!.afterId : readHighestId(store)
        const batches = matchingBatches(store, filter, { afterId: place.afterId, throughId })
        for (const batch of inParts(store, batches, { maxBytes: MAX_BATCH_CHARACTERS })) {
          await shipper.ship(readLogRows(store, batch, filter), (row) => cursor.record(store, keyOf(row)))
          if (signal.aborted) return endOf(signal)
        }
        if (store !== newest) store.connection.close()
      }
      if (follow && !signal.aborted) {
        const isNamed = session.home.rule === '--db'
        const tell = createTeller(session.home, io)
        const events = followLogs({
          list: () => session.list(),
          open: (files) => session.open(files),
          start: newest && end && { store: newest, place: end, identity },
          startIn: cursor.placeIn,
          filter,
          changes: watchChanges({
            folder: session.home.sqliteHome,
            isRelevant: (name) => name.includes('.sqlite') || isNamed,
            pollMs,
            signal,
          }),
          now: monotonicMs,
          signal,
          relocateMs: RELOCATE_MS,
        })
        for await (const event of events) {
          if (event.kind === 'rows' || event.kind === 'earlier') {
            await shipper.ship(event.rows, (row) => {
              if (event.kind === 'rows') cursor.record(event.store, keyOf(row))
            })
          } else tell(event)
          if (signal.aborted) break
        }
      } else newest?.connection.close()
      return signal.aborted ? endOf(signal) : 0
    } finally {
      client.close()
      shipper.tell()
    }
  },
})

function endOf({ reason }: AbortSignal): number {
  return EXIT_BY_SIGNAL[String(reason)] ?? EXIT_FAILED
}

interface ShipperOptions {
  readonly io: Io
  readonly signal: AbortSignal
  readonly redactor: Redactor | undefined
}

interface Shipper {
  /** @throws {StateError} `OUTPUT` when the receiver refuses them for good */
  ship(rows: readonly StoredLogRow[], onTaken: (last: StoredLogRow) => void): Promise<void>
  /** What was sent, on stderr. */
  tell(): void
}

function createShipper(
  client: Parameters<typeof shipRows>[1]['client'],
  { io, signal, redactor }: ShipperOptions,
): Shipper {
  const os = process.getBuiltinModule('node:os')
  const resource: Resource = { host: redactor ? '[host:1]' : os.hostname() }
  const total: Shipment = { sentRows: 0, rejectedRows: 0, rejectedReason: '', sentBytes: 0, tryCount: 0 }
  let sums = total
  let batchCount = 0
  const options = {
    client,
    encode: (rows: readonly ShippedRow[]) => encodeLogs(rows, resource),
    signal,
    sleep: (ms: number) => sleep(ms, undefined, { signal }).catch(() => {}),
    random: Math.random,
    onRetry: (reason: string, waitMs: number) =>
      io.stderr.write(
        `note: the receiver did not take the rows (${reason}); next try in ${(waitMs / 1000).toFixed(1)} s\n`,
      ),
  }
  return {
    async ship(rows, onTaken) {
      for (const batch of split(rows)) {
        const shipped = batch.map(toShipped)
        if (redactor) await redactRows(shipped, redactor)
        const outcome = await shipRows(shipped, options)
        if (outcome.kind === 'stopped') return
        if (outcome.kind === 'refused') {
          throw new StateError('OUTPUT', `the receiver refuses the rows: ${outcome.reason}`, {
            hint: 'Nothing after the last row that it took is recorded as sent.',
          })
        }
        const { shipment } = outcome
        batchCount += 1
        sums = {
          sentRows: sums.sentRows + shipment.sentRows,
          rejectedRows: sums.rejectedRows + shipment.rejectedRows,
          rejectedReason: sums.rejectedReason || shipment.rejectedReason,
          sentBytes: sums.sentBytes + shipment.sentBytes,
          tryCount: sums.tryCount + shipment.tryCount,
        }
        onTaken(batch.at(-1)!)
        if (signal.aborted) return
      }
    },
    tell() {
      const again = sums.tryCount - batchCount
      io.stderr.write(
        `${formatPlural(sums.sentRows, 'row')} sent in ${formatPlural(batchCount, 'message')}, ${formatBytes(sums.sentBytes)}` +
          `${again > 0 ? `; ${formatPlural(again, 'message')} sent again, whose rows the receiver may have twice` : ''}\n`,
      )
      if (sums.rejectedRows > 0) {
        io.stderr.write(
          `the receiver rejected ${formatPlural(sums.rejectedRows, 'row')}: ${sums.rejectedReason}\n`,
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

function toShipped(row: StoredLogRow): { -readonly [Key in keyof ShippedRow]: ShippedRow[Key] } {
  const parsed = parseBody(row.body, { target: row.target })
  const attributes: Record<string, string> = {}
  for (const [meaning, name] of Object.entries(MEANINGS)) {
    const value = readMeaning(parsed, meaning as keyof typeof MEANINGS)
    if (value !== undefined) attributes[name] = value
  }
  return { row: row as ShippedRow['row'], attributes }
}

async function redactRows(
  rows: { row: ShippedRow['row']; body?: string }[],
  redactor: Redactor,
): Promise<void> {
  const redacted = await redactEach(
    redactor,
    rows.map(({ row }) => row.body ?? ''),
  )
  rows.forEach((shipped, index) => {
    if (shipped.row.body !== null) shipped.body = redacted[index]!
  })
}
