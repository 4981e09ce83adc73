import { StateError } from '../../errors.js'
import type { Field, RecordKind } from '../../format/fields.js'
import { formatLevelBar, formatSparkline, LEVEL_BLOCKS, planBuckets } from '../../format/histogram.js'
import { formatBytes, formatCount, formatPlural } from '../../format/quantity.js'
import type { LogFilter } from '../../model/log.js'
import { STATS_GROUPS, type StatsGroup, type StatsSum } from '../../model/log-stats.js'
import { createStatsSummer, readTimeRange } from '../../query/logs/stats.js'
import type { LogStore } from '../../query/logs/store.js'
import type { Command, JsonForm } from '../command.js'
import { listFlag, onFlag, parsedFlag, parseSpan } from '../flags.js'
import { defineListCommand } from '../records.js'
import type { Session } from '../state/session.js'
import { CHURN_KIND, listChurn } from './churn.js'
import { LOG_FILTER_FLAGS } from './filter-flags.js'
import { createThreadWords, openFilteredLogs } from './open-logs.js'
import { runSample, SAMPLE_FORM } from './sample.js'
import { sumLogs } from './sum-logs.js'

interface GroupRow extends StatsSum {
  rowShare: number
  byteShare: number
  /** Rows by time, for a sparkline. */
  overTime: readonly number[] | undefined
  title: string
}

interface Bucket {
  fromSeconds: number
  untilSeconds: number
  rowCount: number
  sizeBytes: number
  /** Rows by level as stored. */
  levels: Readonly<Record<string, number>>
}

const FIELD_OF: Record<StatsGroup, string> = {
  level: 'level',
  target: 'target',
  'call-site': 'call_site',
  module: 'module_path',
  file: 'file',
  thread: 'thread_id',
  process: 'process_uuid',
  hour: 'hour',
  day: 'day',
}

function isTime(group: StatsGroup): boolean {
  return group === 'hour' || group === 'day'
}

function keyField(group: StatsGroup, at: number): Field<GroupRow> {
  const name = FIELD_OF[group]
  if (isTime(group)) {
    return {
      name,
      kind: 'time',
      value: ({ keys }) => (keys[at] === null ? null : Number(keys[at]) * 1000),
      cell: ({ keys }) =>
        keys[at] === null ? '?' : formatTime(Number(keys[at]), group === 'day' ? DAY_SECONDS : HOUR_SECONDS),
    }
  }
  return { name, kind: group === 'thread' ? 'id' : 'text', value: ({ keys }) => keys[at] }
}

