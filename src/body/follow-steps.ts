import type { StoredLogRow } from '../model/log.js'
import type { OpenCall, Step, ThreadActivity } from '../model/log-activity.js'
import { rowMs } from '../model/row-time.js'
import { readField, readMeaning } from './meanings.js'
import type { ParsedBody } from './parse.js'
import { APPROVAL, isAnswer, RETRY_MESSAGE, tellsOfTurn } from './turn-words.js'

export interface StepFollower {
  /** Whether the next row says anything: of one that does not, `NOTHING_PARSED` does for `add`. */
  needsParsing(row: StoredLogRow): boolean
  /** Takes the next row in the order of time. Rows without a thread only report streams. */
  add(row: StoredLogRow, parsed: ParsedBody): void
  /** What the rows so far tell of each thread. `untilMs`: the time up to which no other row was written. */
  activities(untilMs?: number): ThreadActivity[]
}

const STARTS_TURN = /\bop: (?:UserInput|UserTurn|TurnInput|Review|Undo)\b/
const TURN_OPERATIONS: ReadonlySet<string> = new Set([
  'user_input',
  'user_turn',
  'turn_input',
  'review',
  'undo',
])
const APPROVAL_OPERATIONS: ReadonlySet<string> = new Set(['exec_approval', 'patch_approval'])

/** Rows behind a submission among which those that tell of a prompt stand (to 0.116). */
const PROMPT_WITHIN_ROWS = 12
/** From the first of these two rows to the second (0.113 to 0.116). */
const PROMPT_LINES_APART = 6
/** The one row that 0.105 to 0.112 write of a prompt. */
const OLD_PROMPT = { target: 'codex_otel::traces::otel_manager', line: 539 }
/** A compaction by hand has no row for its end: so long after the last answer nothing more comes of it. */
export const COMPACTION_OVER_MS = 1000

/** What rows leave to be known for the next ones. */
interface ThreadState extends ThreadActivity {
  calls: OpenCall[]
  /** Calls whose end was told already: two rows may tell it. */
  endedCalls: Set<string>
  /** The submission that may have begun a turn: rows since then, and the prompt's first row (to 0.116). */
  submission: { ms: number; rowCount: number; promptLine: number | undefined } | undefined
  /** A compaction by hand. */
  isCompactionByHand: boolean
  /** The last turn did not end by itself, and nothing was submitted since. */
  isStopped: boolean
  answeredMs: number | undefined
}

/**
 * Follows what each thread does, row by row: which turn is open, and which step of it. One reading for every command
 * that asks what a thread does now.
 */
