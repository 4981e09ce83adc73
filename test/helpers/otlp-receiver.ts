import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** A log record as OTLP/JSON has it. */
export interface ReceivedRecord {
  timeUnixNano: string
  severityNumber: number
  severityText: string
  body?: { stringValue: string }
  attributes: Record<string, string | number | boolean>
  resource: Record<string, string | number | boolean>
}

/** A span as OTLP/JSON has it. */
export interface ReceivedSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  status: { code?: number; message?: string }
  attributes: Record<string, string | number | boolean>
  resource: Record<string, string | number | boolean>
}

/** What the receiver does with one request; `accept` is to keep its records and answer 200. */
export type Behaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  accept: () => void,
) => void | Promise<void>

export interface Receiver {
  readonly url: string
  readonly records: ReceivedRecord[]
  readonly requests: { path: string; headers: IncomingMessage['headers']; bytes: number }[]
  readonly spans: ReceivedSpan[]
  behave(behaviour: Behaviour): void
  /** Keeps what a request holds, and says nothing. */
  keep(request: IncomingMessage): void
  close(): Promise<void>
}

/** An OTLP/HTTP receiver on loopback that takes everything, until it is told otherwise. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const records: ReceivedRecord[] = []
  const spans: ReceivedSpan[] = []
  const requests: Receiver['requests'] = []
  const bodies = new WeakMap<IncomingMessage, Buffer>()
  const keep = (request: IncomingMessage): void => {
    const sent = bodies.get(request)!
    const json = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    const message = JSON.parse(json.toString())
    if ('resourceSpans' in message) spans.push(...decodeTraces(message))
    else records.push(...decodeLogs(message))
  }
  let behaviour: Behaviour = (_, __, accept) => accept()
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => {})
    request.on('end', () => {
      const sent = Buffer.concat(chunks)
      requests.push({ path: request.url ?? '', headers: request.headers, bytes: sent.length })
      bodies.set(request, sent)
      const accept = (): void => {
        keep(request)
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      }
      void behaviour(request, response, accept)
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    records,
    spans,
    requests,
    keep,
    behave(next) {
      behaviour = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Value {
  stringValue?: string
  intValue?: string
  doubleValue?: number
  boolValue?: boolean
}
type Attributes = { key: string; value: Value }[]

interface LogsMessage {
  resourceLogs: {
    resource: { attributes: Attributes }
    scopeLogs: {
      logRecords: (Omit<ReceivedRecord, 'attributes' | 'resource'> & { attributes: Attributes })[]
    }[]
  }[]
}

function decodeLogs(message: LogsMessage): ReceivedRecord[] {
  return message.resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => ({
        ...record,
        attributes: toObject(record.attributes),
        resource: toObject(resource.attributes),
      })),
    ),
  )
}

interface TracesMessage {
  resourceSpans: {
    resource: { attributes: Attributes }
    scopeSpans: { spans: (Omit<ReceivedSpan, 'attributes' | 'resource'> & { attributes: Attributes })[] }[]
  }[]
}

function decodeTraces(message: TracesMessage): ReceivedSpan[] {
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: toObject(span.attributes),
        resource: toObject(resource.attributes),
      })),
    ),
  )
}

function toObject(attributes: Attributes): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ??
        (value.intValue === undefined ? undefined : Number(value.intValue)) ??
        value.doubleValue ??
        value.boolValue!,
    ]),
  )
}
