import type { OpenTable } from './databases.js'
import { readRows, type StoredRow } from './stored-rows.js'

/** The fan-out jobs of 0.105 to 0.144, newest first, with how far their items are. */
export function readAgentJobs({ connection }: OpenTable): Record<string, StoredRow[string]>[] {
  const counts = connection.all<{ job_id: string; status: string; n: number }>(
    'SELECT job_id, status, count(*) AS n FROM agent_job_items GROUP BY job_id, status',
  )
  return readRows(connection, 'agent_jobs', 'ORDER BY created_at DESC, id DESC').map((job) => {
    const ofJob = counts.filter(({ job_id }) => job_id === job.id)
    const sum = (status?: string) =>
      ofJob
        .filter((count) => status === undefined || count.status === status)
        .reduce((n, count) => n + count.n, 0)
    return {
      ...job,
      item_count: sum(),
      items_completed: sum('completed'),
      items_failed: sum('failed'),
      items_running: sum('running'),
    }
  })
}
