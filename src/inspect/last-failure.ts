import { classifyFailure, type RowFailure } from '../body/classify-failure.js'
import { FAILED_ROW_SIGNS } from '../body/failure-signs.js'
import { failureEntry } from '../body/failures.js'
import { parseBody } from '../body/parse.js'
import type { LogFilter, RowId, StoredLogRow } from '../model/log.js'
import { newestFirstBatches } from '../query/logs/batches.js'
import { inParts, readLogRows } from '../query/logs/rows.js'
import { keySql, type LogStore } from '../query/logs/store.js'

export interface LastFailure {
  row: StoredLogRow
  /** `undefined` of a row that is an error only by its level. */
  failure: RowFailure | undefined
}

interface LastFailureOptions {
  /** Of the newest rows only. */
  mostRows?: number
  /** Whether an error that is known to be harmless is none. */
  skipsHarmless?: boolean
}

/** The newest row that tells of something that was not done, or is an error by its level. */
export function findLastFailure(
  store: LogStore,
  { mostRows = Number.POSITIVE_INFINITY, skipsHarmless = false }: LastFailureOptions = {},
): LastFailure | undefined {
  const isMessageOnly = store.columns.body === 'message'
  const filter: LogFilter = { signs: FAILED_ROW_SIGNS }
  const afterId = findIdBefore(store, mostRows)
  for (const batch of inParts(store, newestFirstBatches(store, filter, { afterId }), { isReversed: true })) {
    for (const row of readLogRows(store, batch, filter, true)) {
      const target = row.target ?? ''
      const failure = classifyFailure(row, parseBody(row.body, { target, isMessageOnly }))
      const isFailure = failure && failureEntry(failure.name).severity === 'failure'
      const isError = row.level === 'ERROR' && !(skipsHarmless && failure)
      if (isFailure || isError) return { row, failure: isFailure ? failure : undefined }
    }
  }
  return undefined
}

/** Of the newest row that is not one of so many; `undefined` where there is none. */
function findIdBefore(store: LogStore, mostRows: number): RowId | undefined {
  if (!store.hasIdAsKey || mostRows === Number.POSITIVE_INFINITY) return undefined
  const key = keySql(store)
  const row = store.connection.get<{ found: string }>(
    `SELECT CAST(${key} AS TEXT) AS found FROM logs NOT INDEXED ORDER BY ${key} DESC LIMIT 1 OFFSET ?`,
    mostRows,
  )
  return row && BigInt(row.found)
}
