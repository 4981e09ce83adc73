import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { HOMES, readRows } from './body.mjs'
import { buildC, dataFolder, logs, pair } from './measure.mjs'

const ONE_CORE = ['taskset', '-c', '0']

/** Rows as a person and a script ask for them, of real bodies: random words would flatter. */
export async function* measure({ fewRows, rounds, smoke }) {
  const path = await generateRealLogs(join(dataFolder, `real-${fewRows}.sqlite`), fewRows)
  const query = (...args) => [...logs, 'query', '--db', path, ...args]
  const floor = buildC('floor', { withSqlite: true })
  if (floor) {
    for (const [what, args, mode, on, bound, mostMiB] of [
      ['query --format short', ['--format', 'short'], 'text', [], 2],
      ['the same, one thread', ['--format', 'short'], 'text', ONE_CORE, 3],
      ['query --json --parse', ['--json', '--parse'], 'json', [], 4],
      ['the same, one thread', ['--json', '--parse'], 'json', ONE_CORE, 5.5],
      ['query --collapse', ['--collapse'], 'text', [], 2, 450],
      ['the same, one thread', ['--collapse'], 'text', ONE_CORE, 3, 250],
    ]) {
      const { ratio, aMs, peakMiB } = await pair([...on, ...query(...args)], [...on, floor, mode, path], {
        rounds,
      })
      yield {
        what: `${what} of ${fewRows} real rows`,
        value: ratio,
        unit: 'F',
        bound,
        detail: `${Math.round(aMs)} ms`,
      }
      if (mostMiB) yield { what: `${what}: peak memory`, value: peakMiB, unit: 'MiB', bound: mostMiB }
    }
  }
  const search = (text) => query('--search', text, '--count')
  for (const [what, tool, bound] of [
    ['--where tool= of a rare value', 'wait_agent', 1.2],
    ['--where tool= of a common value', 'exec_command', 1.6],
  ]) {
    const { ratio, aMs } = await pair(query('--where', `tool=${tool}`, '--count'), search(tool), { rounds })
    yield { what, value: ratio, unit: 'of --search', bound, detail: `${Math.round(aMs)} ms` }
  }
  if (smoke) return
  const cli = [
    'sqlite3',
    '-readonly',
    '-list',
    path,
    `SELECT count(*) FROM logs WHERE instr(feedback_log_body, 'zebra-quokka') > 0`,
  ]
  const toCli = await pair(search('zebra-quokka'), cli, { rounds })
  yield { what: '--search of a text that is not there', value: toCli.ratio, unit: 'of sqlite3' }
}

/** The rows of several homes in turn, again and again, in blocks as the processes of a home write them. */
async function generateRealLogs(path, rowCount) {
  if (existsSync(path)) return path
  mkdirSync(dataFolder, { recursive: true })
  process.stderr.write(`generating ${path} …\n`)
  const homes = HOMES.map(readRows)
  const database = new Database(path)
  database.pragma('journal_mode = off')
  database.exec(SCHEMA)
  const insert = database.prepare(
    `INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, module_path, file, line, thread_id, process_uuid, estimated_bytes)
     VALUES (@ts, @ts_nanos, @level, @target, @body, @module_path, @file, @line, @thread_id, @process_uuid, 0)`,
  )
  database.transaction(() => {
    for (let written = 0, block = 0; written < rowCount; block++) {
      const rows = homes[block % homes.length]
      const from = (Math.floor(block / homes.length) * BLOCK) % rows.length
      for (const row of rows.slice(from, from + BLOCK)) {
        if (written++ >= rowCount) break
        insert.run({ ...row, ts: 1_770_000_000 + Math.floor(written / 100) })
      }
    }
  })()
  database.close()
  return path
}

const BLOCK = 500

const SCHEMA = `
  CREATE TABLE logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, ts_nanos INTEGER NOT NULL, level TEXT NOT NULL,
    target TEXT NOT NULL, feedback_log_body TEXT, module_path TEXT, file TEXT, line INTEGER, thread_id TEXT,
    process_uuid TEXT, estimated_bytes INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX idx_logs_ts ON logs(ts DESC, ts_nanos DESC, id DESC);
  CREATE INDEX idx_logs_thread_id ON logs(thread_id);
`
