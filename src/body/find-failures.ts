import type { RowId } from '../model/log.js'
import { rowMs } from '../model/row-time.js'
import type { RowFailure } from './classify-failure.js'
import { type NoteStep, type RowNote, type RowSite, subjectOf } from './failure-notes.js'
import { type FailureEntry, type FailureName, failureEntry } from './failures.js'

/** One thing that went wrong, with all the rows that tell of it. */
export interface Failure {
  entry: FailureEntry
  /** The cause was put together from neighbouring rows, or is the likeliest one. */
  isGuess: boolean
  /** The turn ended with it. */
  endsTurn: boolean
  /** It was tried again, and that went well. */
  isRecovered: boolean
  /** Of the row that tells most: the last one. `undefined` where the failure is that no row follows. */
  site: RowSite | undefined
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
  /** The row that tells most, for a person; where `text` says nothing. */
  summary: string
}

export interface FailureFinderOptions {
  /**
   * Whether a process runs still. Without it nothing is said of processes that ended in the middle of a turn, as
   * rows alone cannot know.
   */
  isAlive?: (processUuid: string) => boolean
  /** Whether it is known from elsewhere that a turn ended whose last rows are not in the log. */
  hasEnded?: (threadId: string, turnId: string | undefined) => boolean
  /** A stream that was silent for so long is given up: as it is configured. */
  idleTimeoutMs?: number
  /** When something last came of an answer, where not all rows are noted that tell of that. */
  findStreamMs?: (threadId: string, span: { fromMs: number; toMs: number }) => number | undefined
}

export interface FailureFinder {
  /** Takes the next row in the order of time; gives what is complete by now. */
  add(note: RowNote): Failure[]
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
  /** The newest note, and when what it told of was over. */
  lastNote: RowNote | undefined
  lastMs: number | undefined
  turnId: string | undefined
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
/** What Codex waits for the next part of an answer where `stream_idle_timeout_ms` is not configured. */
export const IDLE_TIMEOUT_MS = 300_000

/** Finds failures in what is noted of rows, in the order of time, with what only several rows together tell. */
export function createFailureFinder(options: FailureFinderOptions = {}): FailureFinder {
  const { isAlive, hasEnded, idleTimeoutMs = IDLE_TIMEOUT_MS, findStreamMs } = options
  /** By thread and process: two can have one thread open at the same time. */
  const threads = new Map<string, ThreadState>()
  /** By process: the open trouble of each kind, and the last cause that came without a thread. */
  const merged = new Map<string, Failure>()
  const processHints = new Map<string | null, Hint>()
  let found: Failure[] = []

  function add(note: RowNote): Failure[] {
    found = []
    const { step, threadId } = note
    const ms = rowMs(note)
    const thread = threadId === null ? undefined : threadOf(threadId, note)
    closeMerged(ms)
    if (step?.kind === 'failure') addFailure(note, ms, step.failure, thread)
    else if (step?.kind === 'hint') addHint(note, ms, step)
    else if (step && thread) followTurn(note, ms, step, thread)
    if (thread) {
      if (note.isCompacting) followCompaction(note, ms, thread)
      thread.lastNote = note
      thread.lastMs = Math.max(ms, thread.lastMs ?? ms)
      thread.turnId = note.turnId ?? thread.turnId
    }
    return found
  }

  function threadOf(threadId: string, { processUuid }: RowNote): ThreadState {
    const key = `${threadId} ${processUuid}`
    let thread = threads.get(key)
    if (!thread) {
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
        lastNote: undefined,
        lastMs: undefined,
        turnId: undefined,
      }
      threads.set(key, thread)
    }
    return thread
  }

  function addFailure(note: RowNote, ms: number, failure: RowFailure, thread: ThreadState | undefined): void {
    if (failure.kind === 'turn') {
      endTurn(note, ms, failure, thread)
    } else if (failure.kind === 'other') {
      addOther(note, ms, failure, thread)
    } else if (failure.name === 'no-connection') {
      keepHint(thread, note, { ...failure, ms })
    } else {
      addRetry(note, ms, failure, thread)
    }
  }

