import { parseBody } from '../../body/parse.js'
import { summarizeRow } from '../../body/summary.js'
import { escapeJsonForTerminal, escapeLine } from '../../format/escape.js'
import { formatCount } from '../../format/quantity.js'
import { cutToWidth, prepareCell } from '../../format/table.js'
import { formatUtcNanos, type TimedRow, timeParts } from '../../format/time.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import { matchingBatches } from '../../query/logs/batches.js'
import type { Io } from '../io.js'
import { createScanProgress } from './progress.js'
import { readBatches } from './read-batches.js'
import { createKindsReader, isBefore, MOST_KINDS, type RowKind, type RowKinds } from './row-kinds.js'
import { countIds, inWorkers, type Reading } from './select.js'

/** Rows of one batch: enough that its kinds are few beside them. */
const BATCH_IDS = 16_384

/** Most frequent first. */
export async function collapseRows(
  readings: readonly Reading[],
  filter: LogFilter,
  io: Io,
): Promise<RowKinds> {
  const all = new Map<string, RowKind>()
  let otherCount = 0
  for (const { store, afterId } of readings) {
    const progress = createScanProgress(io)
    const batches = matchingBatches(store, filter, { afterId, windowSize: BATCH_IDS })
    const results = readBatches({
      batches: progress.watch(batches, () => countIds(store)),
      read: createKindsReader(store, filter),
      resize: () => 'keep',
      workers: inWorkers(io, store, { filter, job: { kind: 'kinds' } }),
    })
    for await (const found of results) {
      otherCount += found.otherCount
      for (const kind of found.kinds) {
        const known = all.get(kind.key)
        if (known) {
          known.count += kind.count
          if (isBefore(kind.first, known.first)) known.first = kind.first
          if (!isBefore(kind.last, known.last)) known.last = kind.last
        } else if (all.size < MOST_KINDS) all.set(kind.key, kind)
        else otherCount += kind.count
      }
    }
    progress.clear()
  }
  return { kinds: [...all.values()].sort((a, b) => b.count - a.count), otherCount }
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
    for (const { count, message, first, last } of kinds) {
      const { level, target } = placeOf(first)
      const values = [String(count), level, timeOf(first), timeOf(last), target, message, String(first.id)]
      stdout.write(`${values.map((value) => escapeLine(value).replaceAll('\t', '\\t')).join('\t')}\n`)
    }
    return
  }
  const width = stdout.columns || 80
  const countWidth = Math.max(5, ...kinds.slice(0, 1).map(({ count }) => formatCount(count).length))
  stdout.write(`${'COUNT'.padStart(countWidth)} LEVEL FIRST    LAST     EXAMPLE\n`)
  for (const { count, first, last } of kinds) {
    const { level, target } = placeOf(first)
    const place = target.replace(/^codex_(?:core::)?/, '')
    const { text } = summarizeRow(first, parseBody(first.body, { target }))
    const start = `${formatCount(count).padStart(countWidth)} ${level.padEnd(5)} ${timeOf(first).slice(11, 19)} ${timeOf(last).slice(11, 19)} `
    stdout.write(`${cutToWidth(`${start}${prepareCell(`${place}: ${text}`)}`, width)}\n`)
  }
}

/** A table can lack the columns. */
function placeOf({ level, target }: StoredLogRow): { level: string; target: string } {
  return { level: level ?? '', target: target ?? '' }
}

function timeOf(row: TimedRow): string {
  return row.tsSeconds === null ? '-' : formatUtcNanos(...timeParts(row))
}

function kindJson({ count, message, first, last }: RowKind): string {
  const { level, target } = placeOf(first)
  const { file, line } = first
  const record = { count, level, target, file, line: line === null ? null : Number(line), message }
  const times = {
    first: timeOf(first),
    last: timeOf(last),
    example_id: Number(first.id),
    example: first.body,
  }
  return JSON.stringify({ ...record, ...times })
}
