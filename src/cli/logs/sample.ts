import { monotonicMs } from '../../db/clock.js'
import { sizeOf } from '../../db/files.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatBytes, formatCount, formatDuration, formatPlural } from '../../format/quantity.js'
import type { StatsSum } from '../../model/log-stats.js'
import { createStatsSummer, readNewSums } from '../../query/logs/stats.js'
import { type LogStore, readHighestId } from '../../query/logs/store.js'
import type { CommandContext, JsonForm } from '../command.js'
import type { HomeFlags } from '../home-flags.js'
import type { Io } from '../io.js'
import { EXIT_BY_SIGNAL } from '../main.js'
import { writeRecords } from '../state/output.js'
import { withSession } from '../state/session.js'
import { openLogs } from './open-logs.js'

/** What was written while one looked. */
interface Sample {
  /** Why it ended before its time. */
  problem: string | undefined
  seconds: number
  sums: StatsSum[]
  rowCount: number
  sizeBytes: number
  /** Written and pruned before they were seen, by the numbers that SQLite gave. */
  unseenCount: number
  walGrowthBytes: number
  traceShare: number
}

const RATE_KIND: RecordKind<StatsSum & { seconds: number }> = {
  noun: 'group',
  fields: [
    { name: 'level', kind: 'text', value: ({ keys }) => keys[0] },
    { name: 'target', kind: 'text', value: ({ keys }) => keys[1] },
    {
      name: 'rows',
      kind: 'number',
      value: ({ rowCount }) => rowCount,
      cell: ({ rowCount }) => formatCount(rowCount),
    },
    { name: 'size_bytes', kind: 'bytes', heading: 'SIZE', value: ({ sizeBytes }) => sizeBytes },
    {
      name: 'rows_per_second',
      kind: 'number',
      heading: 'ROWS/S',
      value: ({ rowCount, seconds }) => rate(rowCount, seconds),
      cell: ({ rowCount, seconds }) => String(rate(rowCount, seconds)),
    },
    {
      name: 'bytes_per_second',
      kind: 'bytes',
      heading: 'SIZE/S',
      value: ({ sizeBytes, seconds }) => Math.round(rate(sizeBytes, seconds)),
    },
  ],
  shown: ['level', 'target', 'rows', 'size_bytes', 'rows_per_second', 'bytes_per_second'],
  nameOf: ({ keys }) => keys.join(' '),
}

const NUMBER = { type: 'number' } as const

export const SAMPLE_FORM: JsonForm = {
  shape: 'object',
  suffix: 'sample',
  argv: ['--sample', '1s'],
  record: {
    type: 'object',
    properties: {
      ...Object.fromEntries(
        [
          'seconds',
          'rows',
          'size_bytes',
          'unseen_rows',
          'rows_per_second',
          'bytes_per_second',
          'bytes_per_day',
          'wal_growth_bytes',
          'trace_share',
        ].map((name) => [name, NUMBER]),
      ),
      groups: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            level: { type: ['string', 'null'] },
            target: { type: ['string', 'null'] },
            rows: NUMBER,
            size_bytes: NUMBER,
            rows_per_second: NUMBER,
            bytes_per_second: NUMBER,
          },
          required: ['level', 'target', 'rows', 'size_bytes', 'rows_per_second', 'bytes_per_second'],
        },
      },
    },
    required: ['seconds', 'rows', 'size_bytes', 'bytes_per_day', 'groups'],
  },
}

const LOOK_MS = 500
const DAY_SECONDS = 86_400

/** Measures what is written from now on; a signal ends it, and what was measured is printed. */
export function runSample(context: CommandContext, flags: Record<string, unknown>): Promise<number> {
  const { io } = context
  const lengthMs = flags.sample as number
  const signal = io.interruption()
  return withSession(context, flags as HomeFlags, async (session) => {
    const store = await openLogs(session)
    const sample = await takeSample(store, lengthMs, signal, io)
    if (sample.problem !== undefined) {
      session.notice(sample.problem)
      session.fail()
    }
    if (flags.json !== undefined) io.stdout.write(`${JSON.stringify(toJson(sample), null, 2)}\n`)
    else {
      const rows = sample.sums.map((sum) => ({ ...sum, seconds: sample.seconds }))
      await writeRecords(RATE_KIND, [rows], flags, session, { emptyText: null })
      for (const line of tell(sample)) io.stdout.write(`${line}\n`)
    }
    return signal.aborted ? (EXIT_BY_SIGNAL[String(signal.reason)] ?? 1) : session.exitCode()
  })
}

