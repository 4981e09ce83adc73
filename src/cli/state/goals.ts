import { GOAL_KIND } from '../../format/stored-fields.js'
import { readTable } from '../../query/stored-rows.js'
import { defineListCommand } from '../records.js'
import { mapPages } from './output.js'
import { requireDatabases } from './session.js'

export const command = defineListCommand({
  kind: GOAL_KIND,
  tables: ['thread_goals', 'threads'],
  emptyText: 'no goals',
  // A table that a layout lacks holds nothing: that is no error.
  read(session) {
    requireDatabases(session)
    const goals = session.tryOpen('thread_goals')
    if (!goals) return []
    const threads = session.tryOpen('threads')
    return mapPages(readTable(goals.connection, 'thread_goals'), (row) => ({
      ...row,
      thread_title: threads?.connection.get<{ title: string }>(
        'SELECT title FROM threads WHERE id = ?',
        row.thread_id ?? null,
      )?.title,
    }))
  },
})
