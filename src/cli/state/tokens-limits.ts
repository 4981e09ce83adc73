import type { RecordKind } from '../../format/fields.js'
import { formatPlural, formatRelative } from '../../format/quantity.js'
import { readTokenLedger } from '../../rollout/tokens.js'
import { textFlag } from '../flags.js'
import { parseTime, TIME_LOOK } from '../options.js'
import { defineListCommand } from '../records.js'
import type { Session } from './session.js'

/** One window of the account's limits at one moment. */
interface LimitRow {
  atMs: number | null
  limitId: string | null
  limitName: string | null
  planType: string | null
  window: string
  windowMinutes: number | null
  usedPercent: number
  resetsAtMs: number | null
  reached: string | null
  threadId: string
}

const LIMIT_KIND: RecordKind<LimitRow> = {
  noun: 'rate limit',
  fields: [
    { name: 'at', kind: 'time', heading: 'WHEN', value: ({ atMs }) => atMs },
    { name: 'limit_id', kind: 'text', heading: 'LIMIT', value: ({ limitId }) => limitId },
    { name: 'limit_name', kind: 'text', value: ({ limitName }) => limitName },
    { name: 'plan_type', kind: 'text', heading: 'PLAN', value: ({ planType }) => planType },
    {
      name: 'window',
      kind: 'text',
      value: ({ window }) => window,
      cell: ({ window, windowMinutes }) => (windowMinutes === null ? window : nameWindow(windowMinutes)),
    },
    { name: 'window_minutes', kind: 'number', value: ({ windowMinutes }) => windowMinutes },
    {
      name: 'used_percent',
      kind: 'number',
      heading: 'USED',
      value: ({ usedPercent }) => usedPercent,
      cell: ({ usedPercent }) => `${Math.round(usedPercent * 10) / 10} %`,
    },
    { name: 'resets_at', kind: 'time', heading: 'RESETS', value: ({ resetsAtMs }) => resetsAtMs },
    { name: 'reached', kind: 'text', value: ({ reached }) => reached },
    { name: 'thread_id', kind: 'id', heading: 'THREAD', value: ({ threadId }) => threadId },
  ],
  shown: ['at', 'limit_id', 'plan_type', 'window', 'used_percent', 'resets_at', 'reached', 'thread_id'],
  nameOf: ({ atMs }) => String(atMs),
}

const FLAGS = {
  since: textFlag('<time>', 'not before 2026-02-06, 3d, 2h30m, yesterday …', TIME_LOOK),
  until: textFlag('<time>', 'not after that', TIME_LOOK),
}

export const command = defineListCommand<LimitRow, typeof FLAGS>({
  examples: ['tokens limits -n 5'],
  kind: LIMIT_KIND,
  flags: FLAGS,
  emptyText: 'no rollout has rate limits',
  exitsWith1: 'a rollout cannot be read',
  notes: `Codex writes what the server says of an account's limits beside the tokens of a response. A line of what
repeats the one before it is left out. Below the table on a terminal: the course of each window.`,
  async read(session, flags) {
    const context = { nowMs: session.nowMs, zone: undefined }
    const since = flags.since === undefined ? undefined : await parseTime(flags.since, 'start', context)
    const until = flags.until === undefined ? undefined : await parseTime(flags.until, 'end', context)
    const rows = (await readLimits(session)).filter(({ atMs }) => {
      if (since === undefined && until === undefined) return true
      if (atMs === null) return false
      return (
        (since === undefined || atMs >= since.seconds * 1000) &&
        (until === undefined || atMs < (until.seconds + 1) * 1000)
      )
    })
    return {
      pages: [leaveOutRepeats(rows).reverse()],
      footer: () => drawCourses(rows, session),
    }
  },
})

