import { MEMORY_JOB_KIND } from '../../format/stored-fields.js'
import { readMemoryJobs } from '../../query/memories.js'
import { defineListCommand } from '../records.js'
import { requireMemories } from './memory-sources.js'

const PHASES: Readonly<Record<string, string>> = {
  memory_stage1: 'extract',
  memory_consolidate_global: 'consolidate',
}

export const command = defineListCommand({
  kind: MEMORY_JOB_KIND,
  tables: ['stage1_outputs'],
  emptyText: 'no memory jobs',
  read(session) {
    const nowSeconds = session.nowMs / 1000
    const rows = readMemoryJobs(requireMemories(session).sources).map((job) => ({
      ...job,
      phase: PHASES[String(job.kind)] ?? job.kind,
      lease: job.status !== 'running' ? null : Number(job.lease_until) > nowSeconds ? 'held' : 'run out',
    }))
    return [rows]
  },
})
