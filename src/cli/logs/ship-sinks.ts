import { setTimeout as sleep } from 'node:timers/promises'
import { StateError } from '../../errors.js'
import { formatBytes, formatPlural } from '../../format/quantity.js'
import { createTurnTracker, type TurnTracker } from '../../inspect/track-turns.js'
import type { RowId, StoredLogRow } from '../../model/log.js'
import type { EndedTurn } from '../../model/log-turn.js'
import { keyOf } from '../../query/logs/rows.js'
import type { LogStore } from '../../query/logs/store.js'
import { encodeLogs, encodeTraces, type Resource, type ShippedRow, type TraceSpan } from '../../share/otlp.js'
import type { OtlpClient } from '../../share/otlp-client.js'
import type { Redactor } from '../../share/redact.js'
import { addShipments, type Shipment, shipRows } from '../../share/ship.js'
import { redactRows, redactSpans, toShipped } from '../../share/shipped-rows.js'
import { spansOfTurn } from '../../share/turn-spans.js'
import type { Io } from '../io.js'

/** One message holds no more: what it costs to send it again is bounded, and so is the memory. */
const MAX_BATCH_ROWS = 512
export const MAX_BATCH_CHARACTERS = 4 * 1024 * 1024

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
export function createRowSink({ shipper, resource, redactor, record }: SinkOptions): Sink {
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
export function createTraceSink({ shipper, resource, redactor, record, io }: SinkOptions): Sink {
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

export function createShipper(client: OtlpClient, { io, signal }: { io: Io; signal: AbortSignal }): Shipper {
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
