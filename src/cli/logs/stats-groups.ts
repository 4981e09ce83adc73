import { StateError } from '../../errors.js'
import type { Field, RecordKind } from '../../format/fields.js'
import { DAY_SECONDS, formatSpanStart, formatSparkline, HOUR_SECONDS } from '../../format/histogram.js'
import { formatBytes, formatCount } from '../../format/quantity.js'
import type { LogFilter } from '../../model/log.js'
import { STATS_GROUPS, type StatsGroup, type StatsSum } from '../../model/log-stats.js'
import { createStatsSummer } from '../../query/logs/stats.js'
import type { LogStore } from '../../query/logs/store.js'
import type { Session } from '../state/session.js'
import { listChurn } from './churn.js'
import { isUnfiltered } from './filter-flags.js'
import { createThreadWords } from './open-logs.js'
import { findTimeRange, sumLogs } from './sum-logs.js'

interface GroupRow extends StatsSum {
  rowShare: number
  byteShare: number
  /** Rows by time, for a sparkline. */
  overTime: readonly number[] | undefined
  title: string
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
        keys[at] === null
          ? '?'
          : formatSpanStart(Number(keys[at]), group === 'day' ? DAY_SECONDS : HOUR_SECONDS),
    }
  }
  if (group === 'thread') return { name, kind: 'id', value: ({ keys }) => keys[at] }
  // Their beginnings are alike.
  return { name, kind: 'text', minWidth: 24, value: ({ keys }) => keys[at] }
}

export function groupKind(by: readonly StatsGroup[], hasLine = false): RecordKind<GroupRow> {
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
      { name: 'first_at', kind: 'time', yields: true, value: ({ firstSeconds }) => timeOrNull(firstSeconds) },
      { name: 'last_at', kind: 'time', value: ({ lastSeconds }) => timeOrNull(lastSeconds) },
      ...(hasLine
        ? [
            {
              name: 'over_time',
              kind: 'text',
              yields: true,
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

/** Columns of a sparkline. */
const LINE_LENGTH = 16

/** @throws {StateError} `USAGE` */
export function resolveGroups(typed: readonly string[] | string | undefined): StatsGroup[] {
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

export async function readGroupSums(
  store: LogStore,
  filter: LogFilter,
  session: Session,
  flags: { by?: string[] | undefined; json?: string | true | undefined; fields?: string | true | undefined },
) {
  const { io } = session
  const by = resolveGroups(flags.by)
  const hasLine = io.stdout.isTerminal && flags.json === undefined && flags.fields === undefined
  const range = hasLine ? await findTimeRange(store, filter, io) : undefined
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

function tellChurn(session: Session, filter: LogFilter): string[] {
  if (!isUnfiltered(filter)) return []
  const [churn] = listChurn(session)
  if (!churn || churn.rowsWritten === undefined) return []
  return [
    `${formatCount(Number(churn.rowsWritten))} ever written, ${formatCount(churn.prunedCount ?? 0)} pruned`,
    `file ${formatBytes(churn.fileBytes)}, of it free ${formatBytes(churn.freeBytes)}, WAL ${formatBytes(churn.walBytes)}`,
  ]
}
