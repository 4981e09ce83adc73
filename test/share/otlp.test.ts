import { afterEach, expect, test } from 'vitest'
import type { LogRow } from '../../src/model/log.js'
import { encodeLogs, encodeTraces } from '../../src/share/otlp.js'
import { createOtlpClient, type OtlpClient, resolveOtlpTarget } from '../../src/share/otlp-client.js'
import { type ShipOptions, shipRows } from '../../src/share/ship.js'
import { type Receiver, startReceiver } from '../helpers/otlp-receiver.js'

const ROW: LogRow = {
  id: 7,
  tsSeconds: 1_795_564_800,
  tsNanos: 5,
  level: 'WARN',
  target: 'codex_core::turn',
  body: 'a "quoted"\nbody',
  threadId: '01a1fb71-8b7b-7f23-a852-149551519dd4',
  processUuid: 'pid:4242:0b5c6a54-7f4e-4b5b-9b64-6a0d1ad6c0de',
  modulePath: 'codex_core::turn',
  file: 'core/src/turn.rs',
  line: 12,
}

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function start(): Promise<{ receiver: Receiver; client: OtlpClient }> {
  const receiver = await startReceiver()
  const client = createOtlpClient(resolveOtlpTarget('logs', receiver.url, {}))
  closers.push(
    () => client.close(),
    () => receiver.close(),
  )
  return { receiver, client }
}

/** Waits are recorded, and not waited for. */
function options(client: OtlpClient, waits: number[] = []): ShipOptions<LogRow> {
  return {
    client,
    encode: (rows) =>
      encodeLogs(
        rows.map((row) => ({ row })),
        { host: 'lab-7' },
      ),
    signal: new AbortController().signal,
    sleep: async (ms) => void waits.push(ms),
    random: () => 0.5,
  }
}

