// A log database as a busy Codex leaves it, the same for the same arguments: levels, targets and bodies in the
// proportions of real homes, 500 threads, several processes whose batches overlap in time, gaps from pruning.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'

/** Each layout of the table: name of the file → frozen schema. */
const SCHEMAS = {
  'state.sqlite': '0.93.0.state',
  'state_2.sqlite': '0.98.0.state_2',
  'state_4.sqlite': '0.99.0.state_4',
  'state_5.sqlite': '0.113.0.state_5',
  'logs_1.sqlite': '0.113.0.logs_1',
  'logs_2.sqlite': '0.169.0.logs_2',
}
export const LOG_FILES = Object.keys(SCHEMAS)
export const THREAD_COUNT = 500
/** The newest row's second. */
export const NEWEST_SECONDS = 1_793_520_000
const SPAN_SECONDS = 10 * 86_400

/**
 * Makes the file unless it is there, in the layout that its name tells. `rowCount` rows are inserted, 3 % of them
 * pruned again in runs. With turns, rows tell of requests and tools as real ones do, and 1 % of all of failures.
 */
export function generateLogs(path, { rowCount, withTurns = false }) {
  if (existsSync(path)) return path
  mkdirSync(dirname(path), { recursive: true })
  const aside = `${path}.tmp`
  for (const suffix of ['', '-wal', '-shm']) rmSync(aside + suffix, { force: true })
  const database = new Database(aside)
  database.pragma('journal_mode = OFF')
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -400000')
  const schema = new URL(`../test/fixtures/schemas/${SCHEMAS[basename(path)]}.sql`, import.meta.url)
  database.exec(readFileSync(fileURLToPath(schema), 'utf8'))
  const columns = database.pragma('table_info(logs)').flatMap(({ name }) => (name === 'id' ? [] : [name]))
  const insert = database.prepare(
    `INSERT INTO logs (${columns}) VALUES (${columns.map((name) => `@${name}`)})`,
  )
  const random = createRandom(42)
  const threads = Array.from({ length: THREAD_COUNT }, () => uuid(random))
  const processes = Array.from({ length: 40 }, (_, index) => `pid:${4000 + index * 17}:${uuid(random)}`)
  const first = NEWEST_SECONDS - SPAN_SECONDS
  for (let from = 0; from < rowCount; from += 100_000) {
    database.transaction(() => {
      for (let row = from; row < Math.min(from + 100_000, rowCount); row++) {
        // Batches of several processes: times run back by up to three seconds.
        const at = first + (row / rowCount) * SPAN_SECONDS - random() * 3
        const seconds = row === rowCount - 1 ? NEWEST_SECONDS : Math.floor(at)
        const scene = pick(random, withTurns ? TURN_SCENES : SCENES)
        const isBridged = scene.target === 'log'
        const isOfThread = withTurns ? !isBridged && !scene.isThreadless : random() < 0.38
        const thread = isOfThread ? threads[Math.floor((row / rowCount) * 460 + random() * 40)] : null
        const text = scene.write(random, row, thread)
        const process = processes[Math.floor((row / rowCount) * 36 + random() * 4)]
        insert.run({
          ts: seconds,
          ts_nanos: Math.floor(random() * 1e9),
          level: scene.level ?? (withTurns ? pickQuietLevel(random) : pickLevel(random)),
          target: scene.target,
          message: text,
          feedback_log_body: text,
          module_path: isBridged ? null : scene.target,
          file: isBridged ? null : scene.file,
          line: isBridged ? null : (scene.line ?? 20 + Math.floor(random() * 1500)),
          thread_id: thread,
          // A thread lives in one process.
          process_uuid: withTurns && thread ? processes[threads.indexOf(thread) % 40] : process,
          estimated_bytes: text.length + 40,
        })
      }
    })()
  }
  // What pruning leaves: runs of ids that are gone, most of them old.
  const prune = database.prepare('DELETE FROM logs WHERE id BETWEEN ? AND ?')
  database.transaction(() => {
    for (let gone = 0; gone < rowCount * 0.03; ) {
      const from = Math.floor(random() * random() * rowCount)
      const length = Math.floor(random() * 600)
      prune.run(from, from + length)
      gone += length
    }
  })()
  database.pragma('journal_mode = WAL')
  database.close()
  renameSync(aside, path)
  return path
}

const WORDS = (
  'turn item response tool call shell exec output delta stream event reasoning summary token usage queue drained ' +
  'submission dispatch request retry cache prefix approval sandbox policy workspace thread resume plan step patch'
).split(' ')

const SCENES = [
  {
    weight: 24,
    target: 'log',
    write: (random, row) =>
      `inotify event: Event { wd: WatchDescriptor { id: ${row % 90}, fd: (Weak) }, mask: EventMask(OPEN), cookie: 0, name: Some("${words(random, 2).replace(' ', '_')}.rs") }`,
  },
  {
    weight: 22,
    target: 'codex_api::sse::responses',
    isThreadless: true,
    file: 'codex-api/src/sse/responses.rs',
    write: (random, row, thread) =>
      `${spans(thread, row)}: SSE event: {"type":"response.output_text.delta","item_id":"msg_${hex(random, 24)}","delta":"${words(random, 6)}"}`,
  },
  {
    weight: 18,
    target: 'codex_core::stream_events_utils',
    file: 'core/src/stream_events_utils.rs',
    write: (random, row, thread) =>
      `${spans(thread, row)}: Output item done item_type="${words(random, 1)}" text=${words(random, 22)}`,
  },
  {
    weight: 14,
    target: 'codex_otel.log_only',
    file: 'otel/src/events.rs',
    write: (random, row, thread) =>
      `${spans(thread, row)}: event.name="codex.${words(random, 1)}" duration_ms=${row % 4000} model="gpt-5.2-codex" slug="${words(random, 3)}"`,
  },
  {
    weight: 10,
    target: 'codex_app_server::outgoing_message',
    isThreadless: true,
    file: 'app-server/src/outgoing_message.rs',
    write: (random) => `app-server event: item/${words(random, 1)} targeted_connections=1`,
  },
  {
    weight: 7,
    target: 'codex_core::tools',
    file: 'core/src/tools/mod.rs',
    write: (random, row, thread) =>
      `${spans(thread, row)}: ToolCall: shell {"command":["bash","-lc","${words(random, 14)}"],"workdir":"/home/demo/projects/${words(random, 1)}"}\n${words(random, 30)}\n${words(random, 25)}`,
  },
  {
    weight: 4,
    target: 'codex_client::transport',
    file: 'codex-client/src/transport.rs',
    write: (random, row, thread) => `${spans(thread, row)}: POST body ${words(random, 260)}`,
  },
  {
    weight: 1,
    target: 'codex_core::client',
    file: 'core/src/client.rs',
    write: (random, row, thread) =>
      `${spans(thread, row)}: stream disconnected – retrying “${words(random, 4)}” № ${row % 5}`,
  },
]

