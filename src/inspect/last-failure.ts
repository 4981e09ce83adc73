import { classifyFailure, type RowFailure } from '../body/classify-failure.js'
import { failureEntry } from '../body/failures.js'
import { parseBody } from '../body/parse.js'
import type { StoredLogRow } from '../model/log.js'
import { newestFirstBatches } from '../query/logs/batches.js'
import { inParts, readLogRows } from '../query/logs/rows.js'
import type { LogStore } from '../query/logs/store.js'

export interface LastFailure {
  row: StoredLogRow
  /** `undefined` of a row that is an error only by its level. */
  failure: RowFailure | undefined
}

/** The newest row that tells of something that was not done, or is an error by its level; of the newest rows only. */
export function findLastFailure(
  store: LogStore,
  mostRows = Number.POSITIVE_INFINITY,
): LastFailure | undefined {
  const isMessageOnly = store.columns.body === 'message'
  let rowCount = 0
  for (const batch of inParts(store, newestFirstBatches(store, {}, {}), { isReversed: true })) {
    for (const row of readLogRows(store, batch, undefined, true)) {
      const target = row.target ?? ''
      const failure = classifyFailure(row, parseBody(row.body, { target, isMessageOnly }))
      const isFailure = failure && failureEntry(failure.name).severity === 'failure'
      if (isFailure || row.level === 'ERROR') return { row, failure: isFailure ? failure : undefined }
      if (++rowCount >= mostRows) return undefined
    }
  }
  return undefined
}