/** Of all rollouts, by time. */
async function readLimits(session: Session): Promise<LimitRow[]> {
  const rows: LimitRow[] = []
  let rolloutCount = 0
  for await (const rollout of readTokenLedger(session.codexHome, { withLimits: true })) {
    if ('kind' in rollout) {
      const isFile = rollout.kind === 'unreadableRollout'
      session.notice(isFile ? rollout.reason : `${rollout.path} cannot be read: ${rollout.reason}`)
      session.fail()
      continue
    }
    rolloutCount += 1
    for (const { windows, ...told } of rollout.limits) {
      for (const { name, usedPercent, windowMinutes, resetsAtSeconds } of windows) {
        rows.push({
          ...told,
          window: name,
          windowMinutes,
          usedPercent,
          resetsAtMs: resetsAtSeconds === null ? null : resetsAtSeconds * 1000,
          threadId: rollout.threadId,
        })
      }
    }
  }
  // A home without rollouts and without a database is none.
  if (rolloutCount === 0) session.openThreads()
  return rows.sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0))
}

function nameOfWindow({ limitId, window, windowMinutes }: LimitRow): string {
  return JSON.stringify([limitId, window, windowMinutes])
}

/** @param rows by time */
function leaveOutRepeats(rows: readonly LimitRow[]): LimitRow[] {
  const last = new Map<string, string>()
  return rows.filter((row) => {
    const told = JSON.stringify([row.usedPercent, row.resetsAtMs, row.reached, row.planType])
    const isRepeat = last.get(nameOfWindow(row)) === told
    last.set(nameOfWindow(row), told)
    return !isRepeat
  })
}

const BARS = '▁▂▃▄▅▆▇█'
const MAX_BARS = 60

/** Of each window a line of bars, from its first to its last moment: the most that was used in each part. */
function drawCourses(rows: readonly LimitRow[], { io, nowMs }: Session): string {
  const width = Math.min(MAX_BARS, Math.max(10, (io.stdout.columns ?? 80) - 50))
  const courses = [...Map.groupBy(rows, nameOfWindow).values()].flatMap((course) => {
    const timed = course.filter((row) => row.atMs !== null)
    const [first, last] = [timed[0], timed.at(-1)]
    if (!first || !last) return []
    const span = last.atMs! - first.atMs! || 1
    const parts: (number | undefined)[] = Array.from({ length: Math.min(width, timed.length) })
    for (const { atMs, usedPercent } of timed) {
      const at = Math.min(parts.length - 1, Math.floor(((atMs! - first.atMs!) / span) * parts.length))
      parts[at] = Math.max(parts[at] ?? 0, usedPercent)
    }
    const bars = parts.map((percent) =>
      percent === undefined ? ' ' : BARS[Math.min(7, Math.max(0, Math.floor((percent / 100) * 8)))],
    )
    const name = `${first.limitId ?? ''} ${first.windowMinutes === null ? first.window : nameWindow(first.windowMinutes)}`
    const used = `${Math.round(last.usedPercent * 10) / 10} % used`
    return [{ name: name.trim(), bars: bars.join(''), words: `${used}${describeReset(last, nowMs)}` }]
  })
  const [nameWidth, barsWidth] = [
    Math.max(0, ...courses.map(({ name }) => name.length)),
    Math.max(0, ...courses.map(({ bars }) => bars.length)),
  ]
  return courses
    .map(({ name, bars, words }) => `${name.padEnd(nameWidth)}  ${bars.padEnd(barsWidth)}  ${words}`)
    .join('\n')
}

/** Behind a reset nothing is known of what was used since. */
function describeReset({ resetsAtMs }: LimitRow, nowMs: number): string {
  if (resetsAtMs === null) return ''
  return resetsAtMs > nowMs
    ? `, resets ${formatRelative(resetsAtMs, nowMs)}`
    : ` then; reset ${formatRelative(resetsAtMs, nowMs)}`
}

/** `5 h`, `7 days`. */
function nameWindow(minutes: number): string {
  if (minutes % 1440 === 0) return formatPlural(minutes / 1440, 'day')
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`
}
