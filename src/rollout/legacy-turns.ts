import { createCopyTracker } from './copied-lines.js'
import { parseHookPrompt } from './hook-prompt.js'
import {
  agentMessage,
  collabCall,
  commandExecution,
  dynamicToolCall,
  fileChange,
  guardianAssessment,
  imageGeneration,
  mcpToolCallEnd,
  readCompletedItem,
  subAgentActivity,
  userMessage,
  webSearch,
} from './items.js'
import type { LinePlace } from './lines.js'
import type { RolloutEnvelope } from './parse.js'
import { enteredReview, exitedReview } from './review-text.js'
import { createSideLines } from './side-lines.js'
import { createTurnBook, type LineContext, type OpenTurn } from './turn-book.js'
import {
  endTurn,
  readError,
  startTurn,
  type TurnReader,
  type TurnReaderOptions,
  timeOfLine,
} from './turn-lines.js'
import { type JsonObject, numberOrNull, readParts, textOrNull } from './values.js'

/** Of `item_completed` a legacy rollout shows only these. */
const COMPLETED_ITEMS: ReadonlySet<string> = new Set(['functionCallOutput', 'plan', 'subAgentActivity'])

/**
 * Turns of a legacy rollout: what a line means depends on the turn that is open. The lines of a parent are copied in
 * front; Codex shows them like own ones.
 */
