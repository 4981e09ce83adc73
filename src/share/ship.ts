import type { OtlpClient, SendResult } from './otlp-client.js'

export interface ShipOptions<Row> {
  readonly client: OtlpClient
  readonly encode: (rows: readonly Row[]) => string
  /** Ends the waiting between two tries; what was not taken by then is not taken. */
  readonly signal: AbortSignal
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** 0 to 1; spreads the tries of many machines. */
  readonly random: () => number
  /** Called before each wait. */
  readonly onRetry?: (reason: string, waitMs: number, tryCount: number) => void
}

export interface Shipment {
  readonly sentRows: number
  /** The receiver took the message and said that it does not want these rows. */
  readonly rejectedRows: number
  readonly rejectedReason: string
  readonly sentBytes: number
  readonly tryCount: number
  /** Of those that the receiver took. */
  readonly messageCount: number
}

export type ShipOutcome =
  | { kind: 'shipped'; shipment: Shipment }
  /** Interrupted while it waited; the rows are still to be sent. */
  | { kind: 'stopped' }
  | { kind: 'refused'; reason: string }

/** One second, doubled up to a minute: as the exporters of OpenTelemetry do. */
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000

/**
 * Sends rows until the receiver has them: tries again what it cannot take now, without end, and halves what is too
 * large for it. Only the caller's batch holds rows, so memory stays bounded while a receiver is down.
 */
export async function shipRows<Row>(rows: readonly Row[], options: ShipOptions<Row>): Promise<ShipOutcome> {
  const { client, encode, signal, sleep, random, onRetry } = options
  const json = encode(rows)
  for (let tryCount = 1; ; tryCount += 1) {
    if (signal.aborted) return { kind: 'stopped' }
    const result: SendResult = await client.send(json, signal)
    if (signal.aborted && result.kind !== 'accepted') return { kind: 'stopped' }
    switch (result.kind) {
      case 'accepted':
        return {
          kind: 'shipped',
          shipment: {
            sentRows: rows.length,
            rejectedRows: result.rejectedCount,
            rejectedReason: result.message,
            sentBytes: result.sentBytes,
            tryCount,
            messageCount: 1,
          },
        }
      case 'refused':
        return { kind: 'refused', reason: result.reason }
      case 'too-large': {
        if (rows.length < 2) return { kind: 'refused', reason: `a single row is too large: ${result.reason}` }
        const half = Math.ceil(rows.length / 2)
        const first = await shipRows(rows.slice(0, half), options)
        if (first.kind !== 'shipped') return first
        const second = await shipRows(rows.slice(half), options)
        return second.kind === 'shipped'
          ? { kind: 'shipped', shipment: addShipments(first.shipment, second.shipment) }
          : second
      }
      case 'retry': {
        const backOff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tryCount - 1, 10))
        const waitMs = result.afterMs ?? Math.round(backOff * (0.75 + random() / 2))
        onRetry?.(result.reason, waitMs, tryCount)
        await sleep(waitMs, signal)
        break
      }
      default:
        return result satisfies never
    }
  }
}

export function addShipments(first: Shipment, second: Shipment): Shipment {
  return {
    sentRows: first.sentRows + second.sentRows,
    rejectedRows: first.rejectedRows + second.rejectedRows,
    rejectedReason: first.rejectedReason || second.rejectedReason,
    sentBytes: first.sentBytes + second.sentBytes,
    tryCount: first.tryCount + second.tryCount,
    messageCount: first.messageCount + second.messageCount,
  }
}