const turn = (level, target, weight, write) => ({
  level,
  target,
  weight,
  file: `${target.replaceAll('::', '/')}.rs`,
  line: 100,
  write,
})
const said = (text) => (_random, row, thread) =>
  `${spans(thread, row)}: ${text.replaceAll('#', String(row % 7919))}`

/** What a turn is told by, in the shares of a busy home. */
const STEP_SCENES = [
  turn(
    'DEBUG',
    'codex_core::session::handlers',
    1,
    said('Submission operation="turn_input" submission_id="#"'),
  ),
  turn('INFO', 'feedback_tags', 2, said('model="gpt-5.2" approval_policy=never tags_json=#')),
  turn(
    'DEBUG',
    'codex_http_client::client',
    2,
    said('Request completed method=POST status=200 OK headers={#}'),
  ),
  turn(
    'INFO',
    'codex_core::session::turn',
    1.5,
    said('post sampling token usage total_usage_tokens=# needs_follow_up=false'),
  ),
]

/** Together 1 of 100 rows. */
const FAILURE_SCENES = [
  turn(
    'INFO',
    'codex_core::session::turn',
    0.2,
    said('Turn error: unexpected status 401 Unauthorized: wrong key, request id: req_#'),
  ),
  turn(
    'WARN',
    'codex_core::responses_retry',
    0.3,
    said(
      'stream disconnected - retrying sampling request (1/5 in #ms)... retries=1 max_retries=5 sampling_error=stream disconnected before completion: Transport error: network error: request #',
    ),
  ),
  turn(
    'ERROR',
    'codex_core::tools::router',
    0.2,
    said(
      'error=apply_patch verification failed: Failed to read file to update /home/demo/projects/p#/src/a.rs: No such file or directory (os error 2)',
    ),
  ),
  turn(
    'WARN',
    'codex_core::mcp_tool_call',
    0.1,
    said(
      'MCP tool call error: "tool call error: tool call failed for `notes/slow`\\n\\nCaused by:\\n    timed out awaiting tools/call after #s"',
    ),
  ),
  turn(
    'WARN',
    'codex_thread_store::local::update_thread_metadata',
    0.1,
    said(
      'state db update_thread_metadata failed during rollout_writer: error returned from database: (code: 5) database is locked #',
    ),
  ),
  turn(
    'ERROR',
    'codex_otel::events',
    0.1,
    said('failed to send batch # to the collector: connection refused'),
  ),
]

const TURN_SCENES = withShare(
  withShare(SCENES, STEP_SCENES, STEP_SCENES.reduce((sum, { weight }) => sum + weight, 0) / 100),
  FAILURE_SCENES,
  0.01,
)

/** The added scenes are that share of all. */
function withShare(scenes, added, share) {
  const total = weightOf(scenes)
  const factor = (total * share) / (1 - share) / weightOf(added)
  return [...scenes, ...added.map((scene) => ({ ...scene, weight: scene.weight * factor }))]
}

function weightOf(scenes) {
  return scenes.reduce((sum, { weight }) => sum + weight, 0)
}

function pick(random, scenes) {
  let at = random() * weightOf(scenes)
  for (const scene of scenes) {
    at -= scene.weight
    if (at < 0) return scene
  }
  return scenes[0]
}

function pickLevel(random) {
  const at = random()
  return at < 0.005 ? 'ERROR' : at < 0.035 ? 'WARN' : at < 0.3 ? 'INFO' : at < 0.55 ? 'DEBUG' : 'TRACE'
}

function pickQuietLevel(random) {
  const at = random()
  return at < 0.3 ? 'INFO' : at < 0.55 ? 'DEBUG' : 'TRACE'
}

function spans(thread, row) {
  return `session_loop{thread_id=${thread ?? 'none'}}:submission_dispatch{otel.name="op.dispatch.user_input" submission.id="${row.toString(16).padStart(12, '0')}"}:turn{otel.name="session_task.turn"}`
}

function words(random, count) {
  let text = WORDS[Math.floor(random() * WORDS.length)]
  for (let i = 1; i < count; i++) text += ` ${WORDS[Math.floor(random() * WORDS.length)]}`
  return text
}

function hex(random, length) {
  let text = ''
  while (text.length < length) text += Math.floor(random() * 16).toString(16)
  return text
}

function uuid(random) {
  return `019a${hex(random, 4)}-${hex(random, 4)}-7${hex(random, 3)}-8${hex(random, 3)}-${hex(random, 12)}`
}

/** mulberry32: small, fast, the same everywhere. */
export function createRandom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
