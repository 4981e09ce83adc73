import type { Refusal, ThreadItem, ToolCall, Turn, TurnEntry, TurnNote, TurnStatus } from '../model/turn.js'
import { answerCall, CALLS_WITHOUT_OUTPUT, type CallLine, readOutput, readRefusal } from './calls.js'
import { addUsage, NO_USAGE, type ResponseUsage } from './usage.js'

/** The line that is read. */
export interface LineContext {
  lineNumber: number
  /** Counts the lines of its file that have an envelope, from 0. */
  index: number
  /** Unix milliseconds; `null` where the line was copied, or has no readable time. */
  atMs: number | null
  isInherited: boolean
  isOfBase: boolean
}

export interface TurnBookOptions {
  /** `summary` keeps no words but the prompt: the entries of all turns are empty. */
  detail: 'full' | 'summary'
  isPaginated: boolean
  /** A process has the thread: what is open is running. */
  hasWriter: () => boolean
}

/** A turn while its rollout is read. */
export interface OpenTurn {
  turn: Turn
  /** As the rollout says: `inProgress` until a line ends it. */
  status: TurnStatus
  /** Began with a line of its own (`task_started`). */
  isExplicit: boolean
  /** Lives although it has no item. */
  hasCompaction: boolean
  items: Map<string, ItemEntry>
  lastItem: ItemEntry | undefined
  shownItems: number
}

type ItemEntry = Extract<TurnEntry, { kind: 'item' }>
type CallEntry = Extract<TurnEntry, { kind: 'call' }>

const PROMPT_CHARACTERS = 1000

/** Items that stand for a tool that the model called. */
const TOOL_ITEMS: ReadonlySet<string> = new Set([
  'collabAgentToolCall',
  'commandExecution',
  'dynamicToolCall',
  'fileChange',
  'imageGeneration',
  'imageView',
  'mcpToolCall',
  'webSearch',
])

/** Items that a user reads as the answer. */
const ANSWERS: ReadonlySet<string> = new Set(['agentMessage', 'exitedReviewMode', 'imageGeneration', 'plan'])

const SHELL_TOOLS: ReadonlySet<string> = new Set(['exec_command', 'local_shell', 'shell', 'shell_command'])

