import type { RowId, StoredLogRow } from '../model/log.js'
import type { ThreadActivity } from '../model/log-activity.js'
import type { LogCall, LogTurn } from '../model/log-turn.js'
import { rowMs } from '../model/row-time.js'
import { classifyFailure } from './classify-failure.js'
import { COMPACTION_OVER_MS, createStepFollower, readDuration } from './follow-steps.js'
import { readField, readMeaning } from './meanings.js'
import type { ParsedBody } from './parse.js'
import { APPROVAL, isAnswer, RETRY_MESSAGE, tellsOfTurn } from './turn-words.js'

export interface TurnFollower {
  /** Whether the next row says anything: of one that does not, `NOTHING_PARSED` does for `add`. */
  needsParsing(row: StoredLogRow): boolean
  /** Takes the next row of the thread, in the order of time. */
  add(row: StoredLogRow, parsed: ParsedBody): void
  /**
   * Turns that ended and of which no more rows come, each once; they are no part of `end`. `untilMs`: up to then nothing else
   * was written of the thread.
   */
  takeEnded(untilMs?: number): LogTurn[]
  /** The first row of a turn that was not taken yet. */
  firstOpenRow(): RowId | undefined
  /** All turns that were not taken, oldest first. `untilMs`: up to then nothing else was written of the thread. */
  end(untilMs?: number): LogTurn[]
}

/** The last rows of a turn come so long after its end. */
const AFTERMATH_MS = 2000
/** Codex writes its rows every ten seconds at the latest: after this no row of a turn that ended comes any more. */
const QUIET_MS = 30_000

/**
 * The turns of one thread from its rows: when each began and ended and how, what it waited for and what it called.
 * Which turn is open, and what it does, is read by the step follower; here it is written down.
 */
