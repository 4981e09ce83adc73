import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { dataFolder, node, pair, root, state } from './measure.mjs'

/** A word that one rollout in two thousand has. */
const RARE = 'zebra-quokka-47'

/** What is asked of the rollouts themselves, on real lines: random words would make every search look fast. */
export async function* measure({ rounds, smoke }) {
  const fileCount = smoke ? 300 : 20_000
  const home = join(dataFolder, `real-rollouts-${fileCount}`)
  const { sizeBytes } = repeatRealRollouts(home, { fileCount, sizeBytes: smoke ? 30e6 : 2e9 })
  const few = { rounds: Math.max(1, Math.ceil(rounds / 2)) }
  const at = ['--codex-home', home]
  const sessions = join(home, 'sessions')
  const rg = ['rg', '-j2', '-c', '--no-ignore', RARE, sessions]
  const size = `${fileCount} rollouts, ${(sizeBytes / 1e9).toFixed(1)} GB`
  const peers = hasProgram('rg') ? rg : undefined
  if (!peers) process.stderr.write('rg (ripgrep) is not installed: searches are only held against grep\n')
  const searches = [
    ['search, rare text', [RARE], 2.5],
    ['search -i', ['-i', RARE.toUpperCase()], 5],
    ['search --regex', ['--regex', 'zebra-q[a-z]okka-47'], 3],
  ]
  for (const [what, argv, bound] of searches) {
    const command = [...state, 'search', '-c', ...argv, ...at]
    if (peers) {
      const found = await pair(command, peers, few)
      yield {
        what,
        value: found.ratio,
        unit: 'of rg -j2',
        bound,
        detail: `${Math.round(found.aMs)} ms, ${size}`,
      }
      if (argv.length === 1) yield { what: `${what}: peak memory`, value: found.peakMiB, unit: 'MiB' }
    }
    if (argv.length > 1) continue
    const grep = await pair(command, ['grep', '-rc', RARE, sessions], few)
    yield {
      what,
      value: grep.ratio,
      unit: 'of grep -rc',
      bound: 0.7,
      detail: `${Math.round(grep.aMs)} ms, ${size}`,
    }
  }
  const tokens = await pair([...state, 'tokens', '--by', 'day', ...at], ['true'], few)
  yield {
    what: 'tokens --by day: time for 2 GB',
    value: (tokens.aMs / 1000) * (2e9 / sizeBytes),
    unit: 's',
    bound: 1,
    detail: `${(sizeBytes / 1e6 / tokens.aMs).toFixed(2)} GB/s, ${size}`,
  }
  yield { what: 'tokens --by day: peak memory', value: tokens.peakMiB, unit: 'MiB', bound: 150 }
  const cat = ['sh', '-c', 'find "$0" -type f -exec cat {} +', sessions]
  const sound = await pair([...state, 'history', ...at], cat, few)
  yield { what: 'history, nothing behind', value: sound.ratio, unit: 'of cat', bound: 0.35, detail: size }
  yield { what: 'history, nothing behind', value: sound.aMs / 1000, unit: 's', bound: 0.5 }
  const behind = makeBehind(smoke ? 20e6 : 300e6)
  const ofBehind = await pair([...state, 'history', '--codex-home', behind.home], ['cat', behind.path], few)
  yield {
    what: 'history of a file that is behind',
    value: ofBehind.ratio,
    unit: 'of cat',
    bound: 1.2,
    detail: `${(behind.sizeBytes / 1e6 / ofBehind.aMs).toFixed(2)} GB/s, ${Math.round(behind.sizeBytes / 1e6)} MB`,
  }
  rmSync(behind.home, { recursive: true })
  const ordinary = mkdtempSync(join(tmpdir(), 'real-thread-'))
  const ofOrdinary = ['threads', 'turns', 'last', '--codex-home', unpackHome(ordinary)]
  const turns = await pair([...state, ...ofOrdinary], [node, '-e', '0'], { rounds: rounds * 3 })
  rmSync(ordinary, { recursive: true })
  yield {
    what: 'threads turns of one ordinary thread',
    value: turns.ratio,
    unit: 'N',
    bound: 2,
    detail: `${turns.aMs.toFixed(1)} ms`,
  }
  const delays = await followLatencies(smoke ? 10 : 100)
  yield { what: 'threads read -f: line written to shown, median', value: at50(delays), unit: 'ms', bound: 50 }
  yield { what: 'the same, longest', value: Math.max(...delays), unit: 'ms' }
}

