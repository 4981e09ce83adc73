import { GOAL_KIND } from '../../format/stored-fields.js'
import { readTable } from '../../query/stored-rows.js'
import { findThread } from '../../query/threads/find.js'
import { defineListCommand } from '../records.js'
import { mapPages } from './output.js'
import { requireDatabases } from './session.js'

export const command = defineListCommand({
  examples: ['goals --json'],
  kind: GOAL_KIND,
  tables: ['thread_goals', 'threads'],
  emptyText: 'no goals',
  // A table that a layout lacks holds nothing: that is no error.
  read(session) {
    requireDatabases(session)
    const goals = session.tryOpen('thread_goals')
    if (!goals) return []
    const threads = session.tryOpenThreads()
    return mapPages(readTable(goals.connection, 'thread_goals'), (row) => ({
      ...row,
      thread_title: threads && findThread(threads, String(row.thread_id))?.title,
    }))
  },
})
