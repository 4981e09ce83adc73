import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { copyHome } from '../helpers/homes.js'
import { type Receiver, startReceiver } from '../helpers/otlp-receiver.js'
import { runBin, startBin } from '../helpers/spawn.js'

const home = copyHome('codex-0.140.0')
const logs = join(home, 'logs_2.sqlite')
const folder = mkdtempSync(join(tmpdir(), 'codex-state-ship-'))
let receiver: Receiver

beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())
afterAll(() => {
  rmSync(dirname(home), { recursive: true })
  rmSync(folder, { recursive: true })
})

const idsOf = () => receiver.records.map(({ attributes }) => attributes['codex.log.id'] as number)

function storedIds(): number[] {
  const database = new Database(logs, { readonly: true })
  const ids = database.prepare('SELECT id FROM logs ORDER BY id').pluck().all() as number[]
  database.close()
  return ids
}

test('every row arrives once and in order, with what its body says', async () => {
  const { stderr, exitCode } = await runBin('codex-logs', [
    'ship',
    '--otlp',
    receiver.url,
    '--codex-home',
    home,
  ])
  expect({ exitCode, stderr: stderr.split('\n').at(-2) }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(/^codex-logs: 5,015 rows sent in \d+ messages, \d/),
  })
  expect(idsOf()).toEqual(storedIds())
  expect(receiver.records.some(({ attributes }) => attributes['gen_ai.tool.name'] === 'exec_command')).toBe(
    true,
  )
  expect(
    new Set(receiver.records.map(({ attributes }) => attributes['http.response.status_code'])),
  ).toContain(200)
  expect(new Set(receiver.records.map(({ attributes }) => attributes['event.name']))).toContain(
    'codex.tool_result',
  )
  expect(receiver.records[0]!.resource).toMatchObject({ 'service.name': 'codex' })
  expect(receiver.records.at(-1)!.resource).toMatchObject({ 'service.version': '0.140.0' })
})

test('a cursor goes on behind the last row that was taken, and --redact leaves no key', async () => {
  const cursor = join(folder, 'cursor')
  const args = ['ship', '--otlp', receiver.url, '--codex-home', home, '--cursor-file', cursor, '--redact']
  // The third message is refused for good: what came before is recorded.
  let count = 0
  receiver.behave((_, response, accept) => {
    count += 1
    if (count < 3) accept()
    else response.writeHead(400).end('no more')
  })
  expect(await runBin('codex-logs', args)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/the receiver refuses what is sent: 400: no more/),
  })
  const first = idsOf()
  expect(JSON.parse(readFileSync(cursor, 'utf8')).id).toBe(first.at(-1))
  receiver.behave((_, __, accept) => accept())
  expect((await runBin('codex-logs', args)).exitCode).toBe(0)
  expect(idsOf()).toEqual(storedIds())
  expect(JSON.stringify(receiver.records)).not.toMatch(/sk-demo-|\/home\/demo/)
})

test('--redact takes the home folder out of the name of a source file too', async () => {
  const other = copyHome('codex-0.140.0')
  const database = new Database(join(other, 'logs_2.sqlite'))
  database.exec(`UPDATE logs SET file = '/home/demo/codex/core/src/x.rs' WHERE level = 'ERROR'`)
  database.close()
  const args = ['--otlp', receiver.url, '--codex-home', other, '--level', 'error', '--redact']
  expect((await runBin('codex-logs', ['ship', ...args])).exitCode).toBe(0)
  rmSync(dirname(other), { recursive: true })
  expect(receiver.records.length).toBeGreaterThan(0)
  const sent = JSON.stringify(receiver.records)
  expect(sent).toContain('[home]/codex/core/src/x.rs')
  expect(sent).not.toContain('/home/demo')
})

test('killed in the midst of it, it sends the rest at the next run: nothing is lost', async () => {
  const cursor = join(folder, 'killed')
  const args = ['ship', '--otlp', receiver.url, '--codex-home', home, '--cursor-file', cursor]
  let count = 0
  receiver.behave((_, __, accept) => {
    count += 1
    // The fourth is never answered.
    if (count !== 4) accept()
  })
  const running = startBin('codex-logs', args)
  await running.until(() => count === 4)
  await running.end('SIGKILL')
  expect((await runBin('codex-logs', args)).exitCode).toBe(0)
  expect([...new Set(idsOf())].toSorted((a, b) => a - b)).toEqual(storedIds())
})

