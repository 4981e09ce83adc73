import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import type { RecordKind } from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { formatDuration, formatPlural } from '../../format/quantity.js'
import { createUtcTime, createZonedTime, localOffset } from '../../format/time.js'
import { drawLegend, drawSpan, drawSteps, type Span, STEP_LOOKS } from '../../format/waterfall.js'
import { findRollout } from '../../inspect/find-rollout.js'
import { type JoinedTurn, joinTurns, readLogTurns, startOf } from '../../inspect/log-turns.js'
import type { FoundThread } from '../../inspect/thread-reference.js'
import type { LogCall, LogRetry, LogStep } from '../../model/log-turn.js'
import type { Turn } from '../../model/turn.js'
import { onFlag, textFlag } from '../flags.js'
import { loadPalette, parseTime, resolveColor, TIME_LOOK } from '../options.js'
import { defineListCommand } from '../records.js'
import type { Session } from '../state/session.js'
import { optionalThread } from '../state/thread-argument.js'
import { openLogs, requireThreadOfLogs } from './open-logs.js'

/** A turn, numbered as it is listed. */
interface TurnRow extends JoinedTurn {
  number: number
}

/** A step, a call or a retry of a turn. */
interface ItemRow {
  turn: TurnRow
  kind: LogStep['kind'] | 'call'
  fromMs: number
  toMs: number | undefined
  durationMs: number | undefined
  text: string
  callId: string | undefined
  state: string
  userWaitMs: number | undefined
}

type TurnsRow = TurnRow | ItemRow

const TURN_KIND: RecordKind<TurnRow> = {
  noun: 'turn',
  fields: [
    { name: 'number', kind: 'number', heading: '#', value: ({ number }) => number },
    { name: 'id', kind: 'id', value: idOf },
    { name: 'started_at', kind: 'time', value: (turn) => floor(startOf(turn)) },
    { name: 'ended_at', kind: 'time', value: (turn) => floor(endOf(turn)) },
    {
      name: 'duration_ms',
      kind: 'number',
      heading: 'TIME',
      value: (turn) => round(timeOf(turn)),
      cell: (turn) => tellTime(timeOf(turn)),
    },
    { name: 'outcome', kind: 'text', value: outcomeOf, cell: (turn) => tellOutcome(turn) },
    { name: 'error', kind: 'text', value: errorOf },
    { name: 'partial', kind: 'flag', value: ({ log }) => log?.isPartial },
    { name: 'prompt', kind: 'text', value: ({ rollout }) => rollout?.prompt },
    { name: 'model', kind: 'text', value: ({ rollout, log }) => rollout?.model ?? log?.model },
    { name: 'requests', kind: 'number', value: ({ log }) => log?.requestCount },
    { name: 'statuses', kind: 'json', value: ({ log }) => log && JSON.stringify(log.statuses) },
    { name: 'first_token_ms', kind: 'number', value: (turn) => round(firstTokenOf(turn)) },
    { name: 'server_wait_ms', kind: 'number', value: (turn) => round(waitOf(turn, 'request')) },
    { name: 'answer_ms', kind: 'number', value: (turn) => round(waitOf(turn, 'stream')) },
    { name: 'tool_ms', kind: 'number', value: (turn) => round(waitOf(turn, 'tool')) },
    { name: 'retries', kind: 'number', value: ({ log }) => log?.retries.length },
    {
      name: 'retry_wait_ms',
      kind: 'number',
      value: ({ log }) => log && round(log.retries.reduce((sum, { waitMs }) => sum + waitMs, 0)),
    },
    {
      name: 'user_wait_ms',
      kind: 'number',
      value: ({ log }) => log && round(log.calls.reduce((sum, { userWaitMs }) => sum + userWaitMs, 0)),
    },
    { name: 'preparing_ms', kind: 'number', value: (turn) => round(waitOf(turn, 'preparing')) },
    { name: 'unseen_ms', kind: 'number', value: (turn) => round(unseenOf(turn)) },
    { name: 'silence_ms', kind: 'number', value: ({ log }) => log && round(log.silenceMs) },
    {
      name: 'calls',
      kind: 'json',
      value: ({ log }) => log && JSON.stringify(log.calls.map(callJson)),
      cell: (turn) => tellCalls(turn),
    },
    { name: 'calls_count', kind: 'number', value: callCountOf },
    { name: 'waits', kind: 'text', value: tellWaits },
    { name: 'steps', kind: 'json', value: ({ log }) => log && JSON.stringify(log.steps.map(stepJson)) },
    { name: 'sources', kind: 'json', value: (turn) => JSON.stringify(sourcesOf(turn)) },
  ],
  shown: ['number', 'started_at', 'duration_ms', 'outcome', 'calls_count', 'waits', 'prompt'],
  nameOf: (turn) => idOf(turn) ?? String(turn.number),
}

