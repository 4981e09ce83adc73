// Adds log rows to the demo home, as a Codex at work would: two real threads of it happen again and again, with new turns
// (one that fails after a retry, one with a tool call, one whose patch cannot be applied).
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'

const THREADS = ['01a1fb71-c86c-74a3-aa9d-341d2aeaabcf', '01a1fb71-8b7b-7692-b7b5-d1873cc870ec']
/** Quick enough to be worth watching, slow enough to be read. */
const SHORTEST_PAUSE_MS = 120
const LONGEST_PAUSE_MS = 900

const database = new Database(process.argv[2])
database.pragma('journal_mode = WAL')
const story = database
  .prepare(`SELECT * FROM logs WHERE thread_id IN (${THREADS.map(() => '?')}) ORDER BY thread_id DESC, id`)
  .all(...THREADS)
const insert = database.prepare(
  `INSERT INTO logs (ts, ts_nanos, level, target, feedback_log_body, module_path, file, line, thread_id, process_uuid, estimated_bytes)
   VALUES (@ts, @ts_nanos, @level, @target, @feedback_log_body, @module_path, @file, @line, @thread_id, @process_uuid, @estimated_bytes)`,
)
const process_uuid = `pid:${process.pid}:${randomUUID()}`

let isStopped = false
process.on('SIGTERM', () => {
  isStopped = true
})
// Ctrl-C reaches this process too; the reader's end is what stops it.
process.on('SIGINT', () => {})

while (!isStopped) {
  const turnIds = new Map()
  for (const [index, row] of story.entries()) {
    if (isStopped) break
    const now = Date.now()
    insert.run({
      ...row,
      ts: Math.floor(now / 1000),
      ts_nanos: (now % 1000) * 1e6,
      feedback_log_body: renameTurns(row.feedback_log_body, now, turnIds),
      process_uuid,
    })
    const next = story[index + 1] ?? row
    const pauseMs = (next.ts - row.ts) * 1000 + (next.ts_nanos - row.ts_nanos) / 1e6
    await sleep(Math.min(Math.max(pauseMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS))
  }
}
database.close()

/** A turn that happens again is another one: its id, of which time is the beginning, is a new one. */
function renameTurns(body, now, turnIds) {
  for (const [, id] of body?.matchAll(/\bturn[._]id="?([0-9a-f-]{36})/g) ?? []) {
    if (!turnIds.has(id)) turnIds.set(id, createTurnId(now))
  }
  let renamed = body
  for (const [id, another] of turnIds) renamed = renamed.replaceAll(id, another)
  return renamed
}

function createTurnId(now) {
  const time = now.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
