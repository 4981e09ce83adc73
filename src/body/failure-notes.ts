import type { RowId, StoredLogRow } from '../model/log.js'
import { classifyFailure, type RowFailure, readAttemptText } from './classify-failure.js'
import type { FailureName } from './failures.js'
import { readField, readMeaning } from './meanings.js'
import { findEvent, type ParsedBody, parseBody } from './parse.js'
import { summarizeRow } from './summary.js'
import { isAnswer } from './turn-words.js'

/** Where in Codex's code a row comes from. */
export interface RowSite {
  level: string
  target: string
  file: string | null
  line: RowId | null
}

/** A warning or an error is by its level alone what the catalogue does not have. */
export type UnknownSeverity = 'warning' | 'error'

/** What one row says of a turn, or of what went wrong. */
export type NoteStep =
  /** Something of an answer came. */
  | { kind: 'stream' }
  /** A tool is called; what with is told where it can matter (to 0.116). */
  | { kind: 'call'; text: string }
  | { kind: 'status'; status: number | undefined }
  | { kind: 'sampled'; needsFollowUp: boolean }
  | { kind: 'submission'; starts: 'turn' | 'compaction' | 'end' }
  | { kind: 'end' }
  | { kind: 'request' }
  /** The end of a tool call that tells of more than that. */
  | { kind: 'toolEnd'; name: FailureName; text: string }
  /** Why a stream broke: of a thread, or of one of the process's. */
  | { kind: 'hint'; name: FailureName; text: string; threadId: string | null }
  | { kind: 'failure'; failure: RowFailure }
  | { kind: 'unknown'; severity: UnknownSeverity; text: string }

/**
 * What is to be known of one row to find failures: small and plain, so that rows can be read in another thread, and can
 * wait for older ones.
 */
export interface RowNote {
  id: RowId
  tsSeconds: number
  tsNanos: number
  threadId: string | null
  processUuid: string | null
  turnId: string | undefined
  step: NoteStep | undefined
  /** The row was written within an automatic compaction. */
  isCompacting: boolean
  /** The rest is of rows that a failure can be told by. */
  site?: RowSite
  tool?: string | undefined
  callId?: string | undefined
  mcpServer?: string | undefined
  /** The row for a person, where it says nothing of a cause. */
  summary?: string
}

/** What a row is about, for what is told by it. */
export function subjectOf({ threadId, processUuid, turnId, tool, callId, mcpServer }: RowNote) {
  return { threadId, processUuid, turnId, tool, callId, mcpServer }
}

const STREAM: NoteStep = { kind: 'stream' }
/** Beginnings of events that say no more than that something came: most of the rows that there is a note of. */
const STREAM_EVENTS = ['Output item', 'websocket event']
const CALL = 'ToolCall: '
const ANSWERED = 'Request completed'
const SAMPLED = 'post sampling token usage'
const SUBMITTED = 'Submission'
const SHUT_DOWN = 'Shutting down Codex instance'
const TURN_EVENTS = [...STREAM_EVENTS, CALL, ANSWERED, SAMPLED, SUBMITTED, SHUT_DOWN]
const COMPACTION_SPAN = 'run_auto_compact'
const TURN_ID = /\bturn[._]id="?([\w-]+)/

const STARTS_TURN = /\bop: (?:UserInput|UserTurn|TurnInput|Review|Undo)/
const TURN_OPERATIONS = ['user_input', 'user_turn', 'turn_input', 'review', 'undo']

const SEVERITIES: ReadonlyMap<string | null, UnknownSeverity> = new Map([
  ['WARN', 'warning'],
  ['ERROR', 'error'],
])

export interface NoteOptions {
  /** The whole body is the message, as in layouts before bodies had spans. */
  isMessageOnly: boolean
}

/** `undefined` where the row tells of nothing that matters for failures. */
export function noteRow(row: StoredLogRow, { isMessageOnly }: NoteOptions): RowNote | undefined {
  const step = readQuickly(row, isMessageOnly)
  if (step === 'nothing') return undefined
  if (step) {
    const note: RowNote = { ...placeOf(row), turnId: TURN_ID.exec(row.body!)?.[1], step, isCompacting: false }
    // A good answer can end a row of bad ones.
    if (step.kind === 'status') note.site = siteOf(row)
    return note
  }
  return noteParsed(row, parseBody(row.body, { target: row.target, isMessageOnly }), isMessageOnly)
}