const ITEM_KIND: RecordKind<ItemRow> = {
  noun: 'item',
  fields: [
    { name: 'turn', kind: 'number', value: ({ turn }) => turn.number },
    { name: 'turn_id', kind: 'id', value: ({ turn }) => idOf(turn) },
    { name: 'at', kind: 'time', value: ({ fromMs }) => floor(fromMs) },
    { name: 'kind', kind: 'text', value: ({ kind }) => kind },
    { name: 'text', kind: 'text', value: ({ text }) => text },
    { name: 'call_id', kind: 'text', value: ({ callId }) => callId },
    { name: 'state', kind: 'text', value: ({ state }) => state },
    {
      name: 'duration_ms',
      kind: 'number',
      heading: 'TIME',
      value: ({ durationMs }) => round(durationMs),
      cell: ({ durationMs }) => tellTime(durationMs),
    },
    { name: 'user_wait_ms', kind: 'number', value: ({ userWaitMs }) => round(userWaitMs) },
  ],
  shown: ['turn', 'at', 'kind', 'text', 'state', 'duration_ms'],
  nameOf: ({ text }) => text,
}

const FLAGS = {
  items: onFlag('a line for each step, call and retry instead of each turn'),
  since: textFlag('<time>', 'turns that went on after it, as in query', { alias: 'from', ...TIME_LOOK }),
  until: textFlag('<time>', 'turns that began before it', { alias: 'to', ...TIME_LOOK }),
}

const ARGS = { thread: optionalThread('the thread (default: last, the newest)') }

export const command = defineListCommand<TurnsRow, typeof FLAGS, typeof ARGS>({
  kind: ({ items }) => (items ? ITEM_KIND : TURN_KIND) as RecordKind<unknown> as RecordKind<TurnsRow>,
  variesBy: 'items',
  args: ARGS,
  flags: FLAGS,
  tables: ['logs', 'threads'],
  exitsWith1: 'no such thread, or neither its rollout nor the log has a turn of it',
  notes: `When each turn began and ended and how, what it waited for and which tools it called. Where the thread has a rollout,
its turns are the frame: the log adds waits, retries and steps for the time that it reaches. JSON tells in 'sources'
which of the two each value comes from. A partial turn began before the oldest row that is left of it; one that is
open has no end. Releases to 0.116 write no ids: there turns and calls are known only by their order, and one to 0.104 with
the default level only by what ended them. Preparing a request for more than a second mostly means waiting for a database.`,
  async read(session, flags, args) {
    const context = { nowMs: session.nowMs, zone: undefined }
    const from = flags.since === undefined ? undefined : await parseTime(flags.since, 'start', context)
    const to = flags.until === undefined ? undefined : await parseTime(flags.until, 'end', context)
    const store = await openLogs(session)
    const found = await requireThreadOfLogs(args.thread ?? 'last', store, session)
    const log = readLogTurns(store, found.id)
    const rollout = await readRolloutTurns(found, session)
    if (log.length > 0 && log.every(({ id }) => id === undefined)) {
      session.notice('rows of this release have no ids: turns and calls are known only by their order')
    }
    const turns: TurnRow[] = joinTurns(rollout, log).map((turn, index) => ({ ...turn, number: index + 1 }))
    const shown = turns.filter((turn) => {
      const [start, end] = [startOf(turn) ?? 0, endOf(turn) ?? startOf(turn) ?? 0]
      return (!from || end >= from.seconds * 1000) && (!to || start <= to.seconds * 1000 + to.nanos / 1e6)
    })
    if (turns.length === 0) session.fail()
    return {
      pages: [flags.items ? shown.flatMap(itemsOf) : shown],
      emptyText: `neither the log nor a rollout has a turn of thread ${found.id}`,
      footer: () => tellReach(turns),
    }
  },
  write(rows, flags, session) {
    if (flags.items || !session.io.stdout.isTerminal) return undefined
    return writeWaterfall(rows as readonly TurnRow[], session, flags.color)
  },
})

