import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../helpers/otlp-receiver.js'
import { requirePrograms } from '../helpers/programs.js'
import { binPath, runBin, startBin, startProcess } from '../helpers/spawn.js'

const ROWS = 100_000

const folder = mkdtempSync(join(tmpdir(), 'codex-state-ship-faults-'))
const path = join(folder, 'logs_2.sqlite')
let writer: Database.Database

beforeAll(() => {
  writer = new Database(path)
  writer.pragma('journal_mode = WAL')
  writer.exec(
    `CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, ts_nanos INTEGER NOT NULL,
       level TEXT NOT NULL, target TEXT NOT NULL, feedback_log_body TEXT, module_path TEXT, file TEXT, line INTEGER,
       thread_id TEXT, process_uuid TEXT, estimated_bytes INTEGER NOT NULL DEFAULT 0);
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
     INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body)
     SELECT 1795564800 + i / 100, i % 1000, 'INFO', 'made', 'row ' || i FROM n`,
  )
})
afterAll(() => {
  writer.close()
  rmSync(folder, { recursive: true })
})

/** Fails at once when it would have to wait for somebody. */
function writeOne(): void {
  writer.pragma('busy_timeout = 0')
  writer
    .prepare(
      "INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body) VALUES (1795566000, 0, 'INFO', 'made', 'new')",
    )
    .run()
}

const shipTo = ({ url }: Receiver, cursor: string) => [
  'ship',
  ...['--db', path, '--otlp', url, '--cursor-file', cursor],
]

/** Each once. */
const idsOf = ({ records }: Receiver) =>
  records.splice(0).map(({ attributes }) => Number(attributes['codex.log.id']))

test('100,000 rows get through a receiver that fails in every way, a kill and a restart: none is lost, doubles are told', async () => {
  let receiver = await startReceiver()
  const port = Number(new URL(receiver.url).port)
  const cursor = join(folder, 'cursor')
  const args = shipTo(receiver, cursor)
  const ids: number[] = []

  // The first run is killed while the receiver has its message and has not said so.
  let count = 0
  receiver.behave((_, __, accept) => {
    count += 1
    writeOne()
    if (count <= 20) accept()
    else receiver.keep(_)
  })
  const killed = startBin('codex-logs', args)
  await killed.until(() => count === 21)
  await killed.end('SIGKILL')
  ids.push(...idsOf(receiver))
  expect(ids).toHaveLength(21 * 512)

  // The second meets what networks do.
  const cut = { afterTaking: 0, dead: 0 }
  count = 0
  const behaviour: Parameters<Receiver['behave']>[0] = async (request, response, accept) => {
    count += 1
    writeOne()
    switch (count) {
      case 5:
        return void response.writeHead(503, { 'retry-after': '0' }).end('not now')
      case 9:
        return void response.writeHead(429, { 'retry-after': '0' }).end()
      case 13:
        // It has them, and the answer is lost.
        receiver.keep(request)
        cut.afterTaking += 1
        return void request.socket.destroy()
      case 17:
        // Whoever answers in its place has none of them.
        return void response.writeHead(200).end('<html>log in first</html>')
      case 21:
        await new Promise((resolve) => setTimeout(resolve, 300))
        return accept()
      case 25: {
        // It dies within the message, and is back after a while.
        ids.push(...idsOf(receiver))
        await receiver.close()
        cut.dead += 1
        await new Promise((resolve) => setTimeout(resolve, 300))
        receiver = await startReceiver(port)
        return receiver.behave(behaviour)
      }
      default:
        return accept()
    }
  }
  receiver.behave(behaviour)
  const refused = await runBin('codex-logs', args)
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('a web page answers') })
  const ended = await runBin('codex-logs', args)
  const stderr = refused.stderr + ended.stderr
  ids.push(...idsOf(receiver))
  await receiver.close()
  expect({ exitCode: ended.exitCode, cut }).toEqual({ exitCode: 0, cut: { afterTaking: 1, dead: 1 } })
  for (const reason of ['503: not now', '429', 'socket hang up']) expect(stderr).toContain(reason)
  // One run was killed with a message under way; of the other's, one was taken twice.
  const unique = new Set(ids)
  expect(ids.length - unique.size).toBe(2 * 512)
  const told = stderr.matchAll(/; (\d+) messages? sent again, whose rows the receiver may have twice/g)
  const again = [...told].reduce((sum, [, count]) => sum + Number(count), 0)
  expect(again).toBeGreaterThanOrEqual(4)
  for (let id = 1; id <= ROWS; id++) if (!unique.has(id)) throw new Error(`row ${id} is lost`)

  // What was written meanwhile comes with the next run.
  const late = await startReceiver()
  expect((await runBin('codex-logs', shipTo(late, cursor))).exitCode).toBe(0)
  const stored = writer.prepare('SELECT id FROM logs ORDER BY id').pluck().all() as number[]
  expect([...new Set([...unique, ...idsOf(late)])].toSorted((a, b) => a - b)).toEqual(stored)
  await late.close()
})

