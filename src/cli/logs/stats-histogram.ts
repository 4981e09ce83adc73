import type { Field, RecordKind } from '../../format/fields.js'
import { formatLevelBar, formatSpanStart, LEVEL_BLOCKS, planBuckets } from '../../format/histogram.js'
import { formatCount, formatPlural } from '../../format/quantity.js'
import type { LogFilter } from '../../model/log.js'
import type { LogStore } from '../../query/logs/store.js'
import type { Session } from '../state/session.js'
import { findTimeRange, sumLogs } from './sum-logs.js'

interface Bucket {
  fromSeconds: number
  untilSeconds: number
  rowCount: number
  sizeBytes: number
  /** Rows by level as stored. */
  levels: Readonly<Record<string, number>>
}

/** Rows of a histogram. */
const MOST_SPANS = 40

export function histogramKind(stepSeconds = 1, bar?: { width: number; most: number }): RecordKind<Bucket> {
  const ofLevel = (level: string): Field<Bucket> => ({
    name: level.toLowerCase(),
    kind: 'number',
    value: ({ levels }) => levels[level] ?? 0,
    cell: ({ levels }) => formatCount(levels[level] ?? 0),
  })
  return {
    noun: 'span',
    fields: [
      {
        name: 'from',
        kind: 'time',
        heading: 'FROM (UTC)',
        value: ({ fromSeconds }) => fromSeconds * 1000,
        cell: ({ fromSeconds }) => formatSpanStart(fromSeconds, stepSeconds),
      },
      { name: 'until', kind: 'time', value: ({ untilSeconds }) => untilSeconds * 1000 },
      {
        name: 'rows',
        kind: 'number',
        value: ({ rowCount }) => rowCount,
        cell: ({ rowCount }) => formatCount(rowCount),
      },
      { name: 'size_bytes', kind: 'bytes', heading: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
      ...LEVEL_BLOCKS.map(({ level }) => ofLevel(level)),
      ...(bar
        ? [
            {
              name: 'bar',
              kind: 'text',
              heading: LEVEL_BLOCKS.map(({ level, block }) => `${block} ${level.toLowerCase()}`).join('  '),
              value: ({ levels }: Bucket) => formatLevelBar(levels, bar.most, bar.width),
            } as const,
          ]
        : []),
    ],
    shown: bar
      ? ['from', 'rows', 'error', 'warn', 'bar']
      : ['from', 'until', 'rows', 'size_bytes', ...LEVEL_BLOCKS.map(({ level }) => level.toLowerCase())],
    nameOf: ({ fromSeconds }) => String(fromSeconds),
  }
}

export async function readHistogram(store: LogStore, filter: LogFilter, session: Session, isText: boolean) {
  const { io } = session
  const range = await findTimeRange(store, filter, io)
  if (!range) return { kind: histogramKind(), pages: [] as Bucket[][] }
  const { count, ...buckets } = planBuckets(range.from, range.to, MOST_SPANS)
  const sums = await sumLogs(store, filter, { by: ['level'], buckets }, io)
  const spans = Array.from({ length: count }, (_, at) => ({
    fromSeconds: buckets.fromSeconds + at * buckets.stepSeconds,
    untilSeconds: buckets.fromSeconds + (at + 1) * buckets.stepSeconds,
    rowCount: 0,
    sizeBytes: 0,
    levels: {} as Record<string, number>,
  }))
  let outsideCount = 0
  for (const { keys, bucket, rowCount, sizeBytes } of sums) {
    const span = spans[bucket]
    if (!span) {
      outsideCount += rowCount
      continue
    }
    const level = (keys[0] ?? '').toUpperCase()
    span.rowCount += rowCount
    span.sizeBytes += sizeBytes
    span.levels[level] = (span.levels[level] ?? 0) + rowCount
  }
  if (outsideCount > 0) {
    session.notice(
      `${formatPlural(outsideCount, 'row')} without a valid time ${outsideCount === 1 ? 'is' : 'are'} in no span`,
    )
  }
  const isBar = io.stdout.isTerminal && isText
  const most = Math.max(...spans.map(({ rowCount }) => rowCount))
  const kind = histogramKind(buckets.stepSeconds)
  const width = Math.max(10, (io.stdout.columns ?? 100) - widthBefore(kind, spans))
  return {
    kind: isBar ? histogramKind(buckets.stepSeconds, { width, most }) : kind,
    pages: [spans],
  }
}

/** What the columns before the bar take, with the gaps between them. */
function widthBefore({ fields }: RecordKind<Bucket>, spans: readonly Bucket[]): number {
  const before = fields.filter(({ name }) => ['from', 'rows', 'error', 'warn'].includes(name))
  const widths = before.map(({ name, heading, cell }) =>
    Math.max((heading ?? name).length, ...spans.map((span) => cell?.(span).length ?? 0)),
  )
  return widths.reduce((sum, width) => sum + width + 2, 0)
}
