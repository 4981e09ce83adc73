// Commits rows to a log database as Codex does, and tells on stdout, when it ends, how long its commits took
// and how large the WAL grew: log-writer.mjs FILE ROWS_PER_COMMIT PAUSE_MS SECONDS. A row's body is the time of
// its commit, in milliseconds of the system's clock.
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'

const [, , file, rowsPerCommit, pauseMs, seconds] = process.argv
const database = new Database(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = NORMAL')
const insert = database.prepare(
  `INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, module_path, file, line, thread_id, process_uuid, estimated_bytes)
   VALUES (?, 0, 'INFO', 'bench', ?, 'bench', 'bench.rs', 1, NULL, 'pid:1:bench', 40)`,
)
const commit = database.transaction((count) => {
  const now = performance.timeOrigin + performance.now()
  for (let row = 0; row < count; row++)
    insert.run(Math.floor(now / 1000), `${now.toFixed(3)} ${'x'.repeat(200)}`)
})
const commitMs = []
let walBytes = 0
const end = Date.now() + Number(seconds) * 1000
while (Date.now() < end) {
  const started = performance.now()
  commit(Number(rowsPerCommit))
  commitMs.push(performance.now() - started)
  walBytes = Math.max(walBytes, statSync(`${file}-wal`).size)
  await sleep(Number(pauseMs))
}
commitMs.sort((a, b) => a - b)
const at = (part) => commitMs[Math.min(commitMs.length - 1, Math.floor(commitMs.length * part))]
process.stdout.write(
  JSON.stringify({ commits: commitMs.length, p50: at(0.5), p90: at(0.9), walMiB: walBytes / 2 ** 20 }),
)