test('a row arrives with all that it has, under the names of OpenTelemetry', async () => {
  const { receiver, client } = await start()
  expect(await shipRows([ROW], options(client))).toMatchObject({
    kind: 'shipped',
    shipment: { sentRows: 1, tryCount: 1 },
  })
  expect(receiver.requests).toMatchObject([
    { path: '/v1/logs', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
  ])
  expect(receiver.records).toEqual([
    {
      timeUnixNano: '1795564800000000005',
      observedTimeUnixNano: '1795564800000000005',
      severityNumber: 13,
      severityText: 'WARN',
      body: { stringValue: 'a "quoted"\nbody' },
      attributes: {
        'log.target': 'codex_core::turn',
        'codex.thread.id': ROW.threadId,
        'code.namespace': 'codex_core::turn',
        'code.file.path': 'core/src/turn.rs',
        'code.line.number': 12,
        'codex.log.id': 7,
      },
      resource: {
        'service.name': 'codex',
        'host.name': 'lab-7',
        'service.instance.id': ROW.processUuid,
        'process.pid': 4242,
      },
    },
  ])
})

test('a row of the oldest layout arrives without what it lacks', async () => {
  const { receiver, client } = await start()
  const row: LogRow = {
    ...ROW,
    body: null,
    threadId: null,
    processUuid: null,
    modulePath: null,
    file: null,
    line: null,
    level: 'NOTICE',
  }
  await shipRows([row], options(client))
  expect(receiver.records).toEqual([
    expect.objectContaining({
      severityNumber: 0,
      severityText: 'NOTICE',
      attributes: { 'log.target': ROW.target, 'codex.log.id': 7 },
    }),
  ])
  expect(receiver.records[0]).not.toHaveProperty('body')
})

test('a body with half a character is sent as valid UTF-8', async () => {
  const { receiver, client } = await start()
  await shipRows([{ ...ROW, body: 'a \ud83d b' }], options(client))
  expect(receiver.records[0]!.body).toEqual({ stringValue: 'a \ufffd b' })
})

test('rows of several processes are one message with a resource each', () => {
  const rows = [ROW, { ...ROW, id: 8, processUuid: null }, { ...ROW, id: 9 }]
  const { resourceLogs } = JSON.parse(
    encodeLogs(
      rows.map((row) => ({ row })),
      { host: 'h', versionOf: () => '0.169.0' },
    ),
  )
  expect(
    resourceLogs.map(
      (one: { scopeLogs: { logRecords: unknown[] }[] }) => one.scopeLogs[0]?.logRecords.length,
    ),
  ).toEqual([2, 1])
  expect(resourceLogs[1].resource.attributes).toEqual([
    { key: 'service.name', value: { stringValue: 'codex' } },
    { key: 'service.version', value: { stringValue: '0.169.0' } },
    { key: 'host.name', value: { stringValue: 'h' } },
  ])
})

test.each([429, 502, 503, 504])(
  'what is answered with %i is sent again until it is taken',
  async (status) => {
    const { receiver, client } = await start()
    let refusals = 3
    receiver.behave((_, response, accept) => {
      if (refusals-- > 0) response.writeHead(status).end('busy')
      else accept()
    })
    const waits: number[] = []
    expect(await shipRows([ROW], options(client, waits))).toMatchObject({
      kind: 'shipped',
      shipment: { tryCount: 4 },
    })
    expect(receiver.records).toHaveLength(1)
    expect(waits).toEqual([1000, 2000, 4000])
  },
)

test('a receiver that says when to come again is obeyed', async () => {
  const { receiver, client } = await start()
  let isFirst = true
  receiver.behave((_, response, accept) => {
    if (isFirst) response.writeHead(429, { 'retry-after': '7' }).end()
    else accept()
    isFirst = false
  })
  const waits: number[] = []
  await shipRows([ROW], options(client, waits))
  expect(waits).toEqual([7000])
})

test.each([400, 401, 404])(
  'what is answered with %i is not sent again, and the answer is told',
  async (status) => {
    const { receiver, client } = await start()
    receiver.behave((_, response) => void response.writeHead(status).end('no such tenant\nmore'))
    expect(await shipRows([ROW], options(client))).toEqual({
      kind: 'refused',
      reason: `${status}: no such tenant`,
    })
    expect(receiver.requests).toHaveLength(1)
  },
)

test('what is too large is halved until it is taken', async () => {
  const { receiver, client } = await start()
  receiver.behave((request, response, accept) => {
    if (Number(request.headers['content-length']) > 700) response.writeHead(413).end()
    else accept()
  })
  const rows = Array.from({ length: 64 }, (_, id) => ({ ...ROW, id, body: `${Math.sin(id)}`.repeat(3) }))
  expect(await shipRows(rows, options(client))).toMatchObject({ kind: 'shipped', shipment: { sentRows: 64 } })
  expect(receiver.records.map(({ attributes }) => attributes['codex.log.id'])).toEqual(
    rows.map(({ id }) => id),
  )
})

test('rows that the receiver took and rejected are counted, with its reason', async () => {
  const { receiver, client } = await start()
  receiver.behave(
    (_, response) =>
      void response
        .writeHead(200)
        .end('{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old"}}'),
  )
  expect(await shipRows([ROW], options(client))).toMatchObject({
    kind: 'shipped',
    shipment: { rejectedRows: 1, rejectedReason: 'too old' },
  })
})

test('a connection that is cut, and an answer that is cut, are tried again', async () => {
  const { receiver, client } = await start()
  let count = 0
  receiver.behave((request, response, accept) => {
    count += 1
    if (count === 1) request.socket.destroy()
    else if (count === 2) {
      response.writeHead(200, { 'content-length': 100 }).write('{"par')
      setTimeout(() => request.socket.destroy(), 20)
    } else accept()
  })
  expect(await shipRows([ROW], options(client))).toMatchObject({ kind: 'shipped', shipment: { tryCount: 3 } })
})

test('a receiver that is down is waited for, and Ctrl-C ends the waiting', async () => {
  const { receiver, client } = await start()
  await receiver.close()
  const controller = new AbortController()
  const reasons: string[] = []
  const outcome = await shipRows([ROW], {
    ...options(client),
    signal: controller.signal,
    onRetry: (reason, _, tryCount) => {
      reasons.push(reason)
      if (tryCount === 3) controller.abort()
    },
  })
  expect(outcome).toEqual({ kind: 'stopped' })
  expect(reasons).toHaveLength(3)
  expect(reasons[0]).toMatch(/ECONNREFUSED/)
})

test('a receiver that speaks nonsense is a refusal, not a crash', async () => {
  const { createServer } = await import('node:net')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('SSH-2.0-nonsense\r\n\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  const client = createOtlpClient(resolveOtlpTarget('logs', `http://127.0.0.1:${port}`, {}))
  closers.push(() => client.close())
  expect(await client.send('{}')).toMatchObject({
    kind: 'refused',
    reason: expect.stringMatching(/Parse Error/),
  })
})

test('a web page that answers with success is a refusal: what it took is lost', async () => {
  const { createServer } = await import('node:http')
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as { port: number }
  const client = createOtlpClient(resolveOtlpTarget('logs', `http://127.0.0.1:${port}`, {}))
  closers.push(() => client.close())
  expect(await client.send('{}')).toEqual({
    kind: 'refused',
    reason: 'a web page answers, no OpenTelemetry receiver (200)',
  })
})

test('a receiver that never answers is given up after the time limit', async () => {
  const { receiver } = await start()
  receiver.behave(() => {})
  const client = createOtlpClient(
    resolveOtlpTarget('logs', receiver.url, { OTEL_EXPORTER_OTLP_TIMEOUT: '50' }),
  )
  closers.push(() => client.close())
  expect(await client.send('{}')).toEqual({
    kind: 'retry',
    reason: 'no answer within 0.05 s',
    afterMs: undefined,
  })
})

test.each([
  ['http://c:4318', {}, 'http://c:4318/v1/logs'],
  ['http://c:4318/otlp/', {}, 'http://c:4318/otlp/v1/logs'],
  ['http://c:4318/v1/logs', {}, 'http://c:4318/v1/logs'],
  [undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/x' }, 'https://c/x/v1/logs'],
  [undefined, { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://c/take' }, 'https://c/take'],
  ['http://typed', { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://c/take' }, 'http://typed/v1/logs'],
])('the endpoint of %j and %j is %s', (typed, env, expected) => {
  expect(resolveOtlpTarget('logs', typed, env).url.href).toBe(expected)
})

test('headers, compression and time limit come from the standard variables, the own ones first', () => {
  expect(
    resolveOtlpTarget('logs', 'http://c', {
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20a,x-team=one',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-team=two',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
    }),
  ).toMatchObject({
    headers: { authorization: 'Bearer a', 'x-team': 'two' },
    isCompressed: false,
    timeoutMs: 2500,
  })
})

test.each([
  [undefined, {}, 'no receiver is named'],
  ['ftp://c', {}, 'not an http or https URL: ftp://c'],
  ['http://c', { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere.pem' }, /cannot read \/nowhere\.pem/],
])('an endpoint of %j with %j is a wrong use', (typed, env, message) => {
  expect(() => resolveOtlpTarget('logs', typed, env)).toThrow(message)
})

test('a turn and its calls are spans of one trace', () => {
  const { resourceSpans } = JSON.parse(
    encodeTraces(
      [
        {
          traceId: 'a'.repeat(32),
          spanId: 'b'.repeat(16),
          parentSpanId: 'c'.repeat(16),
          name: 'exec_command',
          startMs: 1000,
          endMs: 1500,
          error: 'exit code 1',
          processUuid: null,
          attributes: { 'codex.call.id': 'call_1' },
        },
      ],
      { host: 'h' },
    ),
  )
  expect(resourceSpans[0].scopeSpans[0].spans).toEqual([
    {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      parentSpanId: 'c'.repeat(16),
      name: 'exec_command',
      kind: 1,
      startTimeUnixNano: '1000000000',
      endTimeUnixNano: '1500000000',
      attributes: [{ key: 'codex.call.id', value: { stringValue: 'call_1' } }],
      status: { code: 2, message: 'exit code 1' },
    },
  ])
})
