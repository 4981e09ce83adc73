import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { event, sessionMeta, turnContext, userMessage } from './rollouts.js'
import { threadId } from './threads.js'

const FIRST_SECONDS = Date.UTC(2026, 1, 5, 10) / 1000

export interface SessionOptions {
  /** Default: one that the number tells. */
  id?: string
  root?: 'sessions' | 'archived_sessions'
  /** Default: `message <number>`. */
  message?: string
  /** Of the session_meta. */
  meta?: Record<string, unknown>
  tokens?: number
  /** Unix seconds; default: a minute after it began. */
  modifiedAtSeconds?: number
}

/** Writes the rollout of session `number`, one of each five minutes; gives its path. */
export function writeSession(home: string, number: number, options: SessionOptions = {}): string {
  const id = options.id ?? threadId(number)
  const seconds = FIRST_SECONDS + number * 300
  const timestamp = new Date(seconds * 1000).toISOString()
  const name = `rollout-${timestamp.slice(0, 19).replaceAll(':', '-')}-${id}.jsonl`
  const day = options.root === 'archived_sessions' ? '' : timestamp.slice(0, 10).replaceAll('-', '/')
  const path = join(home, options.root ?? 'sessions', day, name)
  const lines = [
    sessionMeta({ id, timestamp, ...options.meta }),
    turnContext(),
    userMessage(options.message ?? `message ${number}`),
    tokenCount(options.tokens ?? number + 1),
  ]
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${lines.join('\n')}\n`)
  const modifiedAt = options.modifiedAtSeconds ?? seconds + 60
  utimesSync(path, modifiedAt, modifiedAt)
  return path
}

export function tokenCount(total: number): string {
  return event('token_count', { info: { total_token_usage: { total_tokens: total } } })
}

export function writeSessions(home: string, count: number): string[] {
  return Array.from({ length: count }, (_, number) => writeSession(home, number))
}

export type StoredRow = Record<string, string | number | null>

/** Everything that a backfill writes, as it is stored. */
export function readStored(path: string): { threads: StoredRow[]; tools: StoredRow[]; edges: StoredRow[] } {
  const database = new Database(path)
  const read = (table: string, order: string) =>
    database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = ?`).get(table)
      ? (database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all() as StoredRow[])
      : []
  try {
    return {
      threads: read('threads', 'id'),
      tools: read('thread_dynamic_tools', 'thread_id, position'),
      edges: read('thread_spawn_edges', 'child_thread_id'),
    }
  } finally {
    database.close()
  }
}
