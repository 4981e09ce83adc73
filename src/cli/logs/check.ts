import { sizeOf } from '../../db/files.js'
import { StateError } from '../../errors.js'
import type { RecordKind } from '../../format/fields.js'
import { formatCount, formatDecimalBytes, formatDuration, formatPlural } from '../../format/quantity.js'
import { readFindings } from '../../inspect/log-failures.js'
import { estimateWritten } from '../../query/logs/stats.js'
import type { LogStore } from '../../query/logs/store.js'
import { type FlagValues, parseAmount, parsedFlag, parseSize, parseSpan } from '../flags.js'
import { defineListCommand } from '../records.js'
import type { Session } from '../state/session.js'
import { failureOptions } from './failure-options.js'
import { createThreadWords, openLogs } from './open-logs.js'
import { findOpenThreads } from './stuck.js'

interface CheckRow {
  /** The flag's name. */
  check: string
  /** `undefined` where it cannot be known. */
  isPassed: boolean | undefined
  value: number | undefined
  limit: number
  says: string
}

const CHECK_KIND: RecordKind<CheckRow> = {
  noun: 'check',
  fields: [
    {
      name: 'result',
      kind: 'text',
      value: ({ isPassed, limit }) =>
        isPassed === undefined ? 'unknown' : limit === INFINITE ? 'no limit' : isPassed ? 'ok' : 'FAILED',
    },
    { name: 'check', kind: 'text', value: ({ check }) => check },
    { name: 'value', kind: 'number', value: ({ value }) => value },
    { name: 'limit', kind: 'number', value: ({ limit }) => (limit === INFINITE ? null : limit) },
    { name: 'says', kind: 'text', value: ({ says }) => says },
  ],
  shown: ['result', 'check', 'says'],
  nameOf: ({ check }) => check,
}

const FLAGS = {
  maxSize: parsedFlag('<size>', 'of the database with its WAL: 5GB, 500MiB', parseSize),
  maxWal: parsedFlag('<size>', 'of the WAL', parseSize),
  maxGbPerDay: parsedFlag(
    '<n>',
    'GB written in the last 24 hours, as the numbers and the size of rows tell',
    parseAmount,
  ),
  maxErrors: parsedFlag(
    '<count/span>',
    'failures in a span before now: 20/1h (reads the rows of that time)',
    parseCountPerSpan,
  ),
  stuck: parsedFlag('<span>', 'no thread is stuck for this long: 10m', parseSpan),
}

type CheckFlags = FlagValues<typeof FLAGS>

export const command = defineListCommand({
  examples: ['check --max-size 5GB --max-errors 20/1h --stuck 10m'],
  kind: CHECK_KIND,
  tables: ['logs', 'threads'],
  flags: FLAGS,
  notes: `A line for each threshold that is given, for cron jobs and prompts; without one only the values. Sizes take MB and GB (of 1000) and MiB and GiB (of
1024). Nothing but --max-errors reads more than a few rows.`,
  exitsWith1: 'a threshold is passed, or it cannot be known whether it is',
  async read(session, flags) {
    const store = await openLogs(session)
    const asked = Object.keys(FLAGS).filter((name) => flags[name as keyof CheckFlags] !== undefined)
    // Without a threshold what it would be held to is shown, as far as that takes no scan.
    const limits = asked.length > 0 ? flags : { maxSize: INFINITE, maxWal: INFINITE, maxGbPerDay: INFINITE }
    const rows = [...check(store, session, limits)]
    if (rows.some(({ isPassed }) => !isPassed)) session.fail()
    return { pages: [rows] }
  },
})

const INFINITE = Number.POSITIVE_INFINITY
const GB = 1e9
const DAY_SECONDS = 86_400

function* check(store: LogStore, session: Session, flags: Partial<CheckFlags>): Generator<CheckRow> {
  const { path } = store.file
  const nowSeconds = Math.floor(session.nowMs / 1000)
  const { maxSize, maxWal, maxGbPerDay, maxErrors, stuck } = flags
  const walBytes = sizeOf(`${path}-wal`)
  if (maxSize !== undefined) yield checkSize('max-size', sizeOf(path) + walBytes, maxSize)
  if (maxWal !== undefined) yield checkSize('max-wal', walBytes, maxWal)
  if (maxGbPerDay !== undefined) {
    const limit = maxGbPerDay * GB
    const written = estimateWritten(store, nowSeconds - DAY_SECONDS)
    yield written === undefined
      ? unknown('max-gb-per-day', limit, 'there is no index over times: it would take a scan')
      : {
          check: 'max-gb-per-day',
          isPassed: written.sizeBytes <= limit,
          value: Math.round(written.sizeBytes),
          limit,
          says: `about ${formatDecimalBytes(written.sizeBytes)} in ${formatPlural(written.rowCount, 'row')} in the last 24 hours${atMost(limit)}`,
        }
  }
  if (maxErrors !== undefined) {
    const { count: limit, spanMs } = maxErrors
    const count = countErrors(store, session, session.nowMs - spanMs)
    const says = `${formatPlural(count, 'failure')} in the last ${formatDuration(spanMs)}, at most ${formatCount(limit)}`
    yield { check: 'max-errors', isPassed: count <= limit, value: count, limit, says }
  }
  if (stuck !== undefined) yield checkStuck(store, session, stuck)
}

function checkSize(name: string, value: number, limit: number): CheckRow {
  return {
    check: name,
    isPassed: value <= limit,
    value,
    limit,
    says: `${formatDecimalBytes(value)}${atMost(limit)}`,
  }
}

function atMost(limit: number): string {
  return limit === INFINITE ? '' : `, at most ${formatDecimalBytes(limit)}`
}

function unknown(name: string, limit: number, says: string): CheckRow {
  return { check: name, isPassed: undefined, value: undefined, limit, says }
}

/** What `errors` shows as failures and errors. */
function countErrors(store: LogStore, session: Session, sinceMs: number): number {
  const seconds = Math.floor(sinceMs / 1000)
  const filter = { from: { seconds, nanos: Math.round((sinceMs - seconds * 1000) * 1e6) } }
  let count = 0
  for (const found of readFindings(store, failureOptions(session, createThreadWords(session), filter))) {
    count += found.filter(({ severity }) => severity === 'failure' || severity === 'error').length
  }
  return count
}

function checkStuck(store: LogStore, session: Session, limit: number): CheckRow {
  const { rows, activity } = findOpenThreads(store, session, { longerThanMs: limit })
  if (!activity.hasThreads || !activity.hasProcesses) {
    return unknown('stuck', limit, 'this layout of the log does not name threads and processes')
  }
  const stuck = rows.filter(({ isStuck }) => isStuck)
  const longest = Math.max(0, ...stuck.map(({ now }) => now.silentMs))
  const says =
    stuck.length === 0
      ? `no thread is stuck for ${formatDuration(limit)}`
      : `${formatPlural(stuck.length, 'thread')} stuck, the longest for ${formatDuration(longest)}`
  return { check: 'stuck', isPassed: stuck.length === 0, value: Math.round(longest), limit, says }
}

/** `20/1h`. */
function parseCountPerSpan(text: string): { count: number; spanMs: number } {
  const [, count, span] = /^(\d{1,9})\/(.+)$/.exec(text.trim()) ?? []
  if (count === undefined || span === undefined) {
    throw new StateError('USAGE', 'It must be a number and a span of time, such as 20/1h')
  }
  return { count: Number(count), spanMs: parseSpan(span) }
}
