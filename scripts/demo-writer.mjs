// Adds log rows to the demo home, as a Codex at work would: a few at a time, in WAL mode.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'

const THREAD = '019a5d2e-7c31-7d10-9b1e-4f6a2c8e0b17'
const SCENES = [
  ['INFO', 'codex_core::codex', 'session_loop{thread_id=…}: turn started model="gpt-5.2-codex"'],
  ['DEBUG', 'codex_core::stream_events_utils', 'Output item done item_type="reasoning"'],
  ['INFO', 'codex_core::tools', 'ToolCall: shell {"command":["rg","-n","TODO","src"]}'],
  ['TRACE', 'codex_api::sse', 'event="response.output_text.delta" bytes=48'],
  [
    'INFO',
    'codex_core::tools',
    'ToolCall: apply_patch *** Begin Patch\n*** Update File: src/totals.ts\n-  return sum\n+  return Math.round(sum * 100) / 100\n*** End Patch',
  ],
  ['WARN', 'codex_core::client', 'stream disconnected, retrying 1/5 in 212ms'],
  ['INFO', 'codex_core::codex', 'turn complete total_tokens=18234'],
  ['ERROR', 'codex_core::exec', 'exec error: No such file or directory (os error 2)'],
]

const database = new Database(process.argv[2])
database.pragma('journal_mode = WAL')
const insert = database.prepare(
  `INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, module_path, file, line, thread_id, process_uuid, estimated_bytes)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
)
const processUuid = `pid:${process.pid}:${randomUUID()}`

let isStopped = false
process.on('SIGTERM', () => {
  isStopped = true
})
// Ctrl-C reaches this process too; the reader's end is what stops it.
process.on('SIGINT', () => {})

for (let turn = 0; !isStopped; turn++) {
  const [level, target, body] = SCENES[turn % SCENES.length]
  const now = Date.now()
  const file = `core/src/${target.split('::')[1] ?? 'lib'}.rs`
  const thread = level === 'TRACE' ? null : THREAD
  const nanos = (now % 1000) * 1e6
  insert.run(
    Math.floor(now / 1000),
    nanos,
    level,
    target,
    body,
    target,
    file,
    40 + turn,
    thread,
    processUuid,
    body.length,
  )
  await sleep(400)
}
database.close()
