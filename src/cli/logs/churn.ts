import { sizeOf } from '../../db/files.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatCount } from '../../format/quantity.js'
import { readChurn } from '../../query/logs/stats.js'
import { openLogStore } from '../../query/logs/store.js'
import { candidatesFor } from '../../schema/files.js'
import type { Session } from '../state/session.js'

/** What became of the rows of one database. */
export interface ChurnRow {
  database: string
  /** `undefined` where SQLite did not count them. */
  rowsWritten: bigint | undefined
  keptCount: number
  prunedCount: number | undefined
  fileBytes: number
  freeBytes: number
  walBytes: number
  firstSeconds: number | undefined
  lastSeconds: number | undefined
}

export const CHURN_KIND: RecordKind<ChurnRow> = {
  noun: 'database',
  fields: [
    { name: 'database', kind: 'path', value: ({ database }) => database },
    {
      name: 'written',
      kind: 'number',
      value: ({ rowsWritten }) => rowsWritten,
      cell: ({ rowsWritten }) => (rowsWritten === undefined ? '' : formatCount(Number(rowsWritten))),
    },
    { name: 'kept', kind: 'number', value: ({ keptCount }) => keptCount },
    { name: 'pruned', kind: 'number', value: ({ prunedCount }) => prunedCount },
    { name: 'file_bytes', kind: 'bytes', heading: 'FILE', value: ({ fileBytes }) => fileBytes },
    { name: 'free_bytes', kind: 'bytes', heading: 'FREE', value: ({ freeBytes }) => freeBytes },
    { name: 'wal_bytes', kind: 'bytes', heading: 'WAL', value: ({ walBytes }) => walBytes },
    {
      name: 'first_at',
      kind: 'time',
      yields: true,
      value: ({ firstSeconds }) => (firstSeconds === undefined ? null : firstSeconds * 1000),
    },
    {
      name: 'last_at',
      kind: 'time',
      value: ({ lastSeconds }) => (lastSeconds === undefined ? null : lastSeconds * 1000),
    },
  ],
  shown: [
    'database',
    'written',
    'kept',
    'pruned',
    'file_bytes',
    'free_bytes',
    'wal_bytes',
    'first_at',
    'last_at',
  ],
  nameOf: ({ database }) => database,
}

/** Every database of the home that has a table of logs, the one that Codex writes to first. */
export function listChurn(session: Session): ChurnRow[] {
  const files = candidatesFor('logs', session.home.databases)
  const rows = files.flatMap((file): ChurnRow[] => {
    try {
      const store = openLogStore([file], { onNotice: session.notice })
      if (!store) return []
      try {
        const { rowsWritten, rowsKept, freeBytes, range } = readChurn(store)
        return [
          {
            database: file.path,
            rowsWritten,
            keptCount: rowsKept,
            prunedCount: rowsWritten === undefined ? undefined : Number(rowsWritten) - rowsKept,
            fileBytes: sizeOf(file.path),
            freeBytes,
            walBytes: sizeOf(`${file.path}-wal`),
            firstSeconds: range?.from,
            lastSeconds: range?.to,
          },
        ]
      } finally {
        store.connection.close()
      }
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      session.notice(error.message)
      session.fail()
      return []
    }
  })
  // Says why there is nothing.
  if (rows.length === 0) session.open('logs')
  return rows
}
