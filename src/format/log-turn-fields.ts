import type { JoinedTurn, LogCall, LogRetry, LogStep } from '../model/log-turn.js'
import type { RecordKind } from './fields.js'
import { formatDuration, formatPlural } from './quantity.js'
import { STEP_LOOKS } from './waterfall.js'

/** A step, a call or a retry of a turn. */
export interface TurnItem {
  turn: JoinedTurn
  kind: LogStep['kind'] | 'call'
  fromMs: number
  toMs: number | undefined
  durationMs: number | undefined
  text: string
  callId: string | undefined
  state: string
  userWaitMs: number | undefined
}

export const LOG_TURN_KIND: RecordKind<JoinedTurn> = {
  noun: 'turn',
  fields: [
    { name: 'number', kind: 'number', heading: '#', value: ({ number }) => number },
    { name: 'id', kind: 'id', value: ({ id }) => id },
    { name: 'started_at', kind: 'time', value: ({ startMs }) => floor(startMs) },
    { name: 'ended_at', kind: 'time', value: ({ endMs }) => floor(endMs) },
    {
      name: 'duration_ms',
      kind: 'number',
      heading: 'TIME',
      value: ({ durationMs }) => round(durationMs),
      cell: ({ durationMs }) => tellTime(durationMs),
    },
    { name: 'outcome', kind: 'text', value: ({ outcome }) => outcome, cell: tellOutcome },
    { name: 'error', kind: 'text', value: ({ error }) => error },
    { name: 'partial', kind: 'flag', value: ({ log }) => log?.isPartial },
    { name: 'prompt', kind: 'text', value: ({ rollout }) => rollout?.prompt },
    { name: 'model', kind: 'text', value: ({ model }) => model },
    { name: 'requests', kind: 'number', value: ({ log }) => log?.requestCount },
    { name: 'statuses', kind: 'json', value: ({ log }) => log && JSON.stringify(log.statuses) },
    { name: 'first_token_ms', kind: 'number', value: ({ firstTokenMs }) => round(firstTokenMs) },
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
    { name: 'unseen_ms', kind: 'number', value: ({ unseenMs }) => round(unseenMs) },
    { name: 'silence_ms', kind: 'number', value: ({ log }) => log && round(log.silenceMs) },
    {
      name: 'calls',
      kind: 'json',
      value: ({ log }) => log && JSON.stringify(log.calls.map(callJson)),
      cell: tellCalls,
    },
    { name: 'calls_count', kind: 'number', value: ({ callCount }) => callCount },
    { name: 'waits', kind: 'text', value: tellWaits },
    { name: 'steps', kind: 'json', value: ({ log }) => log && JSON.stringify(log.steps.map(stepJson)) },
    { name: 'sources', kind: 'json', value: ({ sources }) => JSON.stringify(sources) },
  ],
  shown: ['number', 'started_at', 'duration_ms', 'outcome', 'calls_count', 'waits', 'prompt'],
  nameOf: ({ id, number }) => id ?? String(number),
}

export const LOG_TURN_ITEM_KIND: RecordKind<TurnItem> = {
  noun: 'item',
  fields: [
    { name: 'turn', kind: 'number', value: ({ turn }) => turn.number },
    { name: 'turn_id', kind: 'id', value: ({ turn }) => turn.id },
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

export function turnItemsOf(turn: JoinedTurn): TurnItem[] {
  const { log } = turn
  if (!log) return []
  const steps = log.steps
    .filter(({ kind }) => kind !== 'tool' && kind !== 'retry')
    .map(
      ({ kind, fromMs, toMs }): TurnItem => ({
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
    (call): TurnItem => ({
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
    (retry): TurnItem => ({
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

/** Putting a request together takes no longer: what does waits, mostly for a database. */
const LONGEST_PREPARATION_MS = 1000

function tellCalls({ log }: JoinedTurn): string {
  return (log?.calls ?? []).map(({ name }) => name).join(', ')
}

function tellOutcome({ outcome, error, log, rollout }: JoinedTurn): string {
  const partial = log?.isPartial && !rollout ? ', partial' : ''
  return outcome === 'failed' && error ? `failed: ${error}` : `${outcome}${partial}`
}

/** What took long beside the server and the tools, in words. */
function tellWaits(turn: JoinedTurn): string {
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
  add('no rows at its start for', turn.unseenMs)
  return parts.join(', ')
}

export function tellTime(ms: number | undefined): string {
  return ms === undefined ? '' : formatDuration(ms)
}

function round(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms)
}

export function floor(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms)
}

function waitOf({ log }: JoinedTurn, kind: LogStep['kind']): number | undefined {
  return log?.steps
    .filter((step) => step.kind === kind)
    .reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
}
