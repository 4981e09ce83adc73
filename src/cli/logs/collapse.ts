import { maskMessage } from '../../body/mask.js'
import { parseBody } from '../../body/parse.js'
import { summarizeRow } from '../../body/summary.js'
import { escapeJsonForTerminal, escapeLine } from '../../format/escape.js'
import { formatCount } from '../../format/quantity.js'
import { cutToWidth, prepareCell } from '../../format/table.js'
import { formatUtcNanos } from '../../format/time.js'
import type { LogFilter, RowId, StoredLogRow } from '../../model/log.js'
import { matchingBatches } from '../../query/logs/batches.js'
import { inParts, readLogRows } from '../../query/logs/rows.js'
import type { Io } from '../io.js'
import type { Reading } from './select.js'

/** Rows of one call site whose messages differ only in ids, numbers and the like. */
export interface RowKind {
  count: number
  level: string
  target: string
  file: string | null
  line: RowId | null
  message: string
  first: StoredLogRow
  last: StoredLogRow
}

/** Of what is said at length only its beginning counts. */
const LONGEST_MASKED = 1000
/** More kinds are those of a log that has no few: the rest is counted as one. */
const MOST_KINDS = 50_000

/** Most frequent first. */
export function collapseRows(
  readings: readonly Reading[],
  filter: LogFilter,
): { kinds: RowKind[]; otherCount: number } {
  const kinds = new Map<string, RowKind>()
  let otherCount = 0
  for (const { store, afterId } of readings) {
    const isMessageOnly = store.columns.body === 'message'
    for (const batch of inParts(store, matchingBatches(store, filter, { afterId }))) {
      for (const row of readLogRows(store, batch, filter)) {
        const parsed = parseBody(row.body, { target: row.target ?? '', isMessageOnly })
        // An event without a message is told by the names of its fields.
        const told = parsed.message ?? parsed.fields.map(({ key }) => key).join(' ')
        const message = maskMessage(told.slice(0, LONGEST_MASKED))
        const key = `${row.level}\0${row.target}\0${row.file}\0${row.line}\0${message}`
        const known = kinds.get(key)
        if (known) {
          known.count++
          if (isBefore(row, known.first)) known.first = row
          if (!isBefore(row, known.last)) known.last = row
        } else if (kinds.size < MOST_KINDS) {
          const { level, target, file, line } = row
          kinds.set(key, {
            count: 1,
            level: level ?? '',
            target: target ?? '',
            file,
            line,
            message,
            first: row,
            last: row,
          })
        } else otherCount++
      }
    }
  }
  return { kinds: [...kinds.values()].sort((a, b) => b.count - a.count), otherCount }
}

function isBefore(a: StoredLogRow, b: StoredLogRow): boolean {
  return a.tsSeconds < b.tsSeconds || (a.tsSeconds === b.tsSeconds && a.tsNanos < b.tsNanos)
}

/** A line for each kind; on a terminal with an example that fits. */
export function writeKinds(kinds: readonly RowKind[], isJson: boolean, { stdout }: Io): void {
  if (isJson) {
    for (const kind of kinds) {
      const json = kindJson(kind)
      stdout.write(`${stdout.isTerminal ? escapeJsonForTerminal(json) : json}\n`)
    }
    return
  }
  if (!stdout.isTerminal) {
    for (const { count, level, target, message, first, last } of kinds) {
      const values = [String(count), level, timeOf(first), timeOf(last), target, message, String(first.id)]
      stdout.write(`${values.map((value) => escapeLine(value).replaceAll('\t', '\\t')).join('\t')}\n`)
    }
    return
  }
  const width = stdout.columns || 80
  const countWidth = Math.max(5, ...kinds.slice(0, 1).map(({ count }) => formatCount(count).length))
  stdout.write(`${'COUNT'.padStart(countWidth)} LEVEL FIRST    LAST     EXAMPLE\n`)
  for (const { count, level, target, first, last } of kinds) {
    const place = target.replace(/^codex_(?:core::)?/, '')
    const { text } = summarizeRow(first, parseBody(first.body, { target }))
    const start = `${formatCount(count).padStart(countWidth)} ${level.padEnd(5)} ${timeOf(first).slice(11, 19)} ${timeOf(last).slice(11, 19)} `
    stdout.write(`${cutToWidth(`${start}${prepareCell(`${place}: ${text}`)}`, width)}\n`)
  }
}

function timeOf({ tsSeconds, tsNanos }: StoredLogRow): string {
  return tsSeconds === null ? '-' : formatUtcNanos(tsSeconds, tsNanos ?? 0)
}

function kindJson({ count, level, target, file, line, message, first, last }: RowKind): string {
  const record = { count, level, target, file, line: line === null ? null : Number(line), message }
  const times = {
    first: timeOf(first),
    last: timeOf(last),
    example_id: Number(first.id),
    example: first.body,
  }
  return JSON.stringify({ ...record, ...times })
}
