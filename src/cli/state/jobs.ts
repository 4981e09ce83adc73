import { JOB_KIND } from '../../format/stored-fields.js'
import { readAgentJobs } from '../../query/agent-jobs.js'
import { defineListCommand } from '../records.js'
import { requireDatabases } from './session.js'

export const command = defineListCommand({
  examples: ['jobs --json'],
  kind: JOB_KIND,
  tables: ['agent_jobs'],
  emptyText: 'no jobs',
  // A table that a layout lacks holds nothing: that is no error.
  read(session) {
    requireDatabases(session)
    const table = session.tryOpen('agent_jobs')
    return table ? [readAgentJobs(table)] : []
  },
})