/** Empty for a thread that only the log knows. */
async function readRolloutTurns({ id, thread }: FoundThread, session: Session): Promise<Turn[]> {
  const { rollout } = await findRollout(session.codexHome, { id, thread }, session.notice)
  if (!rollout) return []
  const { readTurns } = await import('../../rollout/turns.js')
  try {
    return (await readTurns(rollout.path, { detail: 'summary' })).turns
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    session.notice(error.message)
    return []
  }
}

function itemsOf(turn: TurnRow): ItemRow[] {
  const { log } = turn
  if (!log) return []
  const steps = log.steps
    .filter(({ kind }) => kind !== 'tool' && kind !== 'retry')
    .map(
      ({ kind, fromMs, toMs }): ItemRow => ({
        turn,
        kind,
        fromMs,
        toMs,
        durationMs: toMs - fromMs,
        text: STEP_LOOKS[kind].words,
        callId: undefined,
        state: '',
        userWaitMs: undefined,
      }),
    )
  const calls = log.calls.map(
    (call): ItemRow => ({
      turn,
      kind: 'call',
      fromMs: call.startMs,
      toMs: call.endMs,
      durationMs: call.durationMs,
      text: call.error === undefined ? call.name : `${call.name}: ${call.error}`,
      callId: call.callId,
      state: stateOf(call),
      userWaitMs: call.userWaitMs,
    }),
  )
  const retries = log.retries.map(
    (retry): ItemRow => ({
      turn,
      kind: 'retry',
      fromMs: retry.atMs,
      toMs: retry.atMs + retry.waitMs,
      durationMs: retry.waitMs,
      text: tellRetry(retry),
      callId: undefined,
      state: '',
      userWaitMs: undefined,
    }),
  )
  return [...steps, ...calls, ...retries].sort((a, b) => a.fromMs - b.fromMs)
}

function tellRetry({ attempt, most, cause }: LogRetry): string {
  return `retry ${attempt}/${most}${cause === undefined ? '' : `: ${cause}`}`
}

function stateOf({ endMs, hasFailed }: LogCall): string {
  if (endMs === undefined) return 'open'
  return hasFailed === undefined ? 'ended' : hasFailed ? 'failed' : 'done'
}

function callJson(call: LogCall) {
  const { name, callId, startMs, endMs, durationMs, error, userWaitMs } = call
  return {
    name,
    call_id: callId ?? null,
    started_at: isoOf(startMs),
    ended_at: endMs === undefined ? null : isoOf(endMs),
    duration_ms: round(durationMs),
    state: stateOf(call),
    error: error ?? null,
    user_wait_ms: round(userWaitMs),
  }
}

function stepJson({ kind, fromMs, toMs }: LogStep) {
  return { kind, from: isoOf(fromMs), to: isoOf(toMs) }
}

