import type { RowLayout } from '../../format/formats.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import { idBatches } from '../../query/logs/batches.js'
import { inParts, keyOf, readLogRows } from '../../query/logs/rows.js'
import type { Io } from '../io.js'
import type { Output } from './output.js'
import { layoutOf } from './records.js'
import { type Reading, type Selected, selectNewest } from './select.js'

/** A terminal's height where it does not say it. */
const DEFAULT_ROWS = 40
/** What a shell prints before its next command, and the line above all rows. */
const OTHER_LINES = 3
/** Where more rows than these are folded into less than a screen, less is shown: an idle Codex writes three a second. */
const MOST_ROWS = 10_000
/** Of all bodies that are looked at. */
const MOST_UNITS = 16 * 1024 * 1024

/** The newest rows that match and that fill the terminal, folded as they are. */
export async function selectScreen(
  readings: readonly Reading[],
  filter: LogFilter,
  { formatter, summary }: Output,
  io: Io,
): Promise<Selected[]> {
  const height = Math.max(1, (io.stdout.rows || DEFAULT_ROWS) - OTHER_LINES)
  /** How many lines the rows take from one of them on. */
  const countLines = (rows: readonly ReadRow[], from: number) => {
    let lines = 0
    for (const { row, layout } of rows.slice(from)) lines += lineCountOf(formatter.format(row, layout))
    lines += lineCountOf(formatter.flush())
    summary?.restart()
    return lines
  }
  let tooFew = 0
  for (let limit = height; ; limit = Math.min(limit * 4, MOST_ROWS)) {
    const selected = await selectNewest(readings, filter, { limit, isReversed: false }, io)
    if (!summary) return selected
    const rows = readRows(selected)
    summary.keepSummaries(true)
    const hasMore = rows.length === limit && limit < MOST_ROWS
    if (hasMore && countLines(rows, 0) < height) {
      tooFew = rows.length
      continue
    }
    let [low, high] = [0, rows.length - tooFew]
    while (low < high) {
      const middle = (low + high) >> 1
      if (countLines(rows, middle) <= height) high = middle
      else low = middle + 1
    }
    summary.keepSummaries(false)
    const shown = rows.slice(low)
    return selected.map((one) => ({
      ...one,
      ids: shown.filter(({ from }) => from === one).map(({ row }) => keyOf(row)),
    }))
  }
}

interface ReadRow {
  from: Selected
  row: StoredLogRow
  layout: RowLayout
}

/** The newest of the rows, as many as memory is for. */
function readRows(selected: readonly Selected[]): ReadRow[] {
  const rows: ReadRow[] = []
  let units = 0
  for (const from of selected) {
    const layout = layoutOf(from.store)
    for (const part of inParts(from.store, idBatches(from.ids ?? []))) {
      for (const row of readLogRows(from.store, part)) {
        rows.push({ from, row, layout })
        units += row.body?.length ?? 0
        while (units > MOST_UNITS && rows.length > 1) units -= rows.shift()!.row.body?.length ?? 0
      }
    }
  }
  return rows
}

function lineCountOf(text: string): number {
  return text.split('\n').length - 1
}
