import type { RowId, StoredLogRow } from '../model/log.js'
import { classifyFailure, type RowFailure, readTurnText } from './classify-failure.js'
import { type FailureEntry, type FailureName, failureEntry } from './failures.js'
import { readField, readMeaning } from './meanings.js'
import type { ParsedBody } from './parse.js'

/** One thing that went wrong, with all the rows that tell of it. */
export interface Failure {
  entry: FailureEntry
  /** The cause was put together from neighbouring rows, or is the likeliest one. */
  isGuess: boolean
  /** The turn ended with it. */
  endsTurn: boolean
  /** The row that tells most: the last one. */
  row: StoredLogRow
  /** In the order of time. */
  rowIds: RowId[]
  /** Of the first and the last row, in milliseconds. */
  firstMs: number
  lastMs: number
  threadId: string | null
  processUuid: string | null
  turnId: string | undefined
  tool: string | undefined
  callId: string | undefined
  mcpServer: string | undefined
  /** What the rows say of the cause, in their own words. */
  text: string
}

export interface FailureFinderOptions {
  /**
   * Whether a process runs still. Without it nothing is said of processes that ended in the middle of a turn, as
   * rows alone cannot know.
   */
  isAlive?: (processUuid: string) => boolean
}

export interface FailureFinder {
  /** Takes the next row in the order of time; gives what is complete by now. */
  add(row: StoredLogRow, parsed: ParsedBody): Failure[]
  /** No more rows: gives what is left. */
  end(): Failure[]
}

/** The last that was heard of a cause, to be told by the row that follows. */
interface Hint {
  text: string
  name: FailureName
  rowId: RowId
  ms: number
}

interface ThreadState {
  threadId: string
  processUuid: string | null
  /** Retries of the request under way. */
  pending: Failure[]
  hint: Hint | undefined
  /** HTTP answers to the request under way since its last retry. */
  statuses: number[]
  statusRows: RowId[]
  attemptCount: number
  /** When something last came of the request under way. */
  streamMs: number | undefined
  lastTool: string
  mcpErrorMs: number
  compacting: string | undefined
  isOpen: boolean
  /** A compaction by hand: the log does not tell when it ends. */
  hasNoEnd: boolean
  lastRow: { row: StoredLogRow; turnId: string | undefined } | undefined
}

/** Neighbours that tell of one trouble of a process, such as a lock: one failure. */
const MERGED: Partial<Record<FailureName, number>> = {
  'database-locked': 15_000,
  'slow-sql': 15_000,
  'disk-full': 60_000,
  'websocket-refused': 10_000,
  'tool-outlives-wait': 1000,
}

/** So long before a retry another row can tell its cause. */
const HINT_MS = 500
/** A stream that was silent for so long before it was given up was given up for its silence. */
const SILENCE_MS = 1000

const STARTS_TURN = /\bop: (?:UserInput|UserTurn|TurnInput|Review|Undo)/
const TURN_OPERATIONS = ['user_input', 'user_turn', 'turn_input', 'review', 'undo']