export function createTurnFollower(): TurnFollower {
  let turns: LogTurn[] = []
  let lastTaken: LogTurn | undefined
  let steps = createStepFollower()
  let processUuid: string | null | undefined
  /** What the step follower said after the last row. */
  let known: ThreadActivity | undefined
  let current: LogTurn | undefined
  let lastMs = 0
  let lastTelling = ''
  /** The last answer of a turn called tools: where no row says that more follows (to 0.116), more does. */
  let hasCalled = false
  let endedWithoutWord = false

  function add(row: StoredLogRow, parsed: ParsedBody): void {
    const ms = rowMs(row)
    if (processUuid !== undefined && processUuid !== row.processUuid) {
      closeTurn('open', lastMs)
      steps = createStepFollower()
      known = undefined
    }
    processUuid = row.processUuid
    steps.add(row, parsed)
    const [activity] = steps.activities()
    if (activity) follow(activity, row, parsed, ms)
    const turn = turnOf(row, parsed)
    if (turn) note(turn, row, parsed, ms)
    lastMs = ms
    known = activity
  }

  /** Of the last turn some rows come after its end: that a call was stopped, say. */
  function turnOf(row: StoredLogRow, parsed: ParsedBody): LogTurn | undefined {
    const id = readMeaning(parsed, 'turn_id')
    if (id === undefined || id === current?.id) return current
    if (!isCallEnd(row, parsed)) return current
    if (id === lastTaken?.id) return undefined
    return turns.findLast((turn) => turn.id === id) ?? current
  }

  function follow(activity: ThreadActivity, row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const { turn, step, lastOutcome } = activity
    const hasEnded = lastOutcome !== undefined && lastOutcome !== known?.lastOutcome
    if (hasEnded) {
      endTurn(lastOutcome, parsed, row)
    } else if (current && (!turn || turn !== known?.turn) && known?.turn) {
      // Another turn began, or none is open: nothing ends this one.
      closeTurn(isCompactionOver(current) ? 'completed' : 'open', lastMs)
    }
    if (turn && (turn !== known?.turn || !current)) beginTurn(turn, row)
    if (current && turn?.id !== undefined) current.id ??= turn.id
    if (!current || !step) return
    const last = current.steps.at(-1)
    if (last?.kind === step.kind && known?.step && known.step.sinceMs === step.sinceMs) {
      last.toMs = ms
      return
    }
    const fromMs = Math.max(step.sinceMs, last?.toMs ?? current.startMs)
    if (last) last.toMs = Math.max(last.toMs, Math.min(fromMs, ms))
    if (last?.kind === step.kind) last.toMs = ms
    else current.steps.push({ kind: step.kind, fromMs, toMs: Math.max(fromMs, ms) })
  }

  function beginTurn(turn: NonNullable<ThreadActivity['turn']>, row: StoredLogRow): void {
    const previous = turns.at(-1)
    if (turn.isPartial && endedWithoutWord && hasCalled && previous && !previous.id && !turn.id) {
      // The answer to its tools: the same turn goes on.
      previous.outcome = 'open'
      current = previous
    } else {
      current = {
        id: turn.id,
        startMs: turn.sinceMs,
        endMs: turn.sinceMs,
        isPartial: turn.isPartial,
        outcome: 'open',
        error: undefined,
        model: undefined,
        statuses: [],
        requestCount: 0,
        firstTokenMs: undefined,
        steps: [],
        calls: [],
        retries: [],
        silenceMs: 0,
        rowCount: 0,
        firstRowId: row.id,
      }
      turns.push(current)
      lastMs = Math.max(lastMs, turn.sinceMs)
    }
    endedWithoutWord = false
    hasCalled = false
  }

  function endTurn(
    { outcome, atMs, turnId }: NonNullable<ThreadActivity['lastOutcome']>,
    parsed: ParsedBody,
    row: StoredLogRow,
  ): void {
    if (!current) {
      // Of a turn that ended before, or one of which only the end is there.
      const known = lastTaken ? [...turns, lastTaken] : turns
      const isKnown = known.some(({ id, endMs }) => id === turnId && (id || atMs - endMs < AFTERMATH_MS))
      if (isKnown || outcome === 'shutdown') return
      beginTurn({ id: turnId, sinceMs: atMs, isPartial: true }, row)
    }
    if (outcome === 'failed') current!.error = parsed.message?.replace(/^Turn error: /, '')
    endedWithoutWord = outcome === 'completed' && readField(parsed, 'needs_follow_up') === undefined
    closeTurn(outcome === 'shutdown' ? 'open' : outcome, atMs)
  }

  function closeTurn(outcome: LogTurn['outcome'], ms: number): void {
    if (!current) return
    current.outcome = outcome
    current.endMs = Math.max(current.startMs, ms)
    const last = current.steps.at(-1)
    if (last) last.toMs = Math.max(last.fromMs, current.endMs)
    current = undefined
  }

  /** What a row adds to the turn that it is of. */
  function note(turn: LogTurn, row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const message = parsed.message ?? ''
    turn.rowCount++
    if (turn === current) {
      turn.silenceMs = Math.max(turn.silenceMs, ms - Math.max(lastMs, turn.startMs))
      turn.endMs = Math.max(turn.endMs, ms)
    }
    turn.model ??= readMeaning(parsed, 'model')
    if (row.target === 'feedback_tags' && (row.body === null || readField(parsed, 'approval_policy'))) {
      // To 0.116 each request writes several of these, one after another.
      if (row.body !== null || lastTelling !== 'feedback_tags') turn.requestCount++
      hasCalled = false
    } else if (isAnswer(parsed)) {
      const status = Number.parseInt(readField(parsed, 'status') ?? '', 10)
      if (!Number.isNaN(status)) turn.statuses.push(status)
    } else if (message.startsWith('ToolCall: ')) {
      noteToken(turn, ms)
      hasCalled = true
      const [name = ''] = /^\S+/.exec(message.slice('ToolCall: '.length)) ?? []
      turn.calls.push(beginCall(name, ms))
    } else if (message.startsWith('Output item')) {
      noteToken(turn, ms)
    } else if (message === 'Submission') {
      noteApproval(turn, parsed, ms)
    } else if (message.startsWith('tool call completed')) {
      endCall(turn, parsed, ms, readField(parsed, 'total_duration_ms'), undefined, undefined)
    } else if (row.level === 'ERROR' && row.target === 'codex_core::tools::router') {
      endCall(turn, parsed, ms, undefined, false, readField(parsed, 'error') ?? (message || undefined))
    } else if (row.target === 'codex_otel.log_only') {
      noteTelemetry(turn, parsed, ms)
    } else {
      noteRetry(turn, row, parsed, ms)
    }
    lastTelling = row.target ?? ''
  }

  function noteToken(turn: LogTurn, ms: number): void {
    if (!turn.isPartial) turn.firstTokenMs ??= ms - turn.startMs
  }

  function noteTelemetry(turn: LogTurn, parsed: ParsedBody, ms: number): void {
    switch (readField(parsed, 'event.name')) {
      case 'codex.turn_ttft': {
        const toToken = Number(readField(parsed, 'duration_ms'))
        if (Number.isFinite(toToken)) turn.firstTokenMs = toToken
        break
      }
      case 'codex.tool_result':
        endCall(
          turn,
          parsed,
          ms,
          readField(parsed, 'duration_ms'),
          readField(parsed, 'success') !== 'false',
          undefined,
        )
        break
      case 'codex.tool_decision': {
        const call = findCall(turn, readField(parsed, 'call_id'), readField(parsed, 'tool_name'))
        if (call) call.callId ??= readField(parsed, 'call_id')
        if (call && readField(parsed, 'source') === 'User') call.userWaitMs = ms - call.startMs
        break
      }
      default:
    }
  }

  function noteApproval(turn: LogTurn, parsed: ParsedBody, ms: number): void {
    const operation = readField(parsed, 'operation') ?? ''
    const sub = readField(parsed, 'sub') ?? ''
    if (!/^(?:exec|patch)_approval$/.test(operation) && !APPROVAL.test(sub)) return
    const call = turn.calls.findLast((one) => one.endMs === undefined && one.userWaitMs === 0)
    if (call) call.userWaitMs = ms - call.startMs
  }

  function noteRetry(turn: LogTurn, row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const [, attempt, most, wait = ''] = RETRY_MESSAGE.exec(parsed.message ?? '') ?? []
    if (attempt === undefined) return
    const failure = classifyFailure(row, parsed)
    turn.retries.push({
      atMs: ms,
      attempt: Number(attempt),
      most: Number(most),
      waitMs: readDuration(wait),
      cause: failure?.isGuess === false ? failure.name : undefined,
    })
  }

  function takeEnded(untilMs = lastMs): LogTurn[] {
    const isEnded = (turn: LogTurn) => {
      if (turn === current) return false
      if (turn !== turns.at(-1)) return true
      // To 0.116 an answer to its calls is the same turn.
      if (endedWithoutWord && hasCalled) return false
      // The ends of its calls can come after it, soon or never.
      return turn.calls.every(({ endMs }) => endMs !== undefined) || untilMs - lastMs > QUIET_MS
    }
    const ended = turns.filter(isEnded)
    turns = turns.filter((turn) => !ended.includes(turn))
    lastTaken = ended.at(-1) ?? lastTaken
    return ended
  }

  return {
    needsParsing(row) {
      // Another process ends what is open.
      const open = processUuid === row.processUuid ? current : undefined
      if (tellsOfTurn(row, open?.id)) return true
      return open !== undefined && open.model === undefined && row.body?.includes('model') === true
    },
    add,
    takeEnded,
    firstOpenRow: () => turns[0]?.firstRowId,
    end(untilMs = lastMs) {
      const isOver = current && untilMs - lastMs > COMPACTION_OVER_MS && isCompactionOver(current)
      closeTurn(isOver ? 'completed' : 'open', lastMs)
      return turns
    },
  }
}

