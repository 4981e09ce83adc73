import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import Database from 'better-sqlite3'

/** What a row needs in every layout. */
export interface SeedThread {
  id: string
  title?: string
  source?: string
  cwd?: string
  rolloutPath?: string
  modelProvider?: string
  sandboxPolicy?: string
  /** Unix seconds. */
  createdAt?: number
  updatedAt?: number
  tokensUsed?: number
  isArchived?: boolean
  branch?: string
}

/** Inserts rows as any layout takes them; where there is a column for it, the title is the first message too. */
export function insertThreads(path: string, threads: readonly SeedThread[]): void {
  const database = new Database(path)
  const columns = new Set(
    (database.pragma('table_info(threads)') as { name: string }[]).map(({ name }) => name),
  )
  let insert: Database.Statement | undefined
  database.transaction(() => {
    for (const thread of threads) {
      const title = thread.title ?? 'Fix the build'
      const createdAt = thread.createdAt ?? 1_770_000_000
      const values: Record<string, unknown> = {
        id: thread.id,
        rollout_path:
          thread.rolloutPath ?? `/gone/sessions/2026/02/02/rollout-2026-02-02T00-00-00-${thread.id}.jsonl`,
        created_at: createdAt,
        updated_at: thread.updatedAt ?? createdAt,
        source: thread.source ?? 'cli',
        model_provider: thread.modelProvider ?? 'openai',
        cwd: thread.cwd ?? '/srv/demo',
        title,
        sandbox_policy: thread.sandboxPolicy ?? '{"type":"read-only"}',
        approval_mode: 'on-request',
        tokens_used: thread.tokensUsed ?? 0,
        has_user_event: 1,
        archived: thread.isArchived ? 1 : 0,
        archived_at: thread.isArchived ? createdAt + 60 : null,
        git_branch: thread.branch ?? null,
        first_user_message: title,
        preview: title,
      }
      insert ??= database.prepare(compileInsert(Object.keys(values).filter((name) => columns.has(name))))
      insert.run(values)
    }
  })()
  database.close()
}

function compileInsert(names: readonly string[]): string {
  return `INSERT INTO threads (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`
}

/** `00000000-0000-7000-8000-00000000002a` for 42. */
export function threadId(number: number): string {
  return `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

/** Every file below a folder with its bytes' hash, size and time: equal when nothing was touched. */
export function fingerprintFolder(folder: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    // The index of a WAL holds the lock bytes of readers.
    const hash = path.endsWith('-shm') ? '' : createHash('sha256').update(readFileSync(path)).digest('hex')
    const { size, mtimeMs } = statSync(path)
    files[relative(folder, path)] = path.endsWith('-shm') ? String(size) : `${hash} ${size} ${mtimeMs}`
  }
  return files
}