/** Finds failures in rows that are given in the order of time, with what only several rows together tell. */
export function createFailureFinder({ isAlive }: FailureFinderOptions = {}): FailureFinder {
  const threads = new Map<string, ThreadState>()
  /** By process: the open trouble of each kind, and the last cause that came without a thread. */
  const merged = new Map<string, Failure>()
  const processHints = new Map<string | null, Hint>()
  let found: Failure[] = []

  function add(row: StoredLogRow, parsed: ParsedBody): Failure[] {
    found = []
    const ms = msOf(row)
    const thread = row.threadId === null ? undefined : threadOf(row.threadId, row)
    closeMerged(ms)
    const failure = classifyFailure(row, parsed)
    if (failure) addFailure(row, parsed, ms, failure, thread)
    else if (thread) followTurn(row, parsed, ms, thread)
    else readHint(row, parsed, ms)
    if (thread) thread.lastRow = { row, turnId: readMeaning(parsed, 'turn_id') ?? thread.lastRow?.turnId }
    return found
  }

  function threadOf(threadId: string, { processUuid }: StoredLogRow): ThreadState {
    let thread = threads.get(threadId)
    if (!thread || thread.processUuid !== processUuid) {
      if (thread) {
        flushPending(thread)
        reportKilled([thread])
      }
      thread = {
        threadId,
        processUuid,
        pending: [],
        hint: undefined,
        statuses: [],
        statusRows: [],
        attemptCount: 0,
        streamMs: undefined,
        lastTool: '',
        mcpErrorMs: Number.NEGATIVE_INFINITY,
        compacting: undefined,
        isOpen: false,
        hasNoEnd: false,
        lastRow: undefined,
      }
      threads.set(threadId, thread)
    }
    return thread
  }

  function addFailure(
    row: StoredLogRow,
    parsed: ParsedBody,
    ms: number,
    failure: RowFailure,
    thread: ThreadState | undefined,
  ): void {
    if (failure.kind === 'turn') {
      endTurn(row, parsed, ms, failure, thread)
    } else if (failure.kind === 'other') {
      addOther(row, parsed, ms, failure, thread)
    } else if (failure.name === 'no-connection') {
      keepHint(thread, row, { ...failure, ms })
    } else {
      addRetry(row, parsed, ms, failure, thread)
    }
  }

  function addOther(
    row: StoredLogRow,
    parsed: ParsedBody,
    ms: number,
    failure: RowFailure,
    thread: ThreadState | undefined,
  ): void {
    if (failure.name === 'interrupted' && thread) {
      flushPending(thread)
      thread.isOpen = false
    }
    if (failure.name.startsWith('mcp-') && thread) thread.mcpErrorMs = ms
    if (failure.name === 'websocket-refused') keepHint(thread, row, { ...failure, ms })
    const known = thread && failure.isGuess && failure.text === '' ? guessTool(thread) : undefined
    const one = createFailure(row, parsed, ms, known ?? failure.name, failure.text, failure.isGuess)
    if (failure.name === 'slow-sql' && joinOpen(row, one, 'database-locked')) return
    if (failure.name in MERGED) mergeOpen(row, one)
    else found.push(one)
  }

  /** Where the log has no reason (to 0.116), the call that was made gives one. */
  function guessTool({ lastTool }: ThreadState): FailureName | undefined {
    if (lastTool === '') return undefined
    const [, args = ''] = /^\S+ ([\s\S]*)$/.exec(lastTool) ?? []
    if (lastTool.includes('*** Begin Patch')) return 'patch-failed'
    if (!args.startsWith('{')) return undefined
    try {
      JSON.parse(args)
      return undefined
    } catch {
      return 'bad-arguments'
    }
  }

  function endTurn(
    row: StoredLogRow,
    parsed: ParsedBody,
    ms: number,
    failure: RowFailure,
    thread: ThreadState | undefined,
  ): void {
    let { name } = failure
    // The same words for two answers: HTTP 503 at once and after retries, or a stream that says so.
    const status = thread?.statuses.at(-1)
    if (name === 'overloaded-in-stream' && thread) {
      if (status === undefined ? thread.attemptCount > 1 : status >= 500) name = 'http-503-overloaded'
    }
    const end = createFailure(row, parsed, ms, name, failure.text, failure.isGuess)
    end.endsTurn = true
    if (thread) {
      for (const one of thread.pending) {
        if (one.entry.name === name || one.isGuess) join(end, one)
        else found.push(one)
      }
      thread.pending = []
      thread.isOpen = false
      resetRequest(thread)
    }
    if (name in MERGED) joinOpen(row, end, name)
    found.push(end)
  }

  function addRetry(
    row: StoredLogRow,
    parsed: ParsedBody,
    ms: number,
    failure: RowFailure,
    thread: ThreadState | undefined,
  ): void {
    const cause = failure.isGuess ? findCause(row, ms, thread) : undefined
    const name = cause?.name ?? failure.name
    const text = cause?.text ?? failure.text
    const retry = createFailure(row, parsed, ms, name, text, failure.isGuess && !cause?.isSure)
    if (thread) resetRequest(thread)
    const last = thread?.pending.at(-1)
    if (name === 'websocket-refused') {
      mergeOpen(row, retry)
    } else if (!thread) {
      found.push(retry)
    } else if (last && (last.entry.name === name || last.isGuess)) {
      join(retry, last)
      thread.pending[thread.pending.length - 1] = retry
    } else {
      thread.pending.push(retry)
    }
  }

  /** Why an attempt failed whose own row does not say it: from what stands just before it. */
  function findCause(
    { processUuid }: StoredLogRow,
    ms: number,
    thread: ThreadState | undefined,
  ): { name: FailureName; text: string; isSure: boolean } | undefined {
    const own = thread?.hint
    if (own && ms - own.ms <= HINT_MS) return { ...own, isSure: true }
    const status = thread?.statuses.at(-1)
    if (status !== undefined && status >= 400) return { ...nameStatus(status), isSure: true }
    const shared = processHints.get(processUuid)
    if (shared && ms - shared.ms <= HINT_MS) return { ...shared, isSure: true }
    if (thread?.streamMs !== undefined && ms - thread.streamMs >= SILENCE_MS) {
      return { name: 'idle-timeout', text: '', isSure: false }
    }
    return undefined
  }

  function nameStatus(status: number): { name: FailureName; text: string } {
    const text = `HTTP ${status}`
    if (status === 401) return { name: 'http-401', text }
    if (status === 429) return { name: 'http-429', text }
    return { name: status >= 500 ? 'http-500' : 'unexpected-status', text }
  }

  /** What is no failure by itself: how the turn goes on, and what later rows will need. */
  function followTurn(row: StoredLogRow, parsed: ParsedBody, ms: number, thread: ThreadState): void {
    const message = parsed.message ?? ''
    if (message.startsWith('Request completed')) {
      addStatus(row, parsed, ms, thread)
    } else if (message.startsWith('ToolCall: ')) {
      thread.lastTool = message.slice('ToolCall: '.length)
      stream(thread, ms)
    } else if (message.startsWith('Output item') || message.startsWith('websocket event')) {
      stream(thread, ms)
    } else if (message.startsWith('post sampling token usage')) {
      flushPending(thread)
      resetRequest(thread)
      // Without the field (to 0.116) the next request opens the turn again.
      if (readField(parsed, 'needs_follow_up') !== 'true') thread.isOpen = false
    } else if (message === 'Submission') {
      followSubmission(row, parsed, ms, thread)
    } else if (message.startsWith('Shutting down Codex instance')) {
      flushPending(thread)
      thread.isOpen = false
    } else if (row.target === 'feedback_tags' && readField(parsed, 'approval_policy') !== undefined) {
      resetRequest(thread)
      openTurn(thread)
    } else if (row.target === 'codex_otel.log_only') {
      followTelemetry(row, parsed, ms, thread)
    }
    followCompaction(row, parsed, ms, thread)
  }

  function stream(thread: ThreadState, ms: number): void {
    thread.streamMs = ms
    openTurn(thread)
  }

  function openTurn(thread: ThreadState): void {
    thread.isOpen = !thread.hasNoEnd
  }

  function addStatus(row: StoredLogRow, parsed: ParsedBody, ms: number, thread: ThreadState): void {
    stream(thread, ms)
    thread.attemptCount++
    const status = Number.parseInt(readField(parsed, 'status') ?? '', 10)
    if (Number.isNaN(status)) return
    const failed = thread.statuses.filter((one) => one >= 500)
    if (status < 400 && failed.length > 0) {
      const name = failed.every((one) => one === 503) ? 'http-503-once' : 'http-5xx-once'
      const once = createFailure(row, parsed, ms, name, `HTTP ${failed.join(', ')}`, false)
      once.rowIds.unshift(...thread.statusRows)
      found.push(once)
      thread.statuses = []
      thread.statusRows = []
    }
    thread.statuses.push(status)
    thread.statusRows.push(row.id)
  }

  function followSubmission(row: StoredLogRow, parsed: ParsedBody, ms: number, thread: ThreadState): void {
    const sub = readField(parsed, 'sub')
    const operation = readField(parsed, 'operation')
    if (sub === undefined && operation === undefined) return
    if (operation === 'compact' || /\bop: Compact\b/.test(sub ?? '')) {
      found.push(createFailure(row, parsed, ms, 'compaction-manual', '', false))
      flushPending(thread)
      thread.isOpen = false
      thread.hasNoEnd = true
    } else if (operation === 'shutdown' || /\bop: Shutdown\b/.test(sub ?? '')) {
      thread.isOpen = false
    } else if (TURN_OPERATIONS.includes(operation ?? '') || STARTS_TURN.test(sub ?? '')) {
      flushPending(thread)
      resetRequest(thread)
      thread.isOpen = false
      thread.hasNoEnd = false
    }
  }

  /** What the events of 0.117 to 0.141 know beside all others: results of tools, errors in a stream. */
  function followTelemetry(row: StoredLogRow, parsed: ParsedBody, ms: number, thread: ThreadState): void {
    const event = readField(parsed, 'event.name')
    if (event === 'codex.sse_event' || event === 'codex.websocket_event') readHint(row, parsed, ms)
    if (event !== 'codex.tool_result') return
    const output = readField(parsed, 'output') ?? ''
    const server = readField(parsed, 'mcp_server')
    if (server) {
      // A call that failed by itself has a row of its own just before.
      if (readField(parsed, 'success') === 'false' && ms - thread.mcpErrorMs > HINT_MS) {
        found.push(createFailure(row, parsed, ms, 'mcp-tool-error-result', output, false))
      }
      return
    }
    const head = output.slice(0, 200).split('\nOutput:', 1)[0]!
    const status = Number(/^Process exited with code (-?\d+)$/m.exec(head)?.[1] ?? 0)
    if (status !== 0) {
      const name = status === 137 ? 'tool-killed' : 'tool-exit-status'
      found.push(createFailure(row, parsed, ms, name, `exit status ${status}`, false))
    } else if (/^Process running with session ID/m.test(head)) {
      found.push(createFailure(row, parsed, ms, 'tool-outlives-wait', '', false))
    }
  }

  function followCompaction(row: StoredLogRow, parsed: ParsedBody, ms: number, thread: ThreadState): void {
    if (!parsed.spans.some(({ name }) => name === 'run_auto_compact')) return
    const turnId = readMeaning(parsed, 'turn_id') ?? ''
    if (thread.compacting === turnId) return
    thread.compacting = turnId
    found.push(createFailure(row, parsed, ms, 'compaction-auto', '', false))
  }

  /** Rows without a thread that tell why a stream broke. */
  function readHint(row: StoredLogRow, parsed: ParsedBody, ms: number): void {
    const message = parsed.message ?? ''
    if (message.startsWith('SSE Error: ')) {
      const text = message.slice('SSE Error: '.length)
      const name = readTurnText(text) ?? 'stream-cut'
      processHints.set(row.processUuid, { text, name, rowId: row.id, ms })
      return
    }
    const text = readField(parsed, 'error.message')
    const threadId = readField(parsed, 'conversation.id')
    if (text === undefined || threadId === undefined) return
    const name = readTurnText(text)
    if (name) keepHint(threadOf(threadId, row), row, { text, name, ms })
  }

  function keepHint(
    thread: ThreadState | undefined,
    { id }: StoredLogRow,
    { text, name, ms }: Pick<Hint, 'text' | 'name' | 'ms'>,
  ): void {
    if (thread) thread.hint = { text, name, ms, rowId: id }
  }

  function resetRequest(thread: ThreadState): void {
    thread.hint = undefined
    thread.statuses = []
    thread.statusRows = []
    thread.attemptCount = 0
    thread.streamMs = undefined
  }

  function flushPending(thread: ThreadState): void {
    found.push(...thread.pending)
    thread.pending = []
  }

  /** Adds to the open trouble of the same kind in the same process, or opens it. */
  function mergeOpen(row: StoredLogRow, failure: Failure): void {
    if (!joinOpen(row, failure, failure.entry.name as FailureName)) {
      merged.set(`${row.processUuid} ${failure.entry.name}`, failure)
    }
  }

  function joinOpen(row: StoredLogRow, failure: Failure, name: FailureName): boolean {
    const key = `${row.processUuid} ${name}`
    const open = merged.get(key)
    if (!open) return false
    join(failure, open)
    if (failure.endsTurn) merged.delete(key)
    else merged.set(key, { ...failure, entry: open.entry, isGuess: open.isGuess && failure.isGuess })
    return true
  }

  function closeMerged(ms: number): void {
    for (const [key, failure] of merged) {
      if (ms - failure.lastMs <= MERGED[failure.entry.name as FailureName]!) continue
      found.push(failure)
      merged.delete(key)
    }
  }

  function reportKilled(states: readonly ThreadState[]): void {
    if (!isAlive) return
    const open = states.filter(
      ({ isOpen, processUuid }) => isOpen && processUuid !== null && !isAlive(processUuid),
    )
    for (const [processUuid, ended] of Map.groupBy(open, (thread) => thread.processUuid)) {
      const last = ended.reduce((one, two) => (msOf(one.lastRow!.row) >= msOf(two.lastRow!.row) ? one : two))
      const { row, turnId } = last.lastRow!
      const ms = msOf(row)
      found.push({
        entry: failureEntry('killed'),
        isGuess: true,
        endsTurn: true,
        row,
        rowIds: ended.map(({ lastRow }) => lastRow!.row.id),
        firstMs: ms,
        lastMs: ms,
        threadId: last.threadId,
        processUuid,
        turnId,
        tool: undefined,
        callId: undefined,
        mcpServer: undefined,
        text: '',
      })
    }
  }

  return {
    add,
    end() {
      found = []
      for (const thread of threads.values()) flushPending(thread)
      reportKilled([...threads.values()])
      found.push(...merged.values())
      merged.clear()
      threads.clear()
      return found
    },
  }
}