/** Only where the event begins is looked for, and one field, which tells enough of most rows. */
function readQuickly(
  { body, level, target, threadId }: StoredLogRow,
  isMessageOnly: boolean,
): NoteStep | 'nothing' | undefined {
  if (body === null || SEVERITIES.has(level)) return undefined
  const at = isMessageOnly ? 0 : findEvent(body)
  const begins = (event: string) => body.startsWith(event, at)
  // There is no turn that it could be of.
  if (threadId === null) return TURN_EVENTS.some(begins) ? 'nothing' : undefined
  if (body.includes(COMPACTION_SPAN)) return undefined
  if (STREAM_EVENTS.some(begins)) return STREAM
  if (isMessageOnly) return undefined
  if (begins(CALL)) return STREAM
  if (begins(ANSWERED)) {
    if (readOnly(body, at, 'method')?.startsWith('GET ')) return 'nothing'
    const status = Number.parseInt(readOnly(body, at, 'status') ?? '', 10)
    return Number.isNaN(status) ? undefined : { kind: 'status', status }
  }
  if (begins(SAMPLED)) {
    const value = readOnly(body, at, 'needs_follow_up')
    return value === undefined ? undefined : { kind: 'sampled', needsFollowUp: value.startsWith('true') }
  }
  const isRequest = target === 'feedback_tags' && readOnly(body, at, 'approval_policy') !== undefined
  return isRequest ? { kind: 'request' } : undefined
}

/** What follows a field's name that stands there once; else only the grammar tells which one is meant. */
function readOnly(body: string, from: number, key: string): string | undefined {
  const name = ` ${key}=`
  const at = body.indexOf(name, from)
  if (at < 0 || body.includes(name, at + 1)) return undefined
  return body.slice(at + name.length, at + name.length + 8)
}

function noteParsed(row: StoredLogRow, parsed: ParsedBody, isMessageOnly: boolean): RowNote | undefined {
  const failure = classifyFailure(row, parsed)
  const isOfThread = row.threadId !== null
  const step = failure
    ? ({ kind: 'failure', failure } as const)
    : (noteUnknown(row, parsed) ?? (isOfThread ? noteTurn(row, parsed, isMessageOnly) : noteHint(parsed)))
  const isCompacting = !failure && isOfThread && parsed.spans.some(({ name }) => name === COMPACTION_SPAN)
  if (!step && !isCompacting) return undefined
  const note: RowNote = {
    ...placeOf(row),
    turnId: readMeaning(parsed, 'turn_id'),
    step,
    isCompacting,
    site: siteOf(row),
  }
  if (step?.kind === 'failure' || step?.kind === 'unknown' || step?.kind === 'toolEnd' || isCompacting) {
    note.tool = readMeaning(parsed, 'tool')
    note.callId = readMeaning(parsed, 'call_id')
    note.mcpServer = readMeaning(parsed, 'mcp_server')
  }
  if (needsSummary(step, isCompacting)) note.summary = summarizeRow(row, parsed).text
  return note
}

function placeOf({ id, tsSeconds, tsNanos, threadId, processUuid }: StoredLogRow) {
  // In a table that was rebuilt by hand a time may be missing.
  return { id, tsSeconds: tsSeconds ?? 0, tsNanos: tsNanos ?? 0, threadId, processUuid }
}

function siteOf({ level, target, file, line }: StoredLogRow): RowSite {
  return { level: level ?? '', target: target ?? '', file, line }
}

function needsSummary(step: NoteStep | undefined, isCompacting: boolean): boolean {
  if (isCompacting || (step?.kind === 'submission' && step.starts === 'compaction')) return true
  if (step?.kind === 'toolEnd') return step.text === ''
  // Why a server did not start is said without its name.
  return step?.kind === 'failure' && (step.failure.text === '' || step.failure.name.startsWith('mcp-start'))
}