/** A home with one rollout, of which only the first line is projected, and which nothing writes. */
function makeBehind(wantedBytes) {
  const home = mkdtempSync(join(tmpdir(), 'real-behind-'))
  const { sizeBytes } = repeatRealRollouts(home, { fileCount: 1, sizeBytes: wantedBytes })
  const name = readdirSync(join(home, 'sessions'), { recursive: true }).find((file) =>
    file.endsWith('.jsonl'),
  )
  const path = join(home, 'sessions', name)
  utimesSync(path, secondsOf(0), secondsOf(0))
  const head = Buffer.alloc(256 * 1024)
  const fd = openSync(path)
  readSync(fd, head)
  closeSync(fd)
  const database = new Database(join(home, 'thread_history_1.sqlite'))
  database.exec('DELETE FROM thread_turns; DELETE FROM thread_items')
  database
    .prepare(
      'UPDATE thread_history_projection_state SET next_rollout_byte_offset = ?, next_rollout_ordinal = 1',
    )
    .run(head.indexOf(10) + 1)
  database.close()
  return { home, path, sizeBytes }
}

/** Milliseconds from the write of each line to its text on the output of `threads read -f`. */
async function followLatencies(count) {
  const home = mkdtempSync(join(tmpdir(), 'real-follow-'))
  const folder = join(home, 'sessions/2026/02/01')
  const id = idOf(0)
  const path = join(folder, `rollout-2026-02-01T00-00-00-${id}.jsonl`)
  const { lines } = unpackSource()
  const oldId = JSON.parse(lines[0]).payload.id
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, lines.join('').replaceAll(oldId, id))
  const ofKind = (text) => JSON.parse(lines.find((line) => line.includes(text)).replaceAll(oldId, id))
  const [begun, said] = [ofKind('"type":"task_started"'), ofKind('"type":"AgentMessage"')]
  const turnId = '01a3ffff-0000-7000-8000-000000000000'
  const [command, ...argv] = [...state, 'threads', 'read', id, '-f', '--codex-home', home]
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    let shown = ''
    let wake = () => {}
    child.stdout.on('data', (chunk) => {
      shown += chunk
      wake()
    })
    const seen = async (text) => {
      for (let tries = 0; !shown.includes(text); tries++) {
        if (tries > 1000) throw new Error(`threads read -f does not show '${text}'`)
        await Promise.race([new Promise((resolve) => (wake = resolve)), sleep(100)])
      }
    }
    await seen('Say')
    await sleep(500)
    const delays = []
    let ordinal = lines.length
    const write = ({ payload, ...line }, changed) =>
      appendFileSync(
        path,
        `${JSON.stringify({ ...line, ordinal: ordinal++, payload: { ...payload, turn_id: turnId, ...changed } })}\n`,
      )
    write(begun, {})
    for (let index = 0; index < count; index++) {
      const text = `Followed line ${index}.`
      const item = { ...said.payload.item, id: `followed-${index}`, content: [{ type: 'Text', text }] }
      const from = performance.now()
      write(said, { item })
      await seen(text)
      delays.push(performance.now() - from)
      await sleep(20 + (index % 7) * 10)
    }
    return delays
  } finally {
    child.kill()
    rmSync(home, { recursive: true })
  }
}

function at50(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1]
}