async function takeSample(store: LogStore, lengthMs: number, signal: AbortSignal, io: Io): Promise<Sample> {
  const walPath = `${store.file.path}-wal`
  const summer = createStatsSummer()
  const firstId = readHighestId(store)
  const firstWalBytes = sizeOf(walPath)
  const startMs = monotonicMs()
  const isTold = io.stderr.isTerminal
  let lastId = firstId
  let rowCount = 0
  let elapsedMs = 0
  let problem: string | undefined
  while (!signal.aborted && elapsedMs < lengthMs) {
    await pause(Math.min(LOOK_MS, lengthMs - elapsedMs), signal)
    let look: ReturnType<typeof readNewSums>
    try {
      look = readNewSums(store, lastId)
    } catch (error) {
      if (!(error instanceof StateError) || rowCount === 0) throw error
      // What was measured by then is told all the same.
      problem = error.message
      break
    }
    summer.add(look.sums)
    lastId = look.highestId
    rowCount = summer.sums().reduce((sum, group) => sum + group.rowCount, 0)
    elapsedMs = monotonicMs() - startMs
    if (isTold) {
      const left = formatDuration(Math.max(0, lengthMs - elapsedMs))
      io.stderr.write(`\r\x1b[Kmeasuring … ${formatPlural(rowCount, 'row')}, ${left} left (Ctrl-C: end now)`)
    }
  }
  if (isTold) io.stderr.write('\r\x1b[K')
  const sums = summer.sums().sort((a, b) => b.sizeBytes - a.sizeBytes)
  const sizeBytes = sums.reduce((sum, group) => sum + group.sizeBytes, 0)
  const traceBytes = sums
    .filter(({ keys }) => keys[0] === 'TRACE')
    .reduce((sum, group) => sum + group.sizeBytes, 0)
  return {
    problem,
    seconds: elapsedMs / 1000,
    sums,
    rowCount,
    sizeBytes,
    unseenCount: store.hasSequence ? Math.max(0, Number(lastId - firstId) - rowCount) : 0,
    walGrowthBytes: sizeOf(walPath) - firstWalBytes,
    traceShare: sizeBytes === 0 ? 0 : traceBytes / sizeBytes,
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

/** Two places are enough for a rate. */
function rate(amount: number, seconds: number): number {
  return seconds === 0 ? 0 : Math.round((amount / seconds) * 100) / 100
}

function toJson({ seconds, sums, rowCount, sizeBytes, unseenCount, walGrowthBytes, traceShare }: Sample) {
  return {
    seconds: Math.round(seconds * 1000) / 1000,
    rows: rowCount,
    size_bytes: sizeBytes,
    unseen_rows: unseenCount,
    rows_per_second: rate(rowCount, seconds),
    bytes_per_second: Math.round(rate(sizeBytes, seconds)),
    bytes_per_day: Math.round(rate(sizeBytes, seconds) * DAY_SECONDS),
    wal_growth_bytes: walGrowthBytes,
    trace_share: Math.round(traceShare * 1e6) / 1e6,
    groups: sums.map((sum) => ({
      level: sum.keys[0],
      target: sum.keys[1],
      rows: sum.rowCount,
      size_bytes: sum.sizeBytes,
      rows_per_second: rate(sum.rowCount, seconds),
      bytes_per_second: Math.round(rate(sum.sizeBytes, seconds)),
    })),
  }
}

function* tell(sample: Sample): Generator<string> {
  const { seconds, rowCount, sizeBytes, unseenCount, walGrowthBytes, traceShare } = sample
  const perDay = formatBytes(Math.round((sizeBytes / Math.max(seconds, 0.001)) * DAY_SECONDS))
  yield `${formatPlural(rowCount, 'row')}, ${formatBytes(sizeBytes)} in ${formatDuration(seconds * 1000)}: ${perDay} a day at this rate`
  if (rowCount > 0) yield `without TRACE ${(traceShare * 100).toFixed(1)} % less`
  if (unseenCount > 0)
    yield `${formatPlural(unseenCount, 'row')} more came and were pruned before they were seen`
  if (walGrowthBytes !== 0) {
    const change = walGrowthBytes > 0 ? 'grew' : 'shrank'
    yield `the WAL ${change} by ${formatBytes(Math.abs(walGrowthBytes))}`
  }
}
