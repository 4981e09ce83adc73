import type { Memories } from '../../inspect/memories.js'
import type { TableName } from '../command.js'
import { requireDatabases, type Session } from './session.js'

/** What the commands about memories ask. */
export const MEMORY_TABLES: readonly TableName[] = ['stage1_outputs', 'thread_memory', 'threads']

/** @throws {StateError} `DB_NOT_FOUND` when the home has no database */
export function requireMemories(session: Session): Memories {
  requireDatabases(session)
  return session.memories()
}