/** The id of a thread, which holds its time. */
function idOf(index) {
  const hex = (secondsOf(index) * 1000).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(index).padStart(12, '0')}`
}

function secondsOf(index) {
  return Date.UTC(2026, 1, 1) / 1000 + index * 400
}

function hasProgram(name) {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * A home of rollouts made of the lines that Codex 0.169 wrote, with ids of their own, and the projection that belongs
 * to them; the same bytes for the same numbers. Gives what was written; what is complete is left as it is.
 */
export function repeatRealRollouts(home, { fileCount, sizeBytes }) {
  const done = join(home, 'complete')
  if (existsSync(done)) return JSON.parse(readFileSync(done, 'utf8'))
  process.stderr.write(`writing ${fileCount} rollouts to ${home} …\n`)
  const source = unpackSource()
  mkdirSync(home, { recursive: true })
  const database = new Database(join(home, 'thread_history_1.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = OFF')
  for (const { sql } of source.schema) database.exec(sql)
  const insert = (table, row) => {
    const names = Object.keys(row)
    database
      .prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
      .run(...Object.values(row))
  }
  const repeats = Math.max(1, Math.round(sizeBytes / fileCount / source.lines.join('').length))
  let writtenBytes = 0
  database.exec('BEGIN')
  for (let index = 0; index < fileCount; index++) {
    const seconds = secondsOf(index)
    const id = idOf(index)
    const { text, cursor, turns, items } = repeatThread(source, id, repeats, index)
    const day = new Date(seconds * 1000).toISOString()
    const folder = join(home, 'sessions', day.slice(0, 10).replaceAll('-', '/'))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `rollout-${day.slice(0, 19).replaceAll(':', '-')}-${id}.jsonl`), text)
    writtenBytes += cursor.next_rollout_byte_offset
    insert('thread_history_projection_state', cursor)
    for (const turn of turns) insert('thread_turns', turn)
    for (const item of items) insert('thread_items', item)
  }
  database.exec('COMMIT')
  database.close()
  const written = { sizeBytes: writtenBytes }
  writeFileSync(done, JSON.stringify(written))
  return written
}

/** A home of Codex 0.169 with one thread of four turns; gives its path. */
function unpackHome(folder) {
  const packed = readFileSync(join(root, 'test/fixtures/turns/history-sound.tar.br'))
  execFileSync('tar', ['-xf', '-', '-C', folder], { input: brotliDecompressSync(packed) })
  return join(folder, readdirSync(folder)[0], 'home')
}

/** The lines of that thread, with its rows. */
function unpackSource() {
  const folder = mkdtempSync(join(tmpdir(), 'real-lines-'))
  try {
    const home = unpackHome(folder)
    const name = readdirSync(join(home, 'sessions'), { recursive: true }).find((path) =>
      path.endsWith('.jsonl'),
    )
    const database = new Database(join(home, 'thread_history_1.sqlite'))
    const all = (sql) => database.prepare(sql).all()
    const source = {
      lines: readFileSync(join(home, 'sessions', name), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => `${line}\n`),
      schema: all(
        `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%'`,
      ),
      turns: all('SELECT * FROM thread_turns'),
      items: all('SELECT * FROM thread_items'),
    }
    database.close()
    return source
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The lines of the source behind its first one, over and over, with ordinals, turns and items counted on. */
function repeatThread({ lines, turns, items }, id, repeats, index) {
  const first = JSON.parse(lines[0])
  const oldId = first.payload.id
  const turnIds = [...new Set(turns.map((turn) => turn.turn_id))]
  const parts = [lines[0].replaceAll(oldId, id)]
  const rows = { turns: [], items: [] }
  let ordinal = 1
  let offset = Buffer.byteLength(parts[0])
  const span = lines.length - 1
  for (let round = 0; round < repeats; round++) {
    const rename = (text) => {
      let renamed = text.replaceAll(oldId, id)
      for (const turn of turnIds)
        renamed = renamed.replaceAll(turn, `${turn.slice(0, -6)}${String(round).padStart(6, '0')}`)
      return renamed
    }
    const starts = []
    for (let at = 1; at < lines.length; at++) {
      let text = rename(lines[at]).replace(/"ordinal":\d+/, `"ordinal":${ordinal}`)
      if (index % 2000 === 7 && round === 0) text = text.replace('An answer to Say one.', `${RARE} Say 1`)
      starts.push(offset)
      parts.push(text)
      offset += Buffer.byteLength(text)
      ordinal += 1
    }
    const moved = (row) => {
      const copy = { ...JSON.parse(rename(JSON.stringify(row))) }
      copy.rollout_ordinal += round * span
      if (copy.updated_at_ordinal !== undefined) copy.updated_at_ordinal += round * span
      if (copy.rollout_end_ordinal != null) copy.rollout_end_ordinal += round * span
      return copy
    }
    rows.turns.push(...turns.map(moved))
    rows.items.push(...items.map(moved))
  }
  return {
    ...rows,
    text: parts.join(''),
    cursor: { thread_id: id, next_rollout_byte_offset: offset, next_rollout_ordinal: ordinal },
  }
}