function isCallEnd({ level, target }: StoredLogRow, { message }: ParsedBody): boolean {
  if (message?.startsWith('tool call completed')) return true
  return target === 'codex_otel.log_only' || (level === 'ERROR' && target === 'codex_core::tools::router')
}

/** A compaction by hand has no row for its end: that of the next turn tells that it is over. */
function isCompactionOver({ steps, statuses }: LogTurn): boolean {
  return steps[0]?.kind === 'compacting' && statuses.some((status) => status < 400)
}

function beginCall(name: string, startMs: number): LogCall {
  return {
    name,
    callId: undefined,
    startMs,
    endMs: undefined,
    durationMs: undefined,
    hasFailed: undefined,
    error: undefined,
    userWaitMs: 0,
  }
}

function endCall(
  turn: LogTurn,
  parsed: ParsedBody,
  ms: number,
  duration: string | undefined,
  hasSucceeded: boolean | undefined,
  error: string | undefined,
): void {
  const callId = readMeaning(parsed, 'call_id')
  const name = readMeaning(parsed, 'tool')
  let call = findCall(turn, callId, name)
  if (!call) {
    // Its begin is not there.
    if (!turn.isPartial || name === undefined) return
    call = beginCall(name, ms - Number(duration ?? 0))
    turn.calls.push(call)
  }
  call.callId ??= callId
  call.endMs ??= ms
  if (duration !== undefined && Number.isFinite(Number(duration))) call.durationMs = Number(duration)
  call.durationMs ??= call.endMs - call.startMs
  if (hasSucceeded !== undefined) call.hasFailed ??= !hasSucceeded
  if (error !== undefined) {
    call.hasFailed = true
    call.error = error
  }
}

/** By its id; else the oldest open one of that name, which some rows give without the server's. */
function findCall(
  { calls }: LogTurn,
  callId: string | undefined,
  name: string | undefined,
): LogCall | undefined {
  const known = callId === undefined ? undefined : calls.find((call) => call.callId === callId)
  if (known) return known
  const open = calls.filter((call) => call.callId === undefined && call.endMs === undefined)
  return (
    open.find((call) => call.name === name) ??
    (name === undefined ? open[0] : open.find((call) => call.name.endsWith(name)))
  )
}