test.each([
  [400, 'bad', 'the receiver refuses what is sent: 400: bad'],
  [401, '', 'the receiver refuses what is sent: 401'],
  [500, 'x'.repeat(100_000), 'the receiver refuses what is sent: 500'],
])('a receiver that answers %d refuses for good, and nothing is recorded', async (status, text, message) => {
  const receiver = await startReceiver()
  receiver.behave((_, response) => void response.writeHead(status).end(text))
  const cursor = join(folder, `refused-${status}`)
  const ended = await runBin('codex-logs', shipTo(receiver, cursor))
  await receiver.close()
  expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(message) })
  expect(ended.stderr.split('\n').every((line) => line.length < 400)).toBe(true)
  expect(readdirSync(folder)).not.toContain(`refused-${status}`)
})

test('a certificate that is not trusted is refused at once; one that is named is taken', async () => {
  requirePrograms('openssl')
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...[
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        key,
        '-out',
        certificate,
      ],
    ],
    { stdio: 'ignore' },
  )
  let taken = 0
  const server = createTlsServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (request, response) => {
      request.resume().on('end', () => {
        taken += 1
        response.end('{}')
      })
    },
  )
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const args = ['ship', '--db', path, '--otlp', url, '--level', 'info', '--since', '2026-11-25T00:16']
  expect(await runBin('codex-logs', args)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/refuses what is sent: self-signed certificate/),
  })
  expect(taken).toBe(0)
  const trusted = await runBin('codex-logs', args, { env: { OTEL_EXPORTER_OTLP_CERTIFICATE: certificate } })
  expect(trusted.exitCode).toBe(0)
  expect(taken).toBeGreaterThan(0)
  server.close()
  server.closeAllConnections()
})

test('a cursor that cannot be written ends it, and says why', async () => {
  const receiver = await startReceiver()
  const cursor = join(folder, 'no-such-folder', 'cursor')
  const ended = await runBin('codex-logs', shipTo(receiver, cursor))
  await receiver.close()
  expect(ended).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/cannot write the cursor file .*: its folder does not exist/),
  })
})

test.runIf(process.platform === 'linux')('a disk that is full leaves no half file', async () => {
  requirePrograms('bash')
  const before = readdirSync(folder)
  for (const ending of ['ndjson', 'parquet']) {
    const target = join(folder, `full.${ending}`)
    // No file may grow beyond 64 KiB.
    const ended = await startProcess('bash', [
      '-c',
      'ulimit -f 64; exec "$@"',
      'bash',
      process.execPath,
      binPath('codex-logs'),
      ...['export', '--db', path, '-o', target],
    ]).end()
    expect(ended).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot write .*: no file may be that large/),
    })
  }
  expect(readdirSync(folder)).toEqual(before)
})