function isoOf(ms: number): string | null {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

type Source = 'log' | 'rollout' | 'both'

/** What only rows tell. */
const OF_LOG = [
  'partial',
  'requests',
  'statuses',
  'server_wait_ms',
  'answer_ms',
  'tool_ms',
  'retries',
  'retry_wait_ms',
  'user_wait_ms',
  'preparing_ms',
  'silence_ms',
  'calls',
  'waits',
  'steps',
]

/** Which of the two each value is taken from; nothing of what is not known. */
function sourcesOf(turn: TurnRow): Record<string, Source> {
  const { rollout, log } = turn
  const sources: Record<string, Source> = {}
  const set = (name: string, value: unknown, isOfLog: boolean) => {
    if (value !== undefined) sources[name] = isOfLog ? 'log' : 'rollout'
  }
  const hasTimeOfLog = hasLogEnd(turn) && !log?.isPartial
  set('id', idOf(turn), log?.id !== undefined)
  set('started_at', startOf(turn), log !== undefined && (!log.isPartial || !rollout))
  set('ended_at', endOf(turn), hasLogEnd(turn) || !rollout)
  set('duration_ms', timeOf(turn), hasTimeOfLog || !rollout)
  set('outcome', outcomeOf(turn), !isRolloutOutcome(turn))
  set('error', errorOf(turn), !rollout?.error)
  set('prompt', rollout?.prompt, false)
  set('model', rollout?.model ?? log?.model, !rollout?.model)
  set('first_token_ms', firstTokenOf(turn), rollout?.firstTokenMs == null)
  set('calls_count', callCountOf(turn), !rollout)
  for (const name of OF_LOG) set(name, log, true)
  if (unseenOf(turn) !== undefined) sources.unseen_ms = 'both'
  return sources
}

function idOf({ rollout, log }: TurnRow): string | undefined {
  return log?.id ?? (rollout && !rollout.isIdMadeUp ? rollout.id : undefined)
}

/**
 * A row that ends a turn tells it as the client was told; rollouts do not have every error. What no row ends the
 * rollout may end.
 */
function isRolloutOutcome({ rollout, log }: TurnRow): boolean {
  return rollout !== undefined && (log === undefined || log.outcome === 'open')
}

function outcomeOf(turn: TurnRow): string {
  const { rollout, log } = turn
  if (!isRolloutOutcome(turn)) return log!.outcome
  return rollout!.outcome === 'neverEnded' || rollout!.outcome === 'running' ? 'open' : rollout!.outcome
}

function errorOf({ rollout, log }: TurnRow): string | undefined {
  return rollout?.error?.message ?? log?.error
}

function hasLogEnd({ log }: TurnRow): boolean {
  return log !== undefined && log.outcome !== 'open'
}

function endOf(turn: TurnRow): number | undefined {
  const { rollout, log } = turn
  if (outcomeOf(turn) === 'open') return undefined
  if (hasLogEnd(turn)) return log!.endMs
  const told = rollout?.completedAtSeconds == null ? rollout?.lastLineAtMs : rollout.completedAtSeconds * 1000
  return told ?? undefined
}

function timeOf(turn: TurnRow): number | undefined {
  const [start, end] = [startOf(turn), endOf(turn)]
  if (hasLogEnd(turn) && turn.log && !turn.log.isPartial) return turn.log.endMs - turn.log.startMs
  if (turn.rollout?.durationMs != null) return turn.rollout.durationMs
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start)
}

function firstTokenOf({ rollout, log }: TurnRow): number | undefined {
  return rollout?.firstTokenMs ?? log?.firstTokenMs
}

function waitOf({ log }: TurnRow, kind: LogStep['kind']): number | undefined {
  return log?.steps
    .filter((step) => step.kind === kind)
    .reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
}

/** Putting a request together takes no longer: what does waits, mostly for a database. */
const LONGEST_PREPARATION_MS = 1000

/** From the start of a turn, as its rollout tells, to its first row: rows are gone, or none was written. */
function unseenOf({ rollout, log }: TurnRow): number | undefined {
  if (!rollout || !log?.isPartial) return undefined
  const start = startOf({ rollout, log })
  return start === undefined ? undefined : Math.max(0, log.startMs - start)
}

function callCountOf({ rollout, log }: TurnRow): number | undefined {
  return rollout?.calls.total ?? log?.calls.length
}

function tellCalls({ log }: TurnRow): string {
  return (log?.calls ?? []).map(({ name }) => name).join(', ')
}

function tellOutcome(turn: TurnRow): string {
  const outcome = outcomeOf(turn)
  const partial = turn.log?.isPartial && !turn.rollout ? ', partial' : ''
  const error = errorOf(turn)
  return outcome === 'failed' && error ? `failed: ${error}` : `${outcome}${partial}`
}

/** What took long beside the server and the tools, in words. */
function tellWaits(turn: TurnRow): string {
  const { log } = turn
  if (!log) return ''
  const parts: string[] = []
  const add = (words: string, ms: number | undefined) => {
    if (ms !== undefined && ms > 0) parts.push(`${words} ${formatDuration(ms)}`)
  }
  if (log.retries.length > 0) {
    add(
      log.retries.length === 1 ? '1 retry' : `${log.retries.length} retries`,
      Math.max(
        1,
        log.retries.reduce((sum, { waitMs }) => sum + waitMs, 0),
      ),
    )
  }
  const errors = log.statuses.filter((status) => status >= 400).length
  if (errors > 0) parts.push(formatPlural(errors, 'HTTP error'))
  add(
    'user',
    log.calls.reduce((sum, { userWaitMs }) => sum + userWaitMs, 0),
  )
  const preparing = waitOf(turn, 'preparing') ?? 0
  if (preparing > LONGEST_PREPARATION_MS) add('preparing', preparing)
  add('no rows at its start for', unseenOf(turn))
  return parts.join(', ')
}