function groupKind(by: readonly StatsGroup[], hasLine = false): RecordKind<GroupRow> {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  return {
    noun: 'group',
    fields: [
      ...by.map(keyField),
      ...(by.includes('thread')
        ? [{ name: 'title', kind: 'text', value: ({ title }: GroupRow) => title } as const]
        : []),
      {
        name: 'rows',
        kind: 'number',
        value: ({ rowCount }) => rowCount,
        cell: ({ rowCount }) => formatCount(rowCount),
      },
      {
        name: 'row_share',
        kind: 'number',
        heading: 'SHARE',
        value: ({ rowShare }) => Number(rowShare.toFixed(6)),
        cell: ({ rowShare }) => percent(rowShare),
      },
      { name: 'size_bytes', kind: 'bytes', heading: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
      {
        name: 'byte_share',
        kind: 'number',
        heading: 'OF SIZE',
        value: ({ byteShare }) => Number(byteShare.toFixed(6)),
        cell: ({ byteShare }) => percent(byteShare),
      },
      { name: 'first_at', kind: 'time', value: ({ firstSeconds }) => timeOrNull(firstSeconds) },
      { name: 'last_at', kind: 'time', value: ({ lastSeconds }) => timeOrNull(lastSeconds) },
      ...(hasLine
        ? [
            {
              name: 'over_time',
              kind: 'text',
              value: ({ overTime }: GroupRow) => formatSparkline(overTime ?? []),
            } as const,
          ]
        : []),
    ],
    shown: [
      ...by.map((group) => FIELD_OF[group]),
      ...(by.includes('thread') && hasLine ? ['title'] : []),
      ...['rows', 'row_share', 'size_bytes', 'byte_share', 'first_at', 'last_at'],
      ...(hasLine && !by.some(isTime) ? ['over_time'] : []),
    ],
    nameOf: ({ keys }) => keys.join(' '),
  }
}

function timeOrNull(seconds: number): number | null {
  return Number.isNaN(seconds) ? null : seconds * 1000
}

function histogramKind(stepSeconds = 1, bar?: { width: number; most: number }): RecordKind<Bucket> {
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
        cell: ({ fromSeconds }) => formatTime(fromSeconds, stepSeconds),
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

/** `2026-11-25 14:51:30`, as exact as a span of this length needs: each line alike. */
function formatTime(seconds: number, stepSeconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return String(seconds)
  const text = date.toISOString().replace('T', ' ')
  return text.slice(0, stepSeconds >= DAY_SECONDS ? 10 : stepSeconds % 60 === 0 ? 16 : 19)
}

/** Columns of a sparkline, and rows of a histogram. */
const LINE_LENGTH = 16
const MOST_SPANS = 40
const HOUR_SECONDS = 3600
const DAY_SECONDS = 86_400

const FLAGS = {
  by: listFlag(
    '<what>',
    `sum up by ${STATS_GROUPS.join(', ')}; by two at once where it is given twice (default: level)`,
    {
      completes: { kind: 'words', words: STATS_GROUPS },
    },
  ),
  histogram: onFlag('rows over time, by level'),
  churn: onFlag('rows ever written, kept and pruned, and free space in the file'),
  sample: parsedFlag(
    '<span>',
    'measure what is written from now on, for this long (30s); Ctrl-C ends it sooner',
    parseSpan,
  ),
  ...LOG_FILTER_FLAGS,
}

// biome-ignore lint/suspicious/noExplicitAny: one of three kinds, by the flags.
type AnyRow = any

const list = defineListCommand<AnyRow, typeof FLAGS>({
  examples: ['stats --by target -n 10', 'stats --histogram --min-level warn'],
  tables: ['logs', 'threads'],
  flags: FLAGS,
  notes: `Sizes are what Codex itself counts (estimated_bytes), or those of the bodies where a layout has no such column; the
file is larger by its indexes and free pages (--churn). Hours and days are UTC.`,
  emptyText: 'no rows match',
  kind: ({ by, histogram, churn }) =>
    (churn ? CHURN_KIND : histogram ? histogramKind() : groupKind(resolveGroups(by))) as RecordKind<AnyRow>,
  async read(session, flags) {
    if (flags.churn) return { pages: [listChurn(session)] }
    const { store, filter } = await openFilteredLogs(flags, session)
    return flags.histogram
      ? readHistogram(store, filter, session, flags.json === undefined)
      : readGroups(store, filter, session, flags)
  },
})

/** @throws {StateError} `USAGE` */
function resolveGroups(typed: readonly string[] | string | undefined): StatsGroup[] {
  const names = typed === undefined ? ['level'] : [typed].flat().flatMap((text) => text.split(','))
  const groups = names.map((name) => {
    const found = STATS_GROUPS.find((group) => group === name.trim().replaceAll('_', '-'))
    if (found) return found
    throw new StateError('USAGE', `cannot sum up by '${name}'`, {
      hint: `There are: ${STATS_GROUPS.join(', ')}.`,
    })
  })
  if (groups.length > 2 || new Set(groups).size < groups.length) {
    throw new StateError('USAGE', '--by takes one or two different things')
  }
  return groups
}

async function readGroups(
  store: LogStore,
  filter: LogFilter,
  session: Session,
  flags: { by?: string[] | undefined; json?: string | true | undefined; fields?: string | true | undefined },
) {
  const { io } = session
  const by = resolveGroups(flags.by)
  const hasLine = io.stdout.isTerminal && flags.json === undefined && flags.fields === undefined
  const range = hasLine ? await findRange(store, filter, session) : undefined
  const buckets = range && planLine(range)
  const sums = await sumLogs(store, filter, { by, ...(buckets && { buckets }) }, io)
  const lines = new Map<string, number[]>()
  for (const { keys, bucket, rowCount } of buckets ? sums : []) {
    const key = JSON.stringify(keys)
    const line = lines.get(key) ?? new Array<number>(LINE_LENGTH).fill(0)
    const at = Math.min(LINE_LENGTH - 1, Math.max(0, bucket))
    line[at]! += rowCount
    lines.set(key, line)
  }
  const summer = createStatsSummer()
  summer.add(sums.map((sum) => ({ ...sum, bucket: 0 })))
  const groups = summer.sums()
  const rowTotal = groups.reduce((sum, { rowCount }) => sum + rowCount, 0)
  const byteTotal = groups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const words = by.includes('thread') ? createThreadWords(session) : undefined
  const threadAt = by.indexOf('thread')
  const rows = groups
    .map(
      (sum): GroupRow => ({
        ...sum,
        rowShare: sum.rowCount / Math.max(1, rowTotal),
        byteShare: sum.sizeBytes / Math.max(1, byteTotal),
        overTime: lines.get(JSON.stringify(sum.keys)),
        title: words && sum.keys[threadAt] ? words.titleOf(sum.keys[threadAt]!) : '',
      }),
    )
    .sort(compareGroups(by))
  return {
    kind: groupKind(by, hasLine),
    pages: [rows],
    footer: () =>
      [`${formatCount(rowTotal)} rows, ${formatBytes(byteTotal)}`, ...tellChurn(session, filter)].join('; '),
  }
}

/** By time where that is asked for, else what is largest first. */
function compareGroups(by: readonly StatsGroup[]): (a: GroupRow, b: GroupRow) => number {
  const timeAt = by.findIndex(isTime)
  return (a, b) => {
    const byTime = timeAt < 0 ? 0 : Number(a.keys[timeAt]) - Number(b.keys[timeAt])
    return byTime || b.sizeBytes - a.sizeBytes || b.rowCount - a.rowCount
  }
}

function planLine({ from, to }: { from: number; to: number }): { fromSeconds: number; stepSeconds: number } {
  return { fromSeconds: from, stepSeconds: Math.max(1, Math.ceil((to - from + 1) / LINE_LENGTH)) }
}

/** From the oldest to the newest row of the filter: by the index where only times are asked for. */
async function findRange(
  store: LogStore,
  filter: LogFilter,
  { io }: Session,
): Promise<{ from: number; to: number } | undefined> {
  const { from, to, ...others } = filter
  const isPlain = Object.values(others).every((part) => part === undefined)
  if (!isPlain) {
    const [sum] = await sumLogs(store, filter, { by: [] }, io)
    if (!sum) return undefined
    const isKnown = !Number.isNaN(sum.firstSeconds) && !Number.isNaN(sum.lastSeconds)
    return isKnown ? { from: sum.firstSeconds, to: sum.lastSeconds } : readTimeRange(store)
  }
  const whole = readTimeRange(store)
  if (!whole) return undefined
  const range = {
    from: Math.max(whole.from, from?.seconds ?? whole.from),
    to: Math.min(whole.to, to?.seconds ?? whole.to),
  }
  return range.from <= range.to ? range : undefined
}

async function readHistogram(store: LogStore, filter: LogFilter, session: Session, isText: boolean) {
  const { io } = session
  const range = await findRange(store, filter, session)
  if (!range) return { kind: histogramKind() as RecordKind<AnyRow>, pages: [] as Bucket[][] }
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
    kind: (isBar ? histogramKind(buckets.stepSeconds, { width, most }) : kind) as RecordKind<AnyRow>,
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

function tellChurn(session: Session, filter: LogFilter): string[] {
  if (Object.values(filter).some((part) => part !== undefined)) return []
  const [churn] = listChurn(session)
  if (!churn || churn.rowsWritten === undefined) return []
  return [
    `${formatCount(Number(churn.rowsWritten))} ever written, ${formatCount(churn.prunedCount ?? 0)} pruned`,
    `file ${formatBytes(churn.fileBytes)}, of it free ${formatBytes(churn.freeBytes)}, WAL ${formatBytes(churn.walBytes)}`,
  ]
}

const forms: JsonForm[] = [
  { shape: 'array', record: groupKind(['level']) },
  ...STATS_GROUPS.map(
    (by): JsonForm => ({ shape: 'array', suffix: `by-${by}`, argv: ['--by', by], record: groupKind([by]) }),
  ),
  { shape: 'array', suffix: 'histogram', argv: ['--histogram'], record: histogramKind() },
  { shape: 'array', suffix: 'churn', argv: ['--churn'], record: CHURN_KIND },
  SAMPLE_FORM,
]

export const command: Command = {
  ...list,
  jsonForms: forms,
  run: (context, flags, words) =>
    flags.sample === undefined ? list.run(context, flags, words) : runSample(context, flags),
}
