import { listMemories } from '../../inspect/memories.js'
import { whyOff } from '../../inspect/memory-home.js'
import type { Memories } from '../../inspect/open-memories.js'
import type { TableName } from '../../schema/files.js'
import { requireDatabases, type Session } from './session.js'

/** What the commands about memories ask. */
export const MEMORY_TABLES: readonly TableName[] = ['stage1_outputs', 'thread_memory', 'threads']

/** @throws {StateError} `DB_NOT_FOUND` when the home has no database */
export function requireMemories(session: Session): Memories {
  requireDatabases(session)
  return session.memories()
}

/** Says how many threads have a memory only where no session reads it. */
export function noticeOtherPipeline({ notice }: Session, memories: Memories): void {
  const all = listMemories(memories, { pipelines: 'all' })
  const inUse = new Set(all.flatMap(({ thread_id, in_use }) => (in_use === 1 ? thread_id : [])))
  const dead = new Set(all.flatMap(({ thread_id }) => (inUse.has(thread_id) ? [] : thread_id)))
  if (dead.size === 0) return
  const { inUse: pipeline, whyInUse } = memories.home
  const other = pipeline === 'v1' ? 'v2' : 'v1'
  notice(
    `${dead.size === 1 ? '1 thread has its memory' : `${dead.size} threads have their memory`} only in ${other}, which no session reads; --all shows both. In use is ${pipeline}: ${whyInUse}`,
  )
}

/**
 * What to say where there are none. That they are off is said in a pipe as well: an empty answer by itself would not
 * tell it from a home where nothing was worth remembering.
 */
export function explainEmpty(
  { notice }: Session,
  { home }: Memories,
  { what, rowCount }: { what: string; rowCount: number },
): string {
  const off = whyOff(home)
  if (off === undefined) return what
  const text = `${what}: ${off}`
  if (rowCount === 0) notice(text)
  return text
}