test('--follow sends new rows as they come, through a receiver that is away for a while', async () => {
  const running = startBin('codex-logs', [
    'ship',
    '--otlp',
    receiver.url,
    '--codex-home',
    home,
    '--follow',
    '--level',
    'error',
  ])
  await running.until(() => receiver.records.length === 2)
  let refusals = 1
  receiver.behave((_, response, accept) => {
    if (refusals-- > 0) response.writeHead(503, { 'retry-after': '0' }).end()
    else accept()
  })
  const database = new Database(logs)
  database
    .prepare(
      "INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, estimated_bytes) VALUES (1795564800, 0, 'ERROR', 'a', 'new', 3)",
    )
    .run()
  await running.until(() => receiver.records.length === 3)
  database.close()
  const { exitCode, stderr } = await running.end('SIGTERM')
  expect(receiver.records.at(-1)!.body).toEqual({ stringValue: 'new' })
  expect(exitCode).toBe(143)
  expect(stderr).toMatch(/the receiver did not take them \(503\)/)
  expect(stderr).toMatch(/1 message sent again, whose rows the receiver may have twice/)
})

test('--traces sends turns with their requests and calls as spans, which are the same when they are sent again', async () => {
  const other = copyHome('codex-0.140.0')
  const ship = (...args: string[]) =>
    runBin('codex-logs', ['ship', '--traces', '--otlp', receiver.url, '--codex-home', other, ...args])
  const takeSpans = () => receiver.spans.splice(0)
  expect(await ship()).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/^codex-logs: \d+ spans sent in \d+ messages?, /),
  })
  expect(receiver.requests.at(-1)!.path).toBe('/v1/traces')
  const all = takeSpans()
  const roots = all.filter(({ parentSpanId }) => parentSpanId === undefined)
  expect(new Set(all.map(({ spanId }) => spanId)).size).toBe(all.length)
  expect(roots.length).toBeGreaterThan(10)
  for (const span of all) {
    const root = roots.find(({ spanId }) => spanId === (span.parentSpanId ?? span.spanId))!
    expect(root.traceId).toBe(span.traceId)
    expect(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano)).toBe(true)
    expect(BigInt(span.startTimeUnixNano) >= BigInt(root.startTimeUnixNano)).toBe(true)
  }
  expect(new Set(all.map(({ name }) => name))).toEqual(
    new Set([...all.map(({ name }) => name), 'turn', 'request', 'answer', 'exec_command']),
  )
  expect(all.some(({ status }) => status.code === 2)).toBe(true)

  // In two parts, cut within turns: what is sent of a turn in the end is the whole of it.
  const database = new Database(join(other, 'logs_2.sqlite'))
  const highest = database.prepare('SELECT max(id) FROM logs').pluck().get() as number
  database.exec(`CREATE TABLE kept AS SELECT * FROM logs WHERE id > ${highest >> 1}`)
  database.exec(`DELETE FROM logs WHERE id > ${highest >> 1}`)
  const cursor = join(folder, 'traces')
  await ship('--cursor-file', cursor)
  const before = takeSpans()
  database.exec('INSERT INTO logs SELECT * FROM kept; DROP TABLE kept')
  database.close()
  await ship('--cursor-file', cursor)
  const after = takeSpans()
  expect(before.length).toBeGreaterThan(10)
  expect(after.length).toBeGreaterThan(10)
  const last = new Map([...before, ...after].map((span) => [span.spanId, span]))
  for (const span of all) expect(last.get(span.spanId)).toEqual(span)
  expect(await ship('--cursor-file', cursor)).toMatchObject({
    stderr: 'codex-logs: 0 spans sent in 0 messages, 0 B\n',
  })
  rmSync(dirname(other), { recursive: true })
})

test('without a receiver it is a wrong use', async () => {
  expect(await runBin('codex-logs', ['ship', '--codex-home', home])).toMatchObject({
    exitCode: 2,
    stderr: 'codex-logs: no receiver is named. Pass --otlp URL, or set OTEL_EXPORTER_OTLP_ENDPOINT.\n',
  })
})