/** How a turn goes on. */
function noteTurn(
  { target }: StoredLogRow,
  parsed: ParsedBody,
  isMessageOnly: boolean,
): NoteStep | undefined {
  const message = parsed.message ?? ''
  if (message.startsWith(ANSWERED)) {
    if (!isAnswer(parsed)) return undefined
    const status = Number.parseInt(readField(parsed, 'status') ?? '', 10)
    return { kind: 'status', status: Number.isNaN(status) ? undefined : status }
  }
  if (message.startsWith(CALL))
    return isMessageOnly ? { kind: 'call', text: message.slice(CALL.length) } : STREAM
  if (STREAM_EVENTS.some((event) => message.startsWith(event))) return STREAM
  if (message.startsWith(SAMPLED)) {
    // Without the field (to 0.116) the next request opens the turn again.
    return { kind: 'sampled', needsFollowUp: readField(parsed, 'needs_follow_up') === 'true' }
  }
  if (message === SUBMITTED) return noteSubmission(parsed)
  if (message.startsWith(SHUT_DOWN)) return { kind: 'end' }
  if (target === 'feedback_tags' && readField(parsed, 'approval_policy') !== undefined)
    return { kind: 'request' }
  return target === 'codex_otel.log_only' ? noteTelemetry(parsed) : undefined
}

function noteSubmission(parsed: ParsedBody): NoteStep | undefined {
  const sub = readField(parsed, 'sub') ?? ''
  const operation = readField(parsed, 'operation') ?? ''
  if (operation === 'compact' || /\bop: Compact\b/.test(sub))
    return { kind: 'submission', starts: 'compaction' }
  if (operation === 'shutdown' || /\bop: Shutdown\b/.test(sub)) return { kind: 'submission', starts: 'end' }
  const isTurn = TURN_OPERATIONS.includes(operation) || STARTS_TURN.test(sub)
  return isTurn ? { kind: 'submission', starts: 'turn' } : undefined
}

/** What the events of 0.117 to 0.141 know beside all others: results of tools, errors in a stream. */
function noteTelemetry(parsed: ParsedBody): NoteStep | undefined {
  const event = readField(parsed, 'event.name')
  if (event === 'codex.sse_event' || event === 'codex.websocket_event') return noteHint(parsed)
  if (event !== 'codex.tool_result') return undefined
  const output = readField(parsed, 'output') ?? ''
  if (readField(parsed, 'mcp_server')) {
    return readField(parsed, 'success') === 'false'
      ? { kind: 'toolEnd', name: 'mcp-tool-error-result', text: output }
      : undefined
  }
  const end = COMMAND_END.exec(output) ?? JSON_END.exec(output)
  const status = Number(end?.[1] ?? end?.[2] ?? 0)
  if (status !== 0) {
    const name = status === 137 ? 'tool-killed' : 'tool-exit-status'
    return { kind: 'toolEnd', name, text: `exit status ${status}` }
  }
  return COMMAND_RUNS.test(output) ? { kind: 'toolEnd', name: 'tool-outlives-wait', text: '' } : undefined
}

/** How the output of a command begins, by the tool that ran it; other tools give texts of any kind. */
const HEAD = String.raw`^(?:Command: [^\n]*\n)?(?:Chunk ID: [^\n]*\n)?Wall time: [\d.]+ seconds\s+Process`
const COMMAND_END = new RegExp(
  `${HEAD} exited with code (-?\\d+)\\s|^(?:Wall time: [\\d.]+ seconds\\nOutput:\\n)?Exit code: (-?\\d+)\\s+Wall time: [\\d.]+ seconds\\s`,
)
const COMMAND_RUNS = new RegExp(`${HEAD} running with session ID`)
const JSON_END = /^\{"output":"(?:[^"\\]|\\.)*","metadata":\{"exit_code":(-?\d+)[,}]/

/** Rows, mostly without a thread, that tell why a stream broke. */
function noteHint(parsed: ParsedBody): NoteStep | undefined {
  const message = parsed.message ?? ''
  if (message.startsWith('SSE Error: ')) {
    const text = message.slice('SSE Error: '.length)
    return { kind: 'hint', name: readAttemptText(text) ?? 'stream-cut', text, threadId: null }
  }
  const text = readField(parsed, 'error.message')
  const threadId = readField(parsed, 'conversation.id')
  if (text === undefined || threadId === undefined) return undefined
  const name = readAttemptText(text)
  return name === undefined ? undefined : { kind: 'hint', name, text, threadId }
}

/** A warning or an error that is none of the catalogue. */
function noteUnknown(row: StoredLogRow, parsed: ParsedBody): NoteStep | undefined {
  const severity = SEVERITIES.get(row.level)
  if (severity === undefined) return undefined
  const { text, fields } = summarizeRow(row, parsed)
  const parts = [text, ...fields.map(({ key, value }) => `${key}=${value}`)]
  return { kind: 'unknown', severity, text: parts.join(' ').trim() }
}