  function addOther(note: RowNote, ms: number, failure: RowFailure, thread: ThreadState | undefined): void {
    if (failure.name === 'interrupted' && thread) {
      flushPending(thread)
      thread.isOpen = false
    }
    if (failure.name.startsWith('mcp-') && thread) thread.mcpErrorMs = ms
    if (failure.name === 'websocket-refused') keepHint(thread, note, { ...failure, ms })
    const known = thread && failure.isGuess && failure.text === '' ? guessTool(thread) : undefined
    const one = createFailure(note, ms, known ?? failure.name, failure.text, failure.isGuess)
    if (failure.name === 'slow-sql' && joinOpen(note, one, 'database-locked')) return
    if (failure.name in MERGED) mergeOpen(note, one)
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

  function endTurn(note: RowNote, ms: number, failure: RowFailure, thread: ThreadState | undefined): void {
    let { name, isGuess } = failure
    // The same words for two answers: HTTP 503 at once and after retries, or a stream that says so.
    const status = thread?.statuses.at(-1)
    if (name === 'overloaded-in-stream' && thread) {
      if (status === undefined ? thread.attemptCount > 1 : status >= 500) name = 'http-503-overloaded'
    }
    // What a server says in its own words is told by its status.
    if (name === 'turn-failed' && status !== undefined && status >= 400) {
      name = nameStatus(status).name
      isGuess = true
    }
    const end = createFailure(note, ms, name, failure.text, isGuess)
    end.endsTurn = true
    if (thread) {
      for (const one of thread.pending) {
        if (one.entry.name === name || one.isGuess || namesStatus(failure.text, one.text)) join(end, one)
        else found.push(one)
      }
      thread.pending = []
      thread.isOpen = false
      resetRequest(thread)
    }
    if (name in MERGED) joinOpen(note, end, name)
    found.push(end)
  }

  function addRetry(note: RowNote, ms: number, failure: RowFailure, thread: ThreadState | undefined): void {
    const cause = failure.isGuess ? findCause(note, ms, thread) : undefined
    const name = cause?.name ?? failure.name
    const text = cause?.text ?? failure.text
    const retry = createFailure(note, ms, name, text, failure.isGuess && !cause?.isSure)
    if (thread) resetRequest(thread)
    const last = thread?.pending.at(-1)
    if (name === 'websocket-refused') {
      mergeOpen(note, retry)
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
    { processUuid }: RowNote,
    ms: number,
    thread: ThreadState | undefined,
  ): { name: FailureName; text: string; isSure: boolean } | undefined {
    const own = thread?.hint
    if (own && ms - own.ms <= HINT_MS) return { ...own, isSure: true }
    const status = thread?.statuses.at(-1)
    if (status !== undefined && status >= 400) return { ...nameStatus(status), isSure: true }
    const shared = processHints.get(processUuid)
    if (shared && ms - shared.ms <= HINT_MS) return { ...shared, isSure: true }
    // Where a log has only INFO and worse, nothing tells of the stream itself.
    const fromMs = thread?.streamMs ?? thread?.lastMs
    if (!thread || fromMs === undefined || ms - fromMs < idleTimeoutMs) return undefined
    const sinceMs = findStreamMs?.(thread.threadId, { fromMs, toMs: ms }) ?? fromMs
    return ms - sinceMs < idleTimeoutMs ? undefined : { name: 'idle-timeout', text: '', isSure: false }
  }

  function nameStatus(status: number): { name: FailureName; text: string } {
    const text = `HTTP ${status}`
    if (status === 400) return { name: 'http-400', text }
    if (status === 401) return { name: 'http-401', text }
    if (status === 429) return { name: 'http-429', text }
    return { name: status >= 500 ? 'http-500' : 'unexpected-status', text }
  }

  /** What is no failure by itself: how the turn goes on, and what later rows will need. */
  function followTurn(note: RowNote, ms: number, step: NoteStep, thread: ThreadState): void {
    switch (step.kind) {
      case 'stream':
        stream(thread, ms)
        break
      case 'call':
        thread.lastTool = step.text
        stream(thread, ms)
        break
      case 'status':
        addStatus(note, ms, step.status, thread)
        break
      case 'sampled':
        for (const retry of thread.pending) retry.isRecovered = true
        flushPending(thread)
        resetRequest(thread)
        if (!step.needsFollowUp) thread.isOpen = false
        break
      case 'submission':
        followSubmission(note, ms, step.starts, thread)
        break
      case 'end':
        flushPending(thread)
        thread.isOpen = false
        break
      case 'request':
        resetRequest(thread)
        openTurn(thread)
        break
      case 'toolEnd':
        // A call of an MCP tool that failed by itself has a row of its own just before.
        if (step.name === 'mcp-tool-error-result' && ms - thread.mcpErrorMs <= HINT_MS) break
        found.push(createFailure(note, ms, step.name, step.text, false))
        break
      case 'failure':
      case 'hint':
      case 'unknown':
        break
      default:
        step satisfies never
    }
  }

  function stream(thread: ThreadState, ms: number): void {
    thread.streamMs = ms
    openTurn(thread)
  }

  function openTurn(thread: ThreadState): void {
    thread.isOpen = !thread.hasNoEnd
  }

  function addStatus(note: RowNote, ms: number, status: number | undefined, thread: ThreadState): void {
    stream(thread, ms)
    thread.attemptCount++
    if (status === undefined) return
    const failed = thread.statuses.filter((one) => one >= 500)
    if (status < 400 && failed.length > 0) {
      const name = failed.every((one) => one === 503) ? 'http-503-once' : 'http-5xx-once'
      const once = createFailure(note, ms, name, `HTTP ${failed.join(', ')}`, false)
      once.rowIds.unshift(...thread.statusRows)
      found.push(once)
      thread.statuses = []
      thread.statusRows = []
    }
    thread.statuses.push(status)
    thread.statusRows.push(note.id)
  }

  function followSubmission(
    note: RowNote,
    ms: number,
    starts: 'turn' | 'compaction' | 'end',
    thread: ThreadState,
  ): void {
    thread.isOpen = false
    if (starts === 'end') return
    if (starts === 'compaction') found.push(createFailure(note, ms, 'compaction-manual', '', false))
    else resetRequest(thread)
    flushPending(thread)
    thread.hasNoEnd = starts === 'compaction'
  }

  function followCompaction(note: RowNote, ms: number, thread: ThreadState): void {
    const turnId = note.turnId ?? ''
    if (thread.compacting === turnId) return
    thread.compacting = turnId
    found.push(createFailure(note, ms, 'compaction-auto', '', false))
  }

  /** Why a stream broke. */
  function addHint(
    note: RowNote,
    ms: number,
    { name, text, threadId }: { name: FailureName; text: string; threadId: string | null },
  ): void {
    if (threadId !== null) keepHint(threadOf(threadId, note), note, { text, name, ms })
    else processHints.set(note.processUuid, { text, name, rowId: note.id, ms })
  }

  function keepHint(
    thread: ThreadState | undefined,
    { id }: RowNote,
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
  function mergeOpen(note: RowNote, failure: Failure): void {
    if (!joinOpen(note, failure, failure.entry.name as FailureName)) {
      merged.set(`${note.processUuid} ${failure.entry.name}`, failure)
    }
  }

  function joinOpen(note: RowNote, failure: Failure, name: FailureName): boolean {
    const key = `${note.processUuid} ${name}`
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
      ({ isOpen, processUuid, threadId, turnId }) =>
        isOpen && processUuid !== null && !isAlive(processUuid) && !hasEnded?.(threadId, turnId),
    )
    for (const [processUuid, ended] of Map.groupBy(open, (thread) => thread.processUuid)) {
      const last = ended.reduce((one, two) => (rowMs(one.lastNote!) >= rowMs(two.lastNote!) ? one : two))
      const ms = rowMs(last.lastNote!)
      found.push({
        entry: failureEntry('killed'),
        isGuess: true,
        endsTurn: true,
        isRecovered: false,
        site: undefined,
        rowIds: ended.map(({ lastNote }) => lastNote!.id),
        firstMs: ms,
        lastMs: ms,
        threadId: last.threadId,
        processUuid,
        turnId: last.turnId,
        tool: undefined,
        callId: undefined,
        mcpServer: undefined,
        text: '',
        summary: '',
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

/** Whether the end of a turn names the status that is all that is known of an attempt. */
function namesStatus(text: string, attempt: string): boolean {
  const [, status] = /^HTTP (\d{3})$/.exec(attempt) ?? []
  return status !== undefined && new RegExp(`\\bstatus:? ${status}\\b`).test(text)
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
  note: RowNote,
  ms: number,
  name: FailureName,
  text: string,
  isGuess: boolean,
): Failure {
  const { id, site, summary = '' } = note
  return {
    entry: failureEntry(name),
    isGuess,
    endsTurn: false,
    isRecovered: false,
    site,
    rowIds: [id],
    firstMs: ms,
    lastMs: ms,
    ...subjectOf(note),
    text,
    summary,
  }
}
