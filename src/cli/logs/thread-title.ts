import { StateError } from '../../errors.js'
import { openTable } from '../../query/databases.js'
import { findThread } from '../../query/threads/find.js'
import { describeThreadTable } from '../../query/threads/table.js'
import type { Home } from '../home-options.js'

/** A title is no reason to fail: what cannot be read has none. */
export function findTitle(
  { databases }: Home,
  id: string,
): { title: string; model?: string | undefined } | undefined {
  try {
    const table = openTable(databases, 'threads')
    if (!table) return undefined
    try {
      const thread = findThread(describeThreadTable(table.connection, table.columns), id)
      return thread && { title: thread.title, model: thread.model ?? undefined }
    } finally {
      table.connection.close()
    }
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}