function tellReach(turns: readonly TurnRow[]): string {
  const both = turns.filter(({ rollout, log }) => rollout && log).length
  const rolloutOnly = turns.filter(({ log }) => !log).length
  const logOnly = turns.filter(({ rollout }) => !rollout).length
  return [
    formatPlural(turns.length, 'turn'),
    ...(both > 0 ? [`${both} with rows of the log`] : []),
    ...(rolloutOnly > 0 ? [`${rolloutOnly} older than its rows`] : []),
    ...(logOnly > 0 ? [`${logOnly} only from rows`] : []),
  ].join(', ')
}

function tellTime(ms: number | undefined): string {
  return ms === undefined ? '' : formatDuration(ms)
}

function round(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms)
}

function floor(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms)
}

/** With the whole outcome. */
const NARROWEST_LABEL = 25
const WIDEST_LABEL = 64
const LABEL_SHARE = 0.36
const TIME_WIDTH = 8
const SHORTEST_BAR = 10

const OUTCOME_STYLES = { completed: 'good', failed: 'bad', interrupted: 'warning', open: 'warning' } as const

/** Each turn over its own time: what waited and what ran, and below it its calls and retries in their places. */
async function writeWaterfall(
  turns: readonly TurnRow[],
  session: Session,
  color: 'auto' | 'always' | 'never',
): Promise<void> {
  const { io } = session
  // It takes time to load, which only a terminal needs.
  const { cutToWidth, widthOf } = await import('../../format/table.js')
  const palette = await loadPalette(resolveColor(color, io))
  const columns = io.stdout.columns || 100
  const labelWidth = Math.max(NARROWEST_LABEL, Math.min(WIDEST_LABEL, Math.floor(columns * LABEL_SHARE)))
  const width = Math.max(SHORTEST_BAR, columns - labelWidth - TIME_WIDTH - 2)
  const zone = io.env.TZ === 'UTC' ? createUtcTime() : createZonedTime(localOffset)
  const drawn = new Set<LogStep['kind']>()
  const line = (label: string, time: string, bar: string, style?: 'good' | 'bad' | 'warning') => {
    const cut = cutToWidth(label, labelWidth)
    const padded = cut + ' '.repeat(Math.max(0, labelWidth - widthOf(cut)))
    const text = `${style ? paint(palette, style, padded) : padded}${time.padStart(TIME_WIDTH)}  ${bar}`
    return `${text.trimEnd()}\n`
  }
  let text = ''
  for (const turn of turns) {
    const { log, rollout, number } = turn
    const start = startOf(turn)
    const clock = start === undefined ? '' : zone.clock(Math.floor(start / 1000), 0)
    const outcome = outcomeOf(turn)
    const name = rollout?.prompt ?? errorOf(turn) ?? ''
    const partial = log?.isPartial && !rollout ? ' partial' : ''
    const label = `${String(number).padStart(3)} ${clock} ${outcome}${partial} ${cleanLine(name)}`
    const whole: Span = { fromMs: log?.startMs ?? 0, toMs: log?.endMs ?? 0 }
    const options = { width, palette }
    for (const { kind } of log?.steps ?? []) drawn.add(kind)
    const bar = log ? drawSteps(log.steps, whole, options) : paint(palette, 'faint', 'no rows are left of it')
    text += line(label, tellTime(timeOf(turn)), bar, OUTCOME_STYLES[outcome as keyof typeof OUTCOME_STYLES])
    for (const item of itemsOf(turn)) {
      if (item.kind !== 'call' && item.kind !== 'retry') continue
      const look = STEP_LOOKS[item.kind === 'call' ? 'tool' : 'retry']
      const span = { fromMs: item.fromMs, toMs: item.toMs ?? whole.toMs }
      const state = item.state === 'open' || item.state === 'failed' ? `${item.state} ` : ''
      const bad = item.state === 'failed' ? 'bad' : look.style
      text += line(
        `      ${state}${cleanLine(item.text)}`,
        tellTime(item.durationMs),
        drawSpan(span, whole, look.mark, bad, options),
      )
    }
    const error = outcome === 'failed' ? errorOf(turn) : undefined
    if (error !== undefined && rollout?.prompt) {
      text += `${paint(palette, 'bad', cutToWidth(`      ${cleanLine(error)}`, columns))}\n`
    }
  }
  const legend = drawLegend(drawn, palette)
  io.stdout.write(text + (legend === '' ? '' : `${legend}\n`))
}
