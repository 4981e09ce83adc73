import type { LogFilter } from '../../model/log.js'
import type { StatsPlan, StatsSum } from '../../model/log-stats.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { createStatsSummer, readStats, STATS_WINDOW } from '../../query/logs/stats.js'
import { type LogStore, readHighestId, readLowestId } from '../../query/logs/store.js'
import type { Io } from '../io.js'
import { createScanProgress } from './progress.js'
import { readBatches } from './read-batches.js'
import { inWorkers } from './select.js'

/** Sums up the rows of the filter, with progress on a terminal, in worker threads where it takes long. */
export async function sumLogs(
  store: LogStore,
  filter: LogFilter,
  plan: StatsPlan,
  io: Io,
): Promise<StatsSum[]> {
  const progress = createScanProgress(io)
  const batches = matchingBatches(store, filter, { windowSize: STATS_WINDOW })
  const countIds = () => {
    const highest = readHighestId(store)
    return Number(highest - (readLowestId(store) ?? highest)) + 1
  }
  const summer = createStatsSummer()
  const results = readBatches({
    batches: progress.watch(batches, countIds),
    read: (batch) => readStats(store, batch, filter, plan),
    resize: () => 'keep',
    workers: inWorkers(io, store, { filter, job: { kind: 'stats', plan } }),
  })
  for await (const sums of results) summer.add(sums)
  progress.clear()
  return summer.sums()
}