export function createLegacyReader(options: TurnReaderOptions): TurnReader {
  const { head } = options
  const book = createTurnBook({ ...options, isPaginated: false })
  const side = createSideLines(book, head)
  let turns: OpenTurn[] = []
  const rolledBack: OpenTurn[] = []
  let current: OpenTurn | undefined
  let nextItem = 1
  const copies = createCopyTracker(head, options.copiedEnd)
  let inheritedLineCount = 0

  function addLine(line: RolloutEnvelope, place: LinePlace): void {
    const isCopy = noteCopy(line, place)
    if (isCopy) inheritedLineCount += 1
    const context: LineContext = {
      lineNumber: place.lineNumber,
      index: place.index,
      atMs: timeOfLine(line, isCopy),
      isInherited: isCopy,
      isOfBase: false,
    }
    const { type, payload } = line
    if (type === 'event_msg') addEvent(payload, context)
    else if (type === 'compacted') ensureTurn(context).hasCompaction = true
    else if (type === 'response_item') addHookPrompt(payload, context)
    side.addLine(line, context, current, findTurn)
    book.touch(current, context)
  }

  function noteCopy({ type, payload }: RolloutEnvelope, { offset }: LinePlace): boolean {
    if (type === 'session_meta') copies.addMeta(textOrNull(payload.id))
    else if (type === 'event_msg' && payload.type === 'task_started') copies.addTurn(() => payload)
    return copies.isCopy({ ordinal: null, offset })
  }

  function addEvent(event: JsonObject, line: LineContext): void {
    switch (event.type) {
      case 'task_started':
      case 'turn_started': {
        const id = textOrNull(event.turn_id)
        if (id === null) return
        closeTurn()
        current = book.createTurn(id, 'inProgress', line)
        current.isExplicit = true
        startTurn(current, event)
        return
      }
      case 'task_complete':
      case 'turn_complete': {
        const open = findTurn(event.turn_id) ?? current
        if (!open) return
        endTurn(open, event, readError(event.error) ? 'failed' : 'completed')
        book.touch(open, line)
        if (open === current) closeTurn()
        return
      }
      case 'turn_aborted': {
        const open = findTurn(event.turn_id) ?? current
        if (!open) return
        endTurn(open, event, 'interrupted')
        // It stays open: more of it may follow.
        return
      }
      case 'thread_rolled_back':
        rollBack(numberOrNull(event.num_turns) ?? 0)
        return
      case 'user_message':
        // Codex passes over a line that lacks what it insists on.
        if (typeof event.message !== 'string') return
        if (current && !current.isExplicit && !(current.hasCompaction && current.shownItems === 0))
          closeTurn()
        book.putItem(ensureTurn(line), userMessage(takeItemId(), event), line)
        return
      case 'agent_message': {
        const text = textOrNull(event.message)
        if (text) book.putItem(ensureTurn(line), agentMessage(takeItemId(), text, event), line)
        return
      }
      case 'agent_reasoning':
      case 'agent_reasoning_raw_content': {
        const text = textOrNull(event.text)
        if (text) addReasoning(text, event.type === 'agent_reasoning' ? 'summary' : 'content', line)
        return
      }
      case 'context_compacted':
        book.putItem(ensureTurn(line), { type: 'contextCompaction', id: takeItemId() }, line)
        return
      case 'entered_review_mode':
        book.putItem(
          reviewTurn(event, line),
          { type: 'enteredReviewMode', id: reviewItemId(event), review: enteredReview(event) },
          line,
        )
        return
      case 'exited_review_mode':
        book.putItem(
          reviewTurn(event, line),
          {
            type: 'exitedReviewMode',
            id: reviewItemId(event),
            review: exitedReview(event.review_output),
          },
          line,
        )
        return
      case 'error': {
        // Only 0.120 to 0.128 read this line; whether the turn failed is told elsewhere from 0.145 on.
        const error = readError(event)
        if (!error || !current) return
        current.turn.error ??= error
        current.turn.isErrorHidden = true
        return
      }
      default:
        addTool(event, line)
    }
  }

  /** Lines of the tools. The newest Codex leaves out those that only 0.120 to 0.128 wrote, on request. */
  function addTool(event: JsonObject, line: LineContext): void {
    const id = textOrNull(event.call_id ?? event.event_id) ?? ''
    switch (event.type) {
      case 'web_search_end':
        book.putItem(ensureTurn(line), webSearch(id, event), line)
        return
      case 'patch_apply_end':
        putInto(event.turn_id, line, () => fileChange(id, event))
        return
      case 'mcp_tool_call_end':
        book.putItem(ensureTurn(line), mcpToolCallEnd(id, event), line)
        return
      case 'image_generation_end':
        book.putItem(ensureTurn(line), imageGeneration(id, event), line)
        return
      case 'sub_agent_activity':
        book.putItem(ensureTurn(line), subAgentActivity(id, event), line)
        return
      case 'item_completed': {
        const item = readCompletedItem(event)
        if (!item) return
        const { startedAtMs: _started, completedAtMs: _completed, ...untimed } = item
        const isShown = COMPLETED_ITEMS.has(item.type) || (item.type === 'other' && item.kind === 'sleep')
        if (item.type === 'plan' && item.text === '') return
        putInto(event.turn_id, line, () => untimed as typeof item, !isShown)
        return
      }
      case 'exec_command_end':
        putInto(event.turn_id, line, () => commandExecution(id, event), true)
        return
      case 'view_image_tool_call':
        if (current)
          book.putItem(current, { type: 'imageView', id, path: textOrNull(event.path) ?? '' }, line, true)
        return
      case 'dynamic_tool_call_response':
        putInto(event.turn_id, line, () => dynamicToolCall(id, event), true)
        return
      case 'guardian_assessment':
        putInto(
          event.turn_id,
          line,
          () => guardianAssessment(textOrNull(event.target_item_id) ?? '', event),
          true,
        )
        return
      default: {
        const item = collabCall(id, event)
        if (item && current) book.putItem(current, item, line, true)
      }
    }
  }

  function putInto(
    turnId: unknown,
    line: LineContext,
    make: () => Parameters<typeof book.putItem>[1] | undefined,
    isHidden = false,
  ): void {
    const isNamed = typeof turnId === 'string' && turnId !== ''
    const open = isNamed ? findTurn(turnId) : current
    const item = make()
    if (!item) return
    if (open) {
      book.putItem(open, item, line, isHidden)
      return
    }
    // Codex drops an item whose turn is not there. That turn may have been rolled back while its process went on.
    const left = isNamed ? rolledBack.findLast(({ turn }) => turn.id === turnId) : undefined
    if (left) book.putItem(left, item, line, isHidden)
    else book.putOutside(item, line)
  }

  function addReasoning(text: string, part: 'summary' | 'content', line: LineContext): void {
    const open = ensureTurn(line)
    const last = open.lastItem?.item
    if (last?.type === 'reasoning') {
      if (options.detail === 'full') last[part].push(text)
      return
    }
    const item = {
      type: 'reasoning' as const,
      id: takeItemId(),
      summary: [] as string[],
      content: [] as string[],
    }
    item[part].push(text)
    book.putItem(open, item, line)
  }

  function addHookPrompt(payload: JsonObject, line: LineContext): void {
    if (payload.type !== 'message' || payload.role !== 'user') return
    const fragments = parseHookPrompt(readParts(payload.content))
    if (fragments === undefined) return
    // Up to 0.140 the message has no id, and Codex makes one up at each read.
    const id = textOrNull(payload.id) ?? `hook-${line.index}`
    book.putItem(ensureTurn(line), { type: 'hookPrompt', id, fragments }, line)
  }

  function reviewTurn(event: JsonObject, line: LineContext): OpenTurn {
    const id = textOrNull(event.turn_id)
    if (id === null) return ensureTurn(line)
    const known = findTurn(id)
    if (known) return known
    closeTurn()
    current = book.createTurn(id, 'completed', line)
    return current
  }

  function reviewItemId(event: JsonObject): string {
    return textOrNull(event.item_id) ?? takeItemId()
  }

  function takeItemId(): string {
    const id = `item-${nextItem}`
    nextItem += 1
    return id
  }

  function ensureTurn(line: LineContext): OpenTurn {
    current ??= book.createTurn(`rollout-${line.index}`, 'completed', line, true)
    return current
  }

  function findTurn(id: unknown): OpenTurn | undefined {
    if (typeof id !== 'string') return undefined
    return current?.turn.id === id ? current : turns.findLast(({ turn }) => turn.id === id)
  }

  function closeTurn(): void {
    if (current && (current.isExplicit || current.hasCompaction || current.items.size > 0))
      turns.push(current)
    current = undefined
  }

  function rollBack(count: number): void {
    closeTurn()
    const kept = Math.max(0, turns.length - count)
    rolledBack.push(...turns.slice(kept))
    turns = turns.slice(0, kept)
    nextItem = 1 + turns.reduce((sum, { shownItems }) => sum + shownItems, 0)
  }

  function finish() {
    closeTurn()
    const sums = side.finish(turns)
    return {
      turns: book.finish(turns),
      rolledBack: book.finish(rolledBack, true),
      outside: book.outside,
      inheritedLineCount,
      ...sums,
    }
  }

  return {
    addLine,
    now: () => book.view(current ? [...turns, current] : turns),
    isMerged: book.isMerged,
    finish,
  }
}
