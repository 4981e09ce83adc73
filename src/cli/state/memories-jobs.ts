import { MEMORY_JOB_KIND } from '../../format/memory-fields.js'
import { listMemoryJobs, type MemoryJobEntry } from '../../inspect/memory-jobs.js'
import { onFlag } from '../flags.js'
import { defineListCommand } from '../records.js'
import { explainEmpty, MEMORY_TABLES, requireMemories } from './memory-sources.js'

export const command = defineListCommand({
  examples: ['memories jobs --all'],
  kind: MEMORY_JOB_KIND,
  flags: { all: onFlag('those of both pipelines') },
  tables: [...MEMORY_TABLES, 'jobs'],
  isFaint: ({ in_use }) => in_use === 0,
  read(session, { all }) {
    const memories = requireMemories(session)
    const rows = listMemoryJobs(memories, { pipelines: all ? 'all' : 'inUse' })
    return {
      pages: [rows.map(splitWatermarks)],
      emptyText: explainEmpty(session, memories, { what: 'no memory jobs', rowCount: rows.length }),
    }
  },
})

/** Each start of a consolidation counts its watermark on by one at least, so it tells no time. */
function splitWatermarks(job: MemoryJobEntry) {
  const { input_watermark, last_success_watermark } = job
  return job.phase === 'extract'
    ? { ...job, input_counter: null, last_success_counter: null }
    : {
        ...job,
        input_watermark: null,
        last_success_watermark: null,
        input_counter: input_watermark,
        last_success_counter: last_success_watermark,
      }
}
