import { areOfColumns } from '../../format/encodings.js'
import type { OpenBody } from '../../format/log-line.js'
import type { LogFilter } from '../../model/log.js'
import type { LogStore } from '../../query/logs/store.js'
import { createBytesReader, type RecordPlan, type RecordReader } from './records.js'

/** What reads the records of a plan; the code for it is loaded when it is asked for. */
export async function loadRecordReader(
  plan: RecordPlan,
  openBody: OpenBody | undefined,
): Promise<(store: LogStore, filter: LogFilter | undefined) => RecordReader> {
  if (plan.isShort) return (await import('./short-bytes.js')).createShortReader
  if (areOfColumns(plan.pieces)) return (store, filter) => createBytesReader(store, filter, plan)
  const { createParsedReader, planParsed } = await import('./parsed-bytes.js')
  const parsed = planParsed(plan.pieces)
  return (store, filter) => {
    const readRows = createBytesReader(store, filter, plan, openBody)
    return parsed ? createParsedReader(store, filter, parsed, readRows) : readRows
  }
}
