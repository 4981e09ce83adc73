import type { StoredLogRow } from '../model/log.js'

/**
 * Log rows as OpenTelemetry log records, in the JSON form of OTLP
 * (https://opentelemetry.io/docs/specs/otlp/, "JSON Protobuf Encoding").
 *
 * Written by hand: the official transformer takes about five times the time of the rest of a shipment, and what
 * has to be said is one message with five kinds of values.
 */

/** `severityNumber` of the logs data model; what Codex does not write has none (0). */
const SEVERITIES: Readonly<Record<string, number>> = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 }

export type AttributeValue = string | number | bigint | boolean

export interface Resource {
  /** `host.name`. */
  readonly host: string
  /** `service.version`: of the Codex that is the process, where it is known. */
  readonly versionOf?: (processUuid: string | null) => string | undefined
}

/** A row with what was read out of its body. */
export interface ShippedRow {
  readonly row: StoredLogRow
  /** Further attributes, by OpenTelemetry's names where there are some. */
  readonly attributes?: Readonly<Record<string, AttributeValue>>
  /** Instead of the row's body. */
  readonly body?: string
}

/** Of a thread's or process's rows: OpenTelemetry's names where there are some, else Codex's own. */
function* attributesOf({ row, attributes }: ShippedRow): Generator<[string, AttributeValue]> {
  yield ['log.target', row.target]
  if (row.threadId !== null) yield ['codex.thread.id', row.threadId]
  if (row.modulePath !== null) yield ['code.namespace', row.modulePath]
  if (row.file !== null) yield ['code.file.path', row.file]
  if (row.line !== null) yield ['code.line.number', row.line]
  // A receiver that was sent a row twice can tell by this.
  yield ['codex.log.id', row.id]
  if (attributes) yield* Object.entries(attributes)
}

/** The body of one `POST /v1/logs`: rows of one process share a resource. */
export function encodeLogs(rows: readonly ShippedRow[], resource: Resource): string {
  const byProcess = Map.groupBy(rows, ({ row }) => row.processUuid)
  const resources = [...byProcess].map(
    ([processUuid, group]) =>
      `{"resource":{"attributes":[${encodeAttributes(resourceAttributes(resource, processUuid))}]},` +
      `"scopeLogs":[{"scope":{"name":"codex"},"logRecords":[${group.map(encodeRow).join(',')}]}]}`,
  )
  return `{"resourceLogs":[${resources.join(',')}]}`
}

function* resourceAttributes(
  { host, versionOf }: Resource,
  processUuid: string | null,
): Generator<[string, AttributeValue]> {
  yield ['service.name', 'codex']
  const version = versionOf?.(processUuid)
  if (version !== undefined) yield ['service.version', version]
  yield ['host.name', host]
  if (processUuid === null) return
  yield ['service.instance.id', processUuid]
  const pid = /^pid:(\d{1,10}):/.exec(processUuid)?.[1]
  if (pid !== undefined) yield ['process.pid', Number(pid)]
}

function encodeRow(shipped: ShippedRow): string {
  const { row } = shipped
  const nanos = unixNanos(row)
  const body = shipped.body ?? row.body
  return (
    `{"timeUnixNano":"${nanos}","observedTimeUnixNano":"${nanos}",` +
    `"severityNumber":${SEVERITIES[row.level] ?? 0},"severityText":${quote(row.level)},` +
    // The event carried no text: an absent body, not an empty one.
    (body === null ? '' : `"body":{"stringValue":${quote(body)}},`) +
    `"attributes":[${encodeAttributes(attributesOf(shipped))}]}`
  )
}

/** Decimal text, as JSON numbers end at 2^53; never before 1970, which the protocol cannot say. */
function unixNanos({ tsSeconds, tsNanos }: StoredLogRow): string {
  if (!(tsSeconds > 0)) return String(Math.max(0, tsNanos))
  return `${Math.trunc(tsSeconds)}${String(Math.trunc(tsNanos)).padStart(9, '0').slice(0, 9)}`
}

export function encodeAttributes(attributes: Iterable<readonly [string, AttributeValue]>): string {
  const parts: string[] = []
  for (const [key, value] of attributes) parts.push(`{"key":${quote(key)},"value":${encodeValue(value)}}`)
  return parts.join(',')
}

function encodeValue(value: AttributeValue): string {
  if (typeof value === 'string') return `{"stringValue":${quote(value)}}`
  if (typeof value === 'boolean') return `{"boolValue":${value}}`
  // 64-bit integers are text in this form.
  return typeof value === 'bigint' || Number.isSafeInteger(value)
    ? `{"intValue":"${value}"}`
    : `{"doubleValue":${JSON.stringify(value)}}`
}

/** JSON has no lone surrogates, and a receiver that decodes UTF-8 refuses the whole batch for one. */
function quote(text: string): string {
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed())
}

/** A span of a turn, a request or a tool call. */
export interface TraceSpan {
  /** 32 hexadecimal digits; a turn's id without its dashes. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** Unix milliseconds, UTC. */
  readonly startMs: number
  readonly endMs: number
  readonly error?: string
  readonly processUuid: string | null
  readonly attributes: Readonly<Record<string, AttributeValue>>
}

/** The body of one `POST /v1/traces`: spans of one process share a resource. */
export function encodeTraces(spans: readonly TraceSpan[], resource: Resource): string {
  const resources = [...Map.groupBy(spans, ({ processUuid }) => processUuid)].map(
    ([processUuid, group]) =>
      `{"resource":{"attributes":[${encodeAttributes(resourceAttributes(resource, processUuid))}]},` +
      `"scopeSpans":[{"scope":{"name":"codex"},"spans":[${group.map(encodeSpan).join(',')}]}]}`,
  )
  return `{"resourceSpans":[${resources.join(',')}]}`
}

function encodeSpan(span: TraceSpan): string {
  const { traceId, spanId, parentSpanId, name, startMs, endMs, error, attributes } = span
  return (
    `{"traceId":"${traceId}","spanId":"${spanId}",` +
    (parentSpanId === undefined ? '' : `"parentSpanId":"${parentSpanId}",`) +
    `"name":${quote(name)},"kind":1,` +
    `"startTimeUnixNano":"${msToNanos(startMs)}","endTimeUnixNano":"${msToNanos(endMs)}",` +
    `"attributes":[${encodeAttributes(Object.entries(attributes))}],` +
    (error === undefined ? '"status":{}}' : `"status":{"code":2,"message":${quote(error)}}}`)
  )
}

/** Whole microseconds: a number of milliseconds since 1970 has no more. */
function msToNanos(ms: number): string {
  return `${Math.max(0, Math.round(ms * 1000))}000`
}