/** All failures of rows in any order, in the order of time. */
export function findFailures(
  rows: readonly { row: StoredLogRow; parsed: ParsedBody }[],
  options?: FailureFinderOptions,
): Failure[] {
  const finder = createFailureFinder(options)
  const inTime = rows.toSorted(({ row: a }, { row: b }) => compareTimes(a, b))
  const failures = inTime.flatMap(({ row, parsed }) => finder.add(row, parsed))
  return [...failures, ...finder.end()].sort((a, b) => a.firstMs - b.firstMs)
}

/** Ids follow the batches in which rows were written, not the time. */
export function compareTimes(a: StoredLogRow, b: StoredLogRow): number {
  return a.tsSeconds - b.tsSeconds || a.tsNanos - b.tsNanos || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function msOf({ tsSeconds, tsNanos }: StoredLogRow): number {
  return tsSeconds * 1000 + tsNanos / 1e6
}

/** `later` takes in what `earlier` has. */
function join(later: Failure, earlier: Failure): void {
  later.rowIds = [...earlier.rowIds, ...later.rowIds]
  later.firstMs = Math.min(earlier.firstMs, later.firstMs)
  later.lastMs = Math.max(earlier.lastMs, later.lastMs)
  later.threadId ??= earlier.threadId
  later.turnId ??= earlier.turnId
  later.tool ??= earlier.tool
  later.callId ??= earlier.callId
  later.mcpServer ??= earlier.mcpServer
  if (later.text === '') later.text = earlier.text
}

function createFailure(
  row: StoredLogRow,
  parsed: ParsedBody,
  ms: number,
  name: FailureName,
  text: string,
  isGuess: boolean,
): Failure {
  return {
    entry: failureEntry(name),
    isGuess,
    endsTurn: false,
    row,
    rowIds: [row.id],
    firstMs: ms,
    lastMs: ms,
    threadId: row.threadId,
    processUuid: row.processUuid,
    turnId: readMeaning(parsed, 'turn_id'),
    tool: readMeaning(parsed, 'tool'),
    callId: readMeaning(parsed, 'call_id'),
    mcpServer: readMeaning(parsed, 'mcp_server'),
    text,
  }
}
