import { MEMORY_KIND } from '../../format/stored-fields.js'
import { listMemories } from '../../inspect/memories.js'
import { defineListCommand } from '../records.js'
import { MEMORY_TABLES, requireMemories } from './memory-sources.js'

export const command = defineListCommand({
  kind: MEMORY_KIND,
  tables: MEMORY_TABLES,
  emptyText: 'no memories',
  read: (session) => [listMemories(requireMemories(session), { pipelines: 'inUse' })],
})