export function createStepFollower(): StepFollower {
  const threads = new Map<string, ThreadState>()

  function add(row: StoredLogRow, parsed: ParsedBody): void {
    const ms = rowMs(row)
    if (row.threadId === null) {
      const threadId = readField(parsed, 'conversation.id')
      const thread = threadId === undefined ? undefined : threads.get(threadId)
      if (thread && isStreamEvent(row, parsed)) noteStream(thread, ms)
      return
    }
    const thread = threadOf(row.threadId, row)
    thread.lastMs = Math.max(thread.lastMs, ms)
    thread.lastRowId = row.id
    noteTurn(thread, parsed, ms)
    if (row.body === null) followWithoutText(thread, row, ms)
    else followRow(thread, row, parsed, ms)
    if (thread.submission) {
      thread.submission.rowCount++
      if (thread.submission.rowCount > PROMPT_WITHIN_ROWS) thread.submission = undefined
    }
  }

  function threadOf(threadId: string, { processUuid }: StoredLogRow): ThreadState {
    const known = threads.get(threadId)
    if (known && known.processUuid === processUuid) return known
    const thread: ThreadState = {
      threadId,
      processUuid,
      turn: undefined,
      step: undefined,
      lastOutcome: undefined,
      approvalPolicy: undefined,
      lastMs: Number.NEGATIVE_INFINITY,
      lastRowId: 0,
      calls: [],
      endedCalls: new Set(),
      submission: undefined,
      isCompactionByHand: false,
      isStopped: false,
      answeredMs: undefined,
    }
    threads.set(threadId, thread)
    return thread
  }

  /** A row of another turn than the open one: the end of that one is not in the log. */
  function noteTurn(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    const turnId = readMeaning(parsed, 'turn_id')
    if (turnId === undefined || parsed.message === 'Submission') return
    const { turn } = thread
    if (turn && turn.id === undefined) turn.id = turnId
    // The last rows of a turn come after its end.
    if (turn && turn.id !== turnId && thread.lastOutcome?.turnId !== turnId) {
      openTurn(thread, turnId, ms, true)
    }
  }

  function openTurn(thread: ThreadState, id: string | undefined, sinceMs: number, isPartial: boolean): void {
    thread.turn = { id, sinceMs, isPartial }
    thread.calls = []
    thread.endedCalls.clear()
    thread.isCompactionByHand = false
    thread.answeredMs = undefined
    thread.step = { kind: 'preparing', sinceMs }
  }

  /** A step of a turn whose first rows are gone opens it. */
  function setStep(thread: ThreadState, step: Step, parsed?: ParsedBody): void {
    if (!thread.turn) {
      const turnId = parsed && readMeaning(parsed, 'turn_id')
      if (isLeftOver(thread, turnId)) return
      openTurn(thread, turnId, step.sinceMs, true)
    }
    if (!thread.isCompactionByHand) thread.step = step
  }

  /** A turn that was stopped or failed can write some more rows. */
  function isLeftOver({ lastOutcome, isStopped }: ThreadState, turnId: string | undefined): boolean {
    if (turnId === undefined) return isStopped
    return lastOutcome?.outcome !== 'completed' && lastOutcome?.turnId === turnId
  }

  function endTurn(
    thread: ThreadState,
    outcome: NonNullable<ThreadActivity['lastOutcome']>['outcome'],
    ms: number,
    turnId?: string,
  ): void {
    if (!thread.turn && isLeftOver(thread, turnId)) return
    thread.isStopped = outcome !== 'completed'
    thread.lastOutcome = { outcome, atMs: ms, turnId: thread.turn?.id ?? turnId }
    thread.turn = undefined
    thread.step = undefined
    thread.calls = []
    thread.isCompactionByHand = false
    thread.submission = undefined
  }

  function followRow(thread: ThreadState, row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const message = parsed.message ?? ''
    const { target } = row
    if (message === 'Submission') {
      followSubmission(thread, parsed, ms)
    } else if (target === 'feedback_tags') {
      const policy = readField(parsed, 'approval_policy')
      if (policy === undefined) return
      thread.approvalPolicy = policy
      thread.calls = []
      setStep(thread, { kind: 'request', sinceMs: ms }, parsed)
    } else if (message.startsWith('POST to ') || message.startsWith('websocket request')) {
      setStep(thread, { kind: 'request', sinceMs: ms }, parsed)
    } else if (isAnswer(parsed)) {
      followAnswer(thread, parsed, ms)
    } else if (message.startsWith('ToolCall: ')) {
      const name = /^\S+/.exec(message.slice('ToolCall: '.length))?.[0] ?? ''
      thread.calls.push({ name, sinceMs: ms, callId: undefined, decision: undefined })
      setStep(thread, toolStep(thread), parsed)
    } else if (message.startsWith('Output item') || message.startsWith('websocket event')) {
      noteStream(thread, ms, parsed)
    } else if (message.startsWith('post sampling token usage')) {
      followRequestEnd(thread, parsed, ms)
    } else if (message.startsWith('Turn error: ')) {
      endTurn(thread, 'failed', ms, readMeaning(parsed, 'turn_id'))
    } else if (message.startsWith('aborting running task')) {
      endTurn(thread, 'interrupted', ms, readMeaning(parsed, 'turn_id'))
    } else if (message.startsWith('Shutting down Codex instance')) {
      endTurn(thread, 'shutdown', ms)
    } else if (message.startsWith('tool call completed')) {
      endCall(thread, parsed, ms)
    } else if (row.level === 'ERROR' && target === 'codex_core::tools::router') {
      endCall(thread, parsed, ms)
    } else if (target === 'codex_otel.log_only') {
      followTelemetry(thread, parsed, ms)
    } else {
      const retry = RETRY_MESSAGE.exec(message)
      if (retry) followRetry(thread, retry, parsed, ms)
    }
    followCompaction(thread, parsed, ms)
  }

  /** Releases to 0.116 keep no text of an event that has no message. */
  function followWithoutText(thread: ThreadState, { target, line }: StoredLogRow, ms: number): void {
    if (target === 'feedback_tags') {
      thread.calls = []
      setStep(thread, { kind: 'request', sinceMs: ms })
      return
    }
    const { submission } = thread
    if (!submission) return
    const at = Number(line)
    if (target === OLD_PROMPT.target && at === OLD_PROMPT.line) {
      openTurn(thread, undefined, submission.ms, false)
    } else if (target === 'codex_otel.log_only') {
      submission.promptLine = at
    } else if (
      target === 'codex_otel.trace_safe' &&
      submission.promptLine !== undefined &&
      at === submission.promptLine + PROMPT_LINES_APART
    ) {
      openTurn(thread, undefined, submission.ms, false)
    }
  }

  function followSubmission(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    const sub = readField(parsed, 'sub')
    const operation = readField(parsed, 'operation')
    thread.isStopped = false
    if (sub === undefined && operation === undefined) {
      thread.submission = { ms, rowCount: 0, promptLine: undefined }
      return
    }
    const id = readField(parsed, 'submission_id') ?? /\bid: "([^"]*)"/.exec(sub ?? '')?.[1]
    const isCompaction = operation === 'compact' || /\bop: Compact\b/.test(sub ?? '')
    if (isCompaction || TURN_OPERATIONS.has(operation ?? '') || STARTS_TURN.test(sub ?? '')) {
      // What is typed while a turn runs is taken into it.
      if (thread.turn && !thread.isCompactionByHand) return
      openTurn(thread, id, ms, false)
      thread.isCompactionByHand = isCompaction
      if (isCompaction) thread.step = { kind: 'compacting', sinceMs: ms }
    } else if (APPROVAL_OPERATIONS.has(operation ?? '') || APPROVAL.test(sub ?? '')) {
      const op = sub ?? readField(parsed, 'op') ?? ''
      const callId = /\b(?:ExecApproval|PatchApproval) \{ id: "([^"]*)"/.exec(op)?.[1]
      decide(thread, callId, undefined, 'user')
    } else if (operation === 'shutdown' || /\bop: Shutdown\b/.test(sub ?? '')) {
      endTurn(thread, 'shutdown', ms)
    }
  }

  function followAnswer(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    const isAccepted = !(Number.parseInt(readField(parsed, 'status') ?? '', 10) >= 400)
    if (thread.isCompactionByHand) {
      if (isAccepted) thread.answeredMs = ms
      return
    }
    // An answer that is an error is asked again without a row that says so.
    setStep(thread, { kind: isAccepted ? 'stream' : 'request', sinceMs: ms }, parsed)
  }

  function noteStream(thread: ThreadState, ms: number, parsed?: ParsedBody): void {
    const { step } = thread
    if (step?.kind === 'stream') step.lastMs = ms
    else if (thread.calls.length === 0 && (parsed || step?.kind === 'request')) {
      setStep(thread, { kind: 'stream', sinceMs: ms, lastMs: ms }, parsed)
    }
  }

  function followRequestEnd(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    thread.calls = []
    // Without the field (to 0.116) the next request opens the turn again.
    if (readField(parsed, 'needs_follow_up') === 'true') {
      setStep(thread, { kind: 'preparing', sinceMs: ms }, parsed)
    } else {
      endTurn(thread, 'completed', ms, readMeaning(parsed, 'turn_id'))
    }
  }

  function followRetry(thread: ThreadState, retry: RegExpExecArray, parsed: ParsedBody, ms: number): void {
    thread.calls = []
    const [, attempt, most, wait = ''] = retry
    const untilMs = ms + readDuration(wait)
    setStep(
      thread,
      { kind: 'retry', sinceMs: ms, untilMs, attempt: Number(attempt), most: Number(most) },
      parsed,
    )
  }

  function followTelemetry(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    const event = readField(parsed, 'event.name')
    if (event === 'codex.tool_result') endCall(thread, parsed, ms)
    else if (event === 'codex.tool_decision') {
      const by = readField(parsed, 'source') === 'User' ? 'user' : 'config'
      decide(thread, readField(parsed, 'call_id'), readField(parsed, 'tool_name'), by)
    }
  }

  function decide(
    thread: ThreadState,
    callId: string | undefined,
    tool: string | undefined,
    by: 'user' | 'config',
  ): void {
    const call = findCall(thread, callId, tool)
    if (!call) return
    call.callId ??= callId
    call.decision = by
    if (thread.step?.kind === 'tool') thread.step = toolStep(thread)
  }

  function endCall(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    const callId = readMeaning(parsed, 'call_id')
    if (callId !== undefined) {
      if (thread.endedCalls.has(callId)) return
      thread.endedCalls.add(callId)
    }
    const call = findCall(thread, callId, readMeaning(parsed, 'tool'))
    if (!call) return
    thread.calls.splice(thread.calls.indexOf(call), 1)
    // The next calls of the same answer, or the next request, follow at once.
    if (thread.step?.kind !== 'tool') return
    thread.step = thread.calls.length > 0 ? toolStep(thread) : { kind: 'stream', sinceMs: ms, lastMs: ms }
  }

  function followCompaction(thread: ThreadState, parsed: ParsedBody, ms: number): void {
    if (thread.step?.kind !== 'preparing') return
    if (!parsed.spans.some(({ name }) => name === 'run_auto_compact')) return
    thread.step = { kind: 'compacting', sinceMs: ms }
  }

  function describe(thread: ThreadState): ThreadActivity {
    const { threadId, processUuid, turn, step, lastOutcome, approvalPolicy, lastMs, lastRowId } = thread
    return { threadId, processUuid, turn, step, lastOutcome, approvalPolicy, lastMs, lastRowId }
  }

  /** A compaction by hand is over when nothing more came of its last answer. */
  function settle(thread: ThreadState, untilMs: number): ThreadActivity {
    const { answeredMs } = thread
    if (thread.isCompactionByHand && answeredMs !== undefined && untilMs - answeredMs > COMPACTION_OVER_MS) {
      endTurn(thread, 'completed', answeredMs)
    }
    return describe(thread)
  }

  return {
    needsParsing(row) {
      const { threadId, processUuid } = row
      const known = threadId === null ? undefined : threads.get(threadId)
      const isSame = known !== undefined && known.processUuid === processUuid
      return threadId === null || tellsOfTurn(row, isSame ? known.turn?.id : undefined)
    },
    add,
    activities: (untilMs = Number.NEGATIVE_INFINITY) =>
      [...threads.values()].map((thread) => settle(thread, Math.max(untilMs, thread.lastMs))),
  }
}