/** Gathers turns, their items and calls. Which line begins, ends or fills a turn is decided by whoever reads. */
export function createTurnBook({ detail, isPaginated, hasWriter }: TurnBookOptions) {
  /** By id; with their turn, for an answer or an item that comes later. */
  const calls = new Map<string, { entry: CallEntry | ItemEntry; open: OpenTurn | undefined }>()
  const openCalls: { entry: CallEntry | ItemEntry; id: string | null }[] = []
  /** Calls that became part of their item. */
  const merged = new Set<TurnEntry>()
  const outside: TurnEntry[] = []
  const settings: { model: string | null; effort: string | null; cwd: string | null } = {
    model: null,
    effort: null,
    cwd: null,
  }

  function createTurn(id: string, status: TurnStatus, line: LineContext, isIdMadeUp = false): OpenTurn {
    return {
      turn: {
        number: 0,
        id,
        isIdMadeUp,
        status,
        outcome: 'completed',
        error: null,
        isErrorHidden: false,
        abortReason: null,
        startedAtSeconds: null,
        completedAtSeconds: null,
        durationMs: null,
        firstTokenMs: null,
        firstLineAtMs: line.atMs,
        lastLineAtMs: line.atMs,
        lineNumber: line.lineNumber,
        isInherited: line.isInherited,
        isRolledBack: false,
        prompt: null,
        hasAnswer: false,
        ...settings,
        rootTurnId: null,
        trigger: null,
        parentTurnId: null,
        calls: { total: 0, failed: 0, refused: 0 },
        usage: NO_USAGE,
        responses: 0,
        entries: [],
      },
      status,
      isExplicit: false,
      hasCompaction: false,
      items: new Map(),
      lastItem: undefined,
      shownItems: 0,
    }
  }

  /** Replaces the item of the same id in that turn, else adds it. */
  function putItem(open: OpenTurn, item: ThreadItem, line: LineContext, isHidden = false): void {
    if (item.type === 'userMessage') open.turn.prompt ??= promptOf(item)
    if (item.type === 'userMessage' || ANSWERS.has(item.type)) open.turn.hasAnswer = ANSWERS.has(item.type)
    const kept = detail === 'full' ? item : slimItem(item)
    const known = open.items.get(item.id)
    if (known) {
      // Two plans of a turn have one id: Codex shows the last one.
      const [before, now] = [known.item, kept]
      if (detail === 'full' && before.type === 'plan' && now.type === 'plan' && before.text !== now.text)
        open.turn.entries.push({ ...known, isHidden: true })
      // The first line gives the place and the times, the last one what is told.
      known.item = {
        ...kept,
        ...(known.item.startedAtMs === undefined ? {} : { startedAtMs: known.item.startedAtMs }),
        ...(kept.completedAtMs === undefined ? {} : { completedAtMs: kept.completedAtMs }),
      }
      known.isHidden &&= isHidden
      if (!isHidden) open.lastItem = known
      return
    }
    const entry: ItemEntry = { ...base(line), kind: 'item', item: kept, isHidden, call: null, refusal: null }
    open.items.set(item.id, entry)
    open.turn.entries.push(entry)
    if (!isHidden) {
      open.lastItem = entry
      open.shownItems += 1
    }
    const made = calls.get(item.id)
    if (made?.entry.kind === 'call') {
      entry.call = made.entry.call
      entry.refusal = made.entry.refusal
      merged.add(made.entry)
      replaceCall(made.entry, entry)
      calls.set(item.id, { entry, open })
    }
  }

  /** An item whose turn is nowhere: Codex does not show it. */
  function putOutside(item: ThreadItem, line: LineContext): void {
    if (detail === 'full')
      outside.push({ ...base(line), kind: 'item', item, isHidden: true, call: null, refusal: null })
  }

  function replaceCall(from: CallEntry, to: ItemEntry): void {
    for (const waiting of openCalls) if (waiting.entry === from) waiting.entry = to
  }

  /** @param open the turn that is open at the line; the line itself may name another. */
  function addCall({ call }: CallLine, open: OpenTurn | undefined, line: LineContext): void {
    if (line.atMs === null) call.startedAtMs = null
    const item = findItemOf(call, open)
    if (item) {
      item.call = slimCall(call)
      if (call.id !== null) calls.set(call.id, { entry: item, open })
      if (!CALLS_WITHOUT_OUTPUT.has(call.tool)) openCalls.push({ entry: item, id: call.id })
      return
    }
    const entry: CallEntry = { ...base(line), kind: 'call', call, refusal: null }
    ;(open?.turn.entries ?? outside).push(entry)
    if (call.id !== null) calls.set(call.id, { entry, open })
    if (!CALLS_WITHOUT_OUTPUT.has(call.tool)) openCalls.push({ entry, id: call.id })
  }

  /** The item of a call can stand before it: web searches and images are told when they are over. */
  function findItemOf(call: ToolCall, open: OpenTurn | undefined): ItemEntry | undefined {
    const byId = call.id === null ? undefined : open?.items.get(call.id)
    if (byId || call.tool !== 'web_search' || !open) return byId
    const { lastItem } = open
    return lastItem?.item.type === 'webSearch' && lastItem.call === null ? lastItem : undefined
  }

  /** `false` when no call waits for it. */
  function addOutput(callId: string | null, text: string, line: LineContext): boolean {
    // An answer without an id belongs to the newest call that has none either.
    const at = callId
      ? openCalls.findIndex(({ id }) => id === callId)
      : openCalls.findLastIndex(({ id }) => id === null)
    const waiting = openCalls[at]
    if (waiting === undefined) return false
    openCalls.splice(at, 1)
    const { entry } = waiting
    if (entry.call === null) return true
    answerCall(entry.call, text, line.atMs)
    entry.refusal = readRefusal(entry.call.tool, text)
    if (detail === 'summary') entry.call = slimCall(entry.call)
    return true
  }

  function addNote(note: TurnNote, open: OpenTurn | undefined, line: LineContext): void {
    if (detail === 'full') (open?.turn.entries ?? outside).push({ ...base(line), kind: 'note', note })
  }

  function addResponse({ usage }: ResponseUsage, open: OpenTurn | undefined): void {
    if (!open) return
    open.turn.usage = addUsage(open.turn.usage, usage)
    open.turn.responses += 1
  }

  /** Settings hold until others are told; a turn has those that were told last in it. */
  function applySettings(
    told: Partial<typeof settings>,
    open: OpenTurn | undefined,
    line: LineContext,
  ): void {
    const changes: string[] = []
    for (const key of ['model', 'effort', 'cwd'] as const) {
      const value = told[key]
      if (value === undefined || value === null || value === settings[key]) continue
      if (settings[key] !== null) changes.push(`${key} ${settings[key]} -> ${value}`)
      settings[key] = value
    }
    if (changes.length > 0) addNote({ kind: 'settings', text: changes.join(', ') }, open, line)
    if (open) Object.assign(open.turn, settings)
  }

  function touch(open: OpenTurn | undefined, line: LineContext): void {
    if (!open || line.atMs === null) return
    open.turn.firstLineAtMs ??= line.atMs
    open.turn.lastLineAtMs = line.atMs
  }

  /** The turns so far; calls that became part of an item stand there too, and are told apart by `isMerged`. */
  function view(open: readonly OpenTurn[]): { turns: readonly Turn[]; outside: readonly TurnEntry[] } {
    for (const [index, { turn, status }] of open.entries()) {
      turn.number = index + 1
      turn.outcome = status === 'inProgress' ? 'running' : status
    }
    return { turns: open.map(({ turn }) => turn), outside }
  }

  /** No more lines. */
  function finish(turns: readonly OpenTurn[], isRolledBack = false): Turn[] {
    const last = isRolledBack ? undefined : turns.at(-1)
    for (const { entry, id } of openCalls) {
      const { call } = entry
      if (call === null || call.state !== 'unanswered') continue
      const open = id === null ? last : (calls.get(id)?.open ?? last)
      if (open?.status === 'inProgress') call.state = open === last && hasWriter() ? 'running' : 'lost'
    }
    return turns.map((open, index) => {
      finishTurn(open, open === last)
      open.turn.number = index + 1
      open.turn.isRolledBack = isRolledBack
      // Up to 0.99 the prompt of a review is written twice, and each begins a turn.
      if (isAnsweredReview(open, turns[index + 1])) open.turn.hasAnswer = true
      return open.turn
    })
  }

  function finishTurn(open: OpenTurn, isLast: boolean): void {
    const { turn } = open
    turn.status = open.status === 'inProgress' ? 'interrupted' : open.status
    turn.outcome =
      open.status === 'inProgress' ? (isLast && hasWriter() ? 'running' : 'neverEnded') : open.status
    if (turn.isErrorHidden) turn.outcome = 'failed'
    turn.entries = turn.entries.filter((entry) => !merged.has(entry))
    for (const entry of turn.entries) {
      if (entry.kind === 'note') continue
      if (entry.kind === 'call' && isPaginated && !entry.isInherited && entry.refusal === null)
        entry.refusal = findSandboxRefusal(entry.call)
      if (entry.kind === 'item' && entry.refusal === null) entry.refusal = refusalOfItem(entry.item)
      const isTool = entry.kind === 'call' || entry.call !== null || isToolItem(entry.item)
      if (!isTool) continue
      turn.calls.total += 1
      if (entry.refusal !== null) turn.calls.refused += 1
      else if (hasFailed(entry)) turn.calls.failed += 1
    }
    if (detail === 'summary') turn.entries = []
  }

  function slimCall(call: ToolCall): ToolCall {
    return detail === 'full' || call.output === null ? call : { ...call, arguments: '', output: '' }
  }

  return {
    createTurn,
    putItem,
    putOutside,
    addCall,
    addOutput,
    addNote,
    addResponse,
    applySettings,
    touch,
    finish,
    view,
    isMerged: (entry: TurnEntry) => merged.has(entry),
    outside,
    keepsWords: detail === 'full',
  }
}

