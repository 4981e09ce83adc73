import { TOOL_KIND } from '../../format/stored-fields.js'
import { readTable } from '../../query/stored-rows.js'
import { defineListCommand } from '../records.js'
import { requireDatabases } from './session.js'

export const command = defineListCommand({
  examples: ['tools --json'],
  kind: TOOL_KIND,
  tables: ['thread_dynamic_tools'],
  emptyText: 'no tools',
  // A table that a layout lacks holds nothing: that is no error.
  read(session) {
    requireDatabases(session)
    const table = session.tryOpen('thread_dynamic_tools')
    return table ? readTable(table.connection, 'thread_dynamic_tools') : []
  },
})
