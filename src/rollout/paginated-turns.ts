import type { ThreadItem, TurnStatus } from '../model/turn.js'
import { agentMessage, readCompletedItem, userMessage } from './items.js'
import type { LinePlace } from './lines.js'
import type { RolloutEnvelope } from './parse.js'
import { createSideLines } from './side-lines.js'
import { createTurnBook, type LineContext, type OpenTurn } from './turn-book.js'
import {
  endTurn,
  type LineFile,
  readError,
  startTurn,
  type TurnReader,
  type TurnReaderOptions,
  timeOfLine,
} from './turn-lines.js'
import { type JsonObject, numberOrNull, textOrNull } from './values.js'

/**
 * Turns of a paginated rollout: every line means the same wherever it stands, and names its turn. A base comes first,
 * line by line; what a sub-agent copied from its parent is not shown.
 */
export function createPaginatedReader(options: TurnReaderOptions): TurnReader {
  const { head } = options
  const book = createTurnBook({ ...options, isPaginated: true })
  const side = createSideLines(book, head)
  const turns: OpenTurn[] = []
  const byId = new Map<string, OpenTurn>()
  /** Items whose turn has no line yet: a review's items come before its turn. */
  const waiting = new Map<string, { event: JsonObject; line: LineContext }[]>()
  let current: OpenTurn | undefined
  let inheritedLineCount = 0

  function addLine(line: RolloutEnvelope, place: LinePlace, { isBase, isOfOther }: LineFile): void {
    const isCopy = !isBase && line.ordinal !== null && line.ordinal < head.startOrdinal
    if (isCopy || isOfOther) inheritedLineCount += 1
    if (isCopy) return
    const context: LineContext = {
      lineNumber: place.lineNumber,
      index: place.index,
      atMs: timeOfLine(line, false),
      isInherited: isOfOther,
      isOfBase: isBase,
    }
    if (line.type === 'event_msg') addEvent(line.payload, context)
    side.addLine(line, context, current, findTurn)
    book.touch(current, context)
  }

  function addEvent(event: JsonObject, line: LineContext): void {
    switch (event.type) {
      case 'task_started':
      case 'turn_started': {
        const id = textOrNull(event.turn_id)
        if (id === null) return
        current = ensureTurn(id, line)
        if (current.status === 'inProgress') startTurn(current, event)
        return
      }
      case 'task_complete':
      case 'turn_complete':
        end(event, readError(event.error) ? 'failed' : 'completed', line)
        return
      case 'turn_aborted':
        end(event, 'interrupted', line)
        return
      case 'item_completed': {
        const id = textOrNull(event.turn_id) ?? ''
        const open = byId.get(id)
        const others = waiting.get(id)
        if (open) putItem(open, event, line)
        else if (others) others.push({ event, line })
        else waiting.set(id, [{ event, line }])
        return
      }
      default: {
        const item = readTalk(event, line)
        if (!item) return
        if (current) book.putItem(current, item, line, true)
        else book.putOutside(item, line)
      }
    }
  }

  function end(event: JsonObject, status: TurnStatus, line: LineContext): void {
    const id = textOrNull(event.turn_id)
    if (id === null) return
    const open = ensureTurn(id, line)
    if (open.status !== 'inProgress') return
    open.turn.startedAtSeconds = numberOrNull(event.started_at) ?? open.turn.startedAtSeconds
    endTurn(open, event, status)
    book.touch(open, line)
    if (open === current) current = undefined
  }

  function ensureTurn(id: string, line: LineContext): OpenTurn {
    const known = byId.get(id)
    if (known) return known
    const made = book.createTurn(id, 'inProgress', line)
    byId.set(id, made)
    turns.push(made)
    for (const item of waiting.get(id) ?? []) putItem(made, item.event, item.line)
    waiting.delete(id)
    return made
  }

  function putItem(open: OpenTurn, event: JsonObject, line: LineContext): void {
    const item = readCompletedItem(event)
    if (item) book.putItem(open, item, line)
  }

  function findTurn(id: unknown): OpenTurn | undefined {
    return typeof id === 'string' ? byId.get(id) : undefined
  }

  function finish() {
    // What Codex never shows, as the line that begins its turn is lost.
    for (const { event, line } of [...waiting.values()].flat()) {
      const item = readCompletedItem(event)
      if (item) book.putOutside(item, line)
    }
    const sums = side.finish(turns)
    return {
      turns: book.finish(turns),
      rolledBack: [],
      outside: book.outside,
      inheritedLineCount,
      ...sums,
    }
  }

  return { addLine, now: () => book.view(turns), isMerged: book.isMerged, finish }
}

/** What was said in the lines of the other format: a Codex before 0.145 writes them into a thread that it resumes. */
function readTalk(event: JsonObject, { lineNumber }: LineContext): ThreadItem | undefined {
  const id = `line-${lineNumber}`
  switch (event.type) {
    case 'user_message':
      return typeof event.message === 'string' ? userMessage(id, event) : undefined
    case 'agent_message': {
      const text = textOrNull(event.message)
      return text ? agentMessage(id, text, event) : undefined
    }
    case 'agent_reasoning': {
      const text = textOrNull(event.text)
      return text ? { type: 'reasoning', id, summary: [text], content: [] } : undefined
    }
    default:
      return undefined
  }
}
