import { parseBody } from '../../body/parse.js'
import { kindOf, summarizeRow } from '../../body/summary.js'
import type { RowFormatter } from '../../format/formats.js'
import { createShortFormatter, type ShortFormatter } from '../../format/short.js'
import type { ShortOptions } from '../../format/short-line.js'
import type { StoredLogRow } from '../../model/log.js'
import type { LogSummary } from '../../model/log-summary.js'
import type { OutputStream } from '../io.js'

export interface SummaryOutputOptions
  extends Pick<ShortOptions, 'time' | 'palette' | 'highlight' | 'isCompact' | 'wraps'> {
  stdout: OutputStream
  /** Neighbours that are alike are shown as one. */
  folds: boolean
}

/** Rows told by what their bodies mean. */
export interface SummaryOutput {
  formatter: RowFormatter
  /** From now on all rows are of this thread. */
  showThread(thread: NonNullable<ShortOptions['thread']>): void
  /** Forgets the rows before, as if none had been printed. */
  restart(): void
  /** Whether what a row says is kept: for rows that are formatted again and again. */
  keepSummaries(keeps: boolean): void
}

/** A terminal's width where it does not say it. */
const DEFAULT_COLUMNS = 80

export function createSummaryOutput({ stdout, folds, ...options }: SummaryOutputOptions): SummaryOutput {
  const isTerminal = stdout.isTerminal
  let thread: ShortOptions['thread']
  let width = readWidth()
  let formatter = make()
  let isWithin = false
  let kept: Map<StoredLogRow, LogSummary> | undefined

  function readWidth(): number | undefined {
    // Some say 0.
    return isTerminal ? stdout.columns || DEFAULT_COLUMNS : undefined
  }

  function make(): ShortFormatter {
    return createShortFormatter({
      ...options,
      width,
      kindOf: isTerminal && folds ? kindOf : undefined,
      ...(thread && { thread }),
    })
  }

  /** Looked at between batches: a terminal that was resized gets lines of its new width. */
  function fitToTerminal(): void {
    const current = readWidth()
    if (current === width) return
    width = current
    formatter = make()
  }

  return {
    formatter: {
      format(row, layout) {
        if (!isWithin) fitToTerminal()
        isWithin = true
        let summary = kept?.get(row)
        if (!summary) {
          summary = summarizeRow(row, parseBody(row.body, { target: row.target, ...layout }))
          kept?.set(row, summary)
        }
        return formatter.format(summary)
      },
      flush() {
        isWithin = false
        return formatter.flush()
      },
    },
    restart() {
      formatter = make()
    },
    keepSummaries(keeps) {
      kept = keeps ? new Map() : undefined
    },
    showThread(shown) {
      thread = shown
      formatter = make()
    },
  }
}
