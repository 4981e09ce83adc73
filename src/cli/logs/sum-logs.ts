import type { LogFilter } from '../../model/log.js'
import type { StatsPlan, StatsSum } from '../../model/log-stats.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { createStatsSummer, readStats, readTimeRange, STATS_WINDOW } from '../../query/logs/stats.js'
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

/** From the oldest to the newest row of the filter: by the index where only times are asked for. */
export async function findTimeRange(
  store: LogStore,
  filter: LogFilter,
  io: Io,
): Promise<{ from: number; to: number } | undefined> {
  const { from, to, ...others } = filter
  const isPlain = Object.values(others).every((part) => part === undefined)
  if (!isPlain) {
    const [sum] = await sumLogs(store, filter, { by: [] }, io)
    if (!sum) return undefined
    const isKnown = !Number.isNaN(sum.firstSeconds) && !Number.isNaN(sum.lastSeconds)
    return isKnown ? { from: sum.firstSeconds, to: sum.lastSeconds } : readTimeRange(store)
  }
  const whole = readTimeRange(store)
  if (!whole) return undefined
  const range = {
    from: Math.max(whole.from, from?.seconds ?? whole.from),
    to: Math.min(whole.to, to?.seconds ?? whole.to),
  }
  return range.from <= range.to ? range : undefined
}
