import { StateError } from '../../errors.js'
import { areOfColumns, type RecordPiece } from '../../format/encodings.js'
import type { RowFormatter, RowLayout } from '../../format/formats.js'
import { createRecordFormatter, type OpenBody } from '../../format/log-line.js'
import { createUtcTime } from '../../format/time.js'
import type { LogFilter, RowId } from '../../model/log.js'
import type { PieceStyles } from '../../model/log-records.js'
import { type BatchSource, type LogBatch, type Resize, readNewestIds } from '../../query/logs/batches.js'
import { readLogBytes } from '../../query/logs/bytes.js'
import { inParts, keyOf, readLogRows } from '../../query/logs/rows.js'
import type { LogStore } from '../../query/logs/store.js'

/** Printed records of a batch. */
export interface Records {
  bytes: Uint8Array
  /** The highest id among the rows. */
  lastId: RowId
  /** A line among them that is left out where the records before end with its key. */
  rule?: { from: number; to: number; key: string } | undefined
  lastKey?: string
}

/** Reads a batch and gives its records; `undefined` when no row matches. */
export type RecordReader = (batch: LogBatch) => Records | undefined

/** How records are written where that looks at each row by itself: times in UTC, one line each. Plain data, for a worker too. */
export interface RecordPlan {
  /** Rows are told by what their bodies mean; `pieces` are of no account then. */
  isShort?: boolean
  pieces: readonly RecordPiece[]
  isRaw: boolean
  styles: PieceStyles | undefined
}

/** Records that SQLite writes, but for what only JavaScript can: escapes in a batch, parts of bodies in all of them. */
export function createBytesReader(
  store: LogStore,
  filter: LogFilter | undefined,
  plan: RecordPlan,
  openBody?: OpenBody,
): RecordReader {
  const { pieces, isRaw, styles } = plan
  const formatRow = createRecordFormatter(pieces, { time: createUtcTime(), isRaw, styles, openBody })
  const readPart = createRowsReader(store, filter, formatRow)
  const readRows = (batch: LogBatch) => joinRecords([...inParts(store, batchesOf(batch))].map(readPart))
  if (!areOfColumns(pieces)) return readRows
  return function read(batch): Records | undefined {
    try {
      const written = readLogBytes(store, batch, pieces, { filter, isRaw, styles })
      return written?.mayDiffer ? readRows(batch) : written
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'DB_TOO_BIG') throw error
      const ids = batch.kind === 'ids' ? batch.ids : readNewestIds(store, batch, filter ?? {}, -1).reverse()
      return ids.length > 1 ? readHalves(ids) : readRows(batch)
    }

    /** The records of all rows together are longer than one text may be. */
    function readHalves(ids: readonly RowId[]): Records | undefined {
      const middle = ids.length >> 1
      return joinRecords(
        [ids.slice(0, middle), ids.slice(middle)].map((half) => read({ kind: 'ids', ids: half })),
      )
    }
  }
}

/** One batch alone. */
export function* batchesOf(batch: LogBatch): BatchSource {
  yield batch
}

function joinRecords(parts: readonly (Records | undefined)[]): Records | undefined {
  const found = parts.filter((records) => records !== undefined)
  if (found.length <= 1) return found[0]
  return {
    bytes: Buffer.concat(found.map(({ bytes }) => bytes)),
    lastId: found.map(({ lastId }) => lastId).reduce((highest, id) => (id > highest ? id : highest)),
  }
}

/** What a formatter is to know of a database. */
export function layoutOf({ columns }: LogStore): RowLayout {
  return { isMessageOnly: columns.body === 'message' }
}

/** Records that JavaScript writes. */
export function createRowsReader(
  store: LogStore,
  filter: LogFilter | undefined,
  formatRow: RowFormatter['format'],
  isReversed = false,
): RecordReader {
  const layout = layoutOf(store)
  return (batch) => {
    const rows = readLogRows(store, batch, filter, isReversed)
    if (rows.length === 0) return undefined
    const lastId = rows.map(keyOf).reduce((highest, id) => (id > highest ? id : highest))
    return { bytes: Buffer.from(rows.map((row) => formatRow(row, layout)).join('')), lastId }
  }
}

/** Batches of some hundred kilobytes: measured, neither smaller nor larger ones are faster. */
const SMALL_BYTES = 128 * 1024
/** What is made of a window's bytes, not by SQLite, has larger ones: what each window costs by itself is a twentieth. */
const SMALL_SHORT_BYTES = 256 * 1024
const LARGE_BY_SMALL = 4

export function createResize(plan: RecordPlan | undefined): (records: Records | undefined) => Resize {
  const small = plan?.isShort ? SMALL_SHORT_BYTES : SMALL_BYTES
  return (records) => {
    const size = records?.bytes.length ?? 0
    return size < small ? 'grow' : size > small * LARGE_BY_SMALL ? 'shrink' : 'keep'
  }
}