export type TurnBook = ReturnType<typeof createTurnBook>

function base({ lineNumber, atMs, isInherited, isOfBase }: LineContext) {
  return { lineNumber, atMs, isInherited, isOfBase }
}

function promptOf(item: Extract<ThreadItem, { type: 'userMessage' }>): string {
  const words = item.content.map((part) =>
    part.type === 'text'
      ? String(part.text)
      : part.type === 'skill'
        ? `[skill ${part.name}]`
        : `[${part.type}]`,
  )
  return words.join(' ').trim().slice(0, PROMPT_CHARACTERS).toWellFormed()
}

/** What is needed to count an item, without its words. */
function slimItem(item: ThreadItem): ThreadItem {
  const { type, id } = item
  const told = item as { status?: unknown; exitCode?: unknown; source?: unknown }
  return { type, id, status: told.status, exitCode: told.exitCode, source: told.source } as ThreadItem
}

function isToolItem(item: ThreadItem): boolean {
  return TOOL_ITEMS.has(item.type) && !(item.type === 'commandExecution' && item.source === 'userShell')
}

function hasFailed(entry: CallEntry | ItemEntry): boolean {
  if (entry.kind === 'item' && 'status' in entry.item && entry.item.status !== undefined)
    return entry.item.status === 'failed'
  return entry.call !== null && entry.call.exitCode !== null && entry.call.exitCode !== 0
}

/**
 * A paginated rollout has an item for every command that ended, but for one that the sandbox stopped at once: a call
 * that ended with a failure and has none was refused.
 */
function findSandboxRefusal(call: ToolCall): Refusal | null {
  if (!SHELL_TOOLS.has(call.tool) || call.exitCode === null || call.exitCode === 0) return null
  const words = call.output === null ? '' : readOutput(call.output).body.trim()
  return { by: 'sandbox', reason: words.split('\n')[0] || null }
}

function isAnsweredReview({ turn, isExplicit }: OpenTurn, next: OpenTurn | undefined): boolean {
  return (
    !isExplicit &&
    next?.turn.prompt === turn.prompt &&
    [...next.items.values()].some(({ item }) => item.type === 'exitedReviewMode')
  )
}

function refusalOfItem(item: ThreadItem): Refusal | null {
  return 'status' in item && item.status === 'declined' ? { by: 'user', reason: null } : null
}
