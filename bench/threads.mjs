import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createRandom, NEWEST_SECONDS } from './generate-logs.mjs'
import { dataFolder, node, pair, root, state } from './measure.mjs'

export async function* measure({ rounds, smoke }) {
  const count = smoke ? 2000 : 50_000
  const path = generateThreads(join(dataFolder, `threads-${count}/state_5.sqlite`), count)
  const list = [...state, 'threads', 'list', '--db', path]
  const first = await pair([...list, '--limit', '50'], [node, '-e', '0'], { rounds: rounds * 3 })
  const detail = `${first.aMs.toFixed(1)} ms`
  yield { what: `threads list, 50 of ${count}`, value: first.ratio, unit: 'N', bound: 1.6, detail }
  const cli = [
    'sqlite3',
    '-readonly',
    '-json',
    path,
    'SELECT * FROM threads ORDER BY updated_at_ms DESC, id DESC',
  ]
  const all = await pair([...list, '--json'], cli, { rounds })
  yield {
    what: 'threads list --json, all',
    value: all.ratio,
    unit: 'of sqlite3',
    bound: 1.5,
    detail: `${Math.round(all.aMs)} ms`,
  }
}

/** A state database of the newest layout with threads of ordinary lengths, the same for the same count. */
function generateThreads(path, count) {
  if (existsSync(path)) return path
  mkdirSync(join(path, '..'), { recursive: true })
  const aside = `${path}.tmp`
  rmSync(aside, { force: true })
  const database = new Database(aside)
  database.exec(readFileSync(join(root, 'test/fixtures/schemas/0.169.0.state_5.sql'), 'utf8'))
  const insert = database.prepare(
    `INSERT INTO threads (id, rollout_path, created_at, updated_at, created_at_ms, updated_at_ms, recency_at, recency_at_ms,
       source, model_provider, cwd, title, first_user_message, preview, sandbox_policy, approval_mode, tokens_used,
       archived, archived_at, cli_version, model, reasoning_effort, git_branch)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'openai', ?, ?, ?, ?, ?, 'on-request', ?, ?, ?, '0.169.0', 'gpt-5.2-codex', 'medium', ?)`,
  )
  const random = createRandom(11)
  const policy = '{"type":"managed","file_system":{"type":"restricted","entries":[]},"network":"restricted"}'
  database.transaction(() => {
    for (let index = 0; index < count; index++) {
      const ms = (NEWEST_SECONDS - (count - index) * 600) * 1000 + Math.floor(random() * 1000)
      const seconds = Math.floor(ms / 1000)
      const id = `019a${index.toString(16).padStart(4, '0')}-0000-7000-8000-${Math.floor(random() * 1e12)
        .toString(16)
        .padStart(12, '0')}`
      const day = new Date(ms).toISOString().slice(0, 10)
      const folder = `/home/demo/.codex/${index % 9 === 0 ? 'archived_sessions' : `sessions/${day.replaceAll('-', '/')}`}`
      const message = `Please look at task ${index} and ${'make it better '.repeat(1 + Math.floor(random() * 12))}`
      insert.run(
        id,
        `${folder}/rollout-${day}T00-00-00-${id}.jsonl`,
        seconds,
        seconds,
        ms,
        ms,
        seconds,
        ms,
        index % 5 === 0 ? 'exec' : index % 7 === 0 ? '{"subagent":"review"}' : 'cli',
        `/home/demo/projects/project-${index % 40}`,
        message,
        message,
        message,
        policy,
        Math.floor(random() * 300_000),
        index % 9 === 0 ? 1 : 0,
        index % 9 === 0 ? seconds : null,
        index % 3 === 0 ? 'main' : 'feature/faster-lists',
      )
    }
  })()
  database.pragma('journal_mode = WAL')
  database.close()
  renameSync(aside, path)
  return path
}
