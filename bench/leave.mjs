import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { build } from 'esbuild'
import { HOMES, readRows } from './body.mjs'
import { generateLogs } from './generate-logs.mjs'
import { dataFolder, logs, median, node, root, run } from './measure.mjs'

/** What leaves the machine: files, OpenTelemetry, redaction, and a fleet of homes that ship to one receiver. */
export async function* measure({ fewRows, rounds, smoke }) {
  yield* redaction(rounds)
  const path = generateLogs(join(dataFolder, `${fewRows}/logs_2.sqlite`), { rowCount: fewRows })
  const folder = mkdtempSync(join(tmpdir(), 'codex-state-bench-'))
  try {
    const exported = []
    for (let round = 0; round < Math.min(rounds, 3); round++)
      exported.push(await run([...logs, 'export', '--db', path, '-o', join(folder, 'all.parquet')]))
    yield {
      what: `export of ${fewRows} rows as Parquet`,
      value: median(exported.map(({ wallMs }) => wallMs)) / 1000,
      unit: 's',
      bound: 9,
    }
    yield { what: 'the same: peak memory', value: peakOf(exported), unit: 'MiB', bound: 200 }

    const shipped = []
    let told
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      const receiver = await startCounter()
      shipped.push(await run([...logs, 'ship', '--db', path, '--otlp', receiver.url]))
      told = await receiver.end()
    }
    const rowCount = countRows(path)
    yield {
      what: `ship of ${rowCount} rows, gzip`,
      value: (median(shipped.map(({ wallMs }) => wallMs)) / rowCount) * 1000,
      unit: 'µs a row',
      bound: 25,
      detail: `${Math.round((rowCount / median(shipped.map(({ wallMs }) => wallMs))) * 1000)} rows/s, ${Math.round(told.bytes / rowCount)} bytes a row`,
    }
    yield { what: 'the same: peak memory', value: peakOf(shipped), unit: 'MiB', bound: 200 }
    yield* fleet(folder, smoke ? { homes: 4, seconds: 10 } : { homes: 200, seconds: 10 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function peakOf(runs) {
  return Math.max(...runs.map(({ peakMiB }) => peakMiB))
}

function countRows(path) {
  const database = new Database(path, { readonly: true })
  const count = database.prepare('SELECT count(*) FROM logs').pluck().get()
  database.close()
  return count
}

const WINDOW_CHARACTERS = 1024 * 1024

/** Processor time for a gigabyte of real bodies, in windows as a command redacts them. */
async function* redaction(rounds) {
  const outdir = join(dataFolder, 'share')
  await build({
    entryPoints: ['redact', 'secretlint'].map((name) => join(root, `src/share/${name}.ts`)),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
    },
    outExtension: { '.js': '.mjs' },
  })
  const { createRedactor } = await import(pathToFileURL(join(outdir, 'redact.mjs')))
  const { findBySecretlint } = await import(pathToFileURL(join(outdir, 'secretlint.mjs')))
  const text = HOMES.flatMap(readRows)
    .map(({ body }) => `${body}\n`)
    .join('')
  const windows = []
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from + WINDOW_CHARACTERS) + 1 || text.length
    // Flat, as text from a file is.
    windows.push(Buffer.from(text.slice(from, end)).toString())
    from = end
  }
  const bytes = Buffer.byteLength(text)
  for (const [what, bound, options] of [
    ['redaction by our own rules', 1000 / 150, {}],
    ['redaction with secretlint', 1000 / 70, { findMore: findBySecretlint }],
  ]) {
    const times = []
    for (let round = 0; round < rounds + 1; round++) {
      const redactor = createRedactor(options)
      const before = process.cpuUsage().user
      for (const window of windows) await redactor.redact(window)
      times.push((process.cpuUsage().user - before) / 1e6)
    }
    const seconds = median(times.slice(1))
    yield {
      what,
      value: (seconds / bytes) * 1e9,
      unit: 's a GB',
      bound,
      detail: `${Math.round(bytes / 1e6 / seconds)} MB/s, ${Math.round(bytes / 1e6)} MB`,
    }
  }
}

async function startCounter() {
  const child = spawn(node, [join(root, 'bench/otlp-counter.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { value: port } = await lines.next()
  return {
    url: `http://127.0.0.1:${port}`,
    async end() {
      child.kill('SIGTERM')
      const { value } = await lines.next()
      return JSON.parse(value)
    },
  }
}

const ROWS_A_SECOND = 100

/**
 * Homes that all write and ship at once. Starting so many programs is not what is measured, so each ships what its home
 * wrote in the time: the processor time of a row is that of its program, less that of one that finds nothing.
 */
async function* fleet(folder, { homes, seconds }) {
  const rowCount = ROWS_A_SECOND * seconds
  const original = generateLogs(join(dataFolder, `${rowCount}/logs_2.sqlite`), { rowCount })
  const paths = Array.from({ length: homes }, (_, index) => join(folder, `home-${index}`, 'logs_2.sqlite'))
  for (const path of paths) {
    mkdirSync(join(path, '..'))
    copyFileSync(original, path)
  }
  const rows = countRows(original) * homes
  const receiver = await startCounter()
  const ship = (path, url) => [
    ...logs,
    'ship',
    '--db',
    path,
    '--otlp',
    url,
    '--cursor-file',
    `${path}.cursor`,
  ]
  const shipping = []
  const started = performance.now()
  const waiting = [...paths]
  const worker = async () => {
    for (let path = waiting.pop(); path; path = waiting.pop())
      shipping.push(await run(ship(path, receiver.url)))
  }
  await Promise.all([worker(), worker()])
  const wallSeconds = (performance.now() - started) / 1000
  const told = await receiver.end()
  const idle = await startCounter()
  const empty = []
  for (const path of paths.slice(0, 5)) empty.push(await run(ship(path, idle.url)))
  await idle.end()
  const cpuMs = shipping.reduce((sum, { cpuMs }) => sum + cpuMs, 0)
  const startMs = median(empty.map(({ cpuMs }) => cpuMs)) * homes
  const words = `${homes} homes at ${ROWS_A_SECOND} rows/s`
  yield {
    what: `${words}: processor a row, of a shipper`,
    value: ((cpuMs - startMs) / rows) * 1000,
    unit: 'µs a row',
    detail: `${Math.round((cpuMs / rows) * 1000)} with starts`,
  }
  yield { what: `${words}: the same, of the receiver`, value: (told.cpuMs / rows) * 1000, unit: 'µs a row' }
  yield { what: `${words}: sent`, value: told.bytes / rows, unit: 'bytes a row' }
  yield {
    what: `${words}: time for ${seconds} s of their rows`,
    value: wallSeconds,
    unit: 's',
  }
}