function toolStep({ calls }: Pick<ThreadState, 'calls'>): Step {
  const [first] = calls
  return { kind: 'tool', sinceMs: first?.sinceMs ?? 0, calls: calls.map((call) => ({ ...call })) }
}

/** By its id where it is known by now; else by its name, which some rows give without the server's. */
function findCall(
  { calls }: ThreadState,
  callId: string | undefined,
  tool: string | undefined,
): OpenCall | undefined {
  const known = callId === undefined ? undefined : calls.find((call) => call.callId === callId)
  if (known) return known
  const unknown = calls.filter((call) => call.callId === undefined)
  return (
    unknown.find(({ name }) => name === tool) ??
    (tool === undefined ? undefined : unknown.find(({ name }) => name.endsWith(tool))) ??
    unknown[0]
  )
}

/** Rows without a thread that tell that an answer goes on. */
function isStreamEvent({ target }: StoredLogRow, parsed: ParsedBody): boolean {
  const event = readField(parsed, 'event.name')
  return target.startsWith('codex_otel') && (event === 'codex.sse_event' || event === 'codex.websocket_event')
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  µs: 1e-3,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** A duration as Rust's debug output writes it (`212ms`, `1.2s`), in milliseconds; 0 for anything else. */
export function readDuration(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ns|µs|us|ms|s|m|h)$/.exec(text.trim()) ?? []
  return amount === undefined ? 0 : Number(amount) * (DURATION_UNITS[unit] ?? 0)
}
