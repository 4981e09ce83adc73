import type { NoteKind, TokenUsage } from '../model/turn.js'
import { outputText, readCall, turnIdOf } from './calls.js'
import type { RolloutHead } from './head.js'
import type { RolloutEnvelope } from './parse.js'
import type { LineContext, OpenTurn, TurnBook } from './turn-book.js'
import { readError, reviewsOf, saysSame } from './turn-lines.js'
import { addUsage, createUsageCounter, NO_USAGE } from './usage.js'
import { isObject, type JsonObject, joinText, readParts, textOrNull, textsOf } from './values.js'

/** Types of lines from which neither items nor notes are made. */
const SILENT_TYPES: ReadonlySet<string> = new Set([
  'event_msg',
  'inter_agent_communication_metadata',
  'realtime_item',
  'response_item',
  'security_risk_score',
  'session_meta',
  'world_state',
])

/** Events that are read, or that say nothing beside what other lines say; the others are told by their type. */
const KNOWN_EVENTS: ReadonlySet<string> = new Set([
  'agent_message',
  'agent_reasoning',
  'agent_reasoning_raw_content',
  'collab_agent_interaction_end',
  'collab_agent_spawn_end',
  'collab_close_end',
  'collab_resume_end',
  'collab_waiting_end',
  'context_compacted',
  'dynamic_tool_call_request',
  'dynamic_tool_call_response',
  'entered_review_mode',
  'error',
  'exec_command_end',
  'exited_review_mode',
  'guardian_assessment',
  'image_generation_end',
  'item_completed',
  'mcp_tool_call_end',
  'patch_apply_end',
  'sub_agent_activity',
  'task_complete',
  'task_started',
  'thread_goal_updated',
  'thread_name_updated',
  'thread_rolled_back',
  'thread_settings_applied',
  'token_count',
  'turn_aborted',
  'turn_complete',
  'turn_started',
  'user_message',
  'view_image_tool_call',
  'web_search_end',
])

/** How the messages begin that Codex itself writes in the name of a user or a developer. */
const MESSAGE_HEADS: readonly (readonly [string, NoteKind | null])[] = [
  ['# AGENTS.md instructions', null],
  ['<user_instructions>', null],
  ['<permissions instructions>', null],
  ['<skills_instructions>', null],
  ['<collaboration_mode>', null],
  ['<multi_agent_mode>', null],
  ['<model_switch>', null],
  ['<current_time_reminder>', null],
  ['<spawned_agent_context>', null],
  ['You are `/root`', null],
  ['You are an agent in a team', null],
  ['You are now a newly spawned child agent', null],
  ['You are judging one planned', null],
  ['Use prior reviews as context', null],
  ['Generated images are saved to', null],
  ['<recommended_plugins>', null],
  ['<environment_context>', null],
  ['<turn_aborted>', null],
  ['<user_action>', null],
  ['<image name=', null],
  ['</image>', null],
  ['<hook_prompt', null],
  ['Another language model started to solve', null],
  ['Approved command prefix saved:', 'ruleSaved'],
  ['The user has manually approved a specific action', 'approvedLater'],
  ['<skill>', 'skill'],
  ['<user_shell_command>', 'userShell'],
  ['<codex_internal_context source="goal">', 'goalGoesOn'],
  ['<subagent_notification>', 'agentEnded'],
  ['<external_', 'context'],
  ['Codex could not read the local image', 'context'],
]

function findMessageHead(text: string) {
  return MESSAGE_HEADS.find(([head]) => text.startsWith(head))
}

/** Whether a message begins as those do that Codex writes in the name of a user or a developer. */
export function isMadeByCodex(text: string): boolean {
  return findMessageHead(text) !== undefined
}

/**
 * Everything beside the items that Codex tells: the model's calls, tokens, settings, and notes of what stands
 * between. The same in both formats.
 */
export function createSideLines(book: TurnBook, head: RolloutHead) {
  const counter = createUsageCounter()
  const unknownTypes = new Map<string, number>()
  /** Messages of the user's or the model's role that may be the twin of an item. */
  const unsaid: { text: string; open: OpenTurn | undefined; line: LineContext; role: string }[] = []
  const summaries: string[] = []
  let usage: TokenUsage = NO_USAGE
  let responses = 0
  let threadUsage: TokenUsage = NO_USAGE
  let threadResponses = 0

  /** @param openById for lines that name a turn. */
  function addLine(
    { type, payload }: RolloutEnvelope,
    line: LineContext,
    current: OpenTurn | undefined,
    openById: (turnId: string) => OpenTurn | undefined,
  ): void {
    const turnOf = (id: unknown) => (typeof id === 'string' ? openById(id) : undefined) ?? current
    switch (type) {
      case 'turn_context':
        addTurnContext(payload, turnOf(payload.turn_id), line)
        return
      case 'token_usage_record': {
        const response = counter.addRecord(payload)
        if (response) addResponse(response, turnOf(payload.turn_id), line)
        return
      }
      case 'compacted': {
        const summary = textOrNull(payload.message)
        if (!summary) return
        if (book.keepsWords) summaries.push(summary)
        addNote('summary', summary, current, line)
        return
      }
      case 'event_msg':
        addEvent(payload, line, current, turnOf)
        return
      case 'response_item':
        addResponseItem(payload, line, turnOf(turnIdOf(payload)))
        return
      case 'retained_context':
        addAnswer(payload, turnOf(payload.turn_id), line)
        return
      case 'inter_agent_communication':
        addNote('agentMessage', agentWords(payload), current, line)
        return
      default:
        if (!SILENT_TYPES.has(type)) addUnknown(type, current, line)
    }
  }

  function addNote(kind: NoteKind, text: string, open: OpenTurn | undefined, line: LineContext): void {
    book.addNote({ kind, text }, open, line)
  }

  /** A line of a kind that is not known: most likely a newer Codex wrote it. */
  function addUnknown(type: string, open: OpenTurn | undefined, line: LineContext): void {
    unknownTypes.set(type, (unknownTypes.get(type) ?? 0) + 1)
    addNote('unknown', type, open, line)
  }

  function addResponse(
    response: NonNullable<ReturnType<typeof counter.addCount>>,
    open: OpenTurn | undefined,
    line: LineContext,
  ): void {
    book.addResponse(response, open)
    // A copy of another thread's record was charged there.
    if (line.isInherited || (response.threadId !== null && response.threadId !== head.threadId)) return
    threadUsage = addUsage(threadUsage, response.usage)
    threadResponses += 1
    if (line.isOfBase) return
    usage = addUsage(usage, response.usage)
    responses += 1
  }

  function addTurnContext(payload: JsonObject, open: OpenTurn | undefined, line: LineContext): void {
    const mode = isObject(payload.collaboration_mode) ? payload.collaboration_mode.settings : null
    const effort = textOrNull(payload.effort) ?? (isObject(mode) ? textOrNull(mode.reasoning_effort) : null)
    book.applySettings({ model: textOrNull(payload.model), effort, cwd: textOrNull(payload.cwd) }, open, line)
  }

  function addEvent(
    payload: JsonObject,
    line: LineContext,
    current: OpenTurn | undefined,
    turnOf: (id: unknown) => OpenTurn | undefined,
  ): void {
    switch (payload.type) {
      case 'token_count': {
        const response = counter.addCount(payload)
        if (response) addResponse(response, current, line)
        return
      }
      case 'thread_goal_updated': {
        const goal = isObject(payload.goal) ? payload.goal : {}
        const text = `${textOrNull(goal.status) ?? ''}: ${textOrNull(goal.objective) ?? ''}`
        addNote('goal', text, turnOf(payload.turnId), line)
        return
      }
      case 'thread_name_updated':
        addNote('name', textOrNull(payload.thread_name) ?? '', current, line)
        return
      case 'task_complete':
      case 'turn_complete':
        addError(payload.error, turnOf(payload.turn_id), line)
        return
      case 'error':
        addError(payload, current, line)
        return
      case 'item_completed':
        if (!hasItem(payload)) addUnknown('item_completed without an item', turnOf(payload.turn_id), line)
        return
      case 'user_message':
        if (typeof payload.message !== 'string') addUnknown('user_message without a message', current, line)
        return
      default: {
        const type = textOrNull(payload.type) ?? 'event_msg without a type'
        if (!KNOWN_EVENTS.has(type)) addUnknown(type, turnOf(payload.turn_id), line)
      }
    }
  }

  function addError(value: unknown, open: OpenTurn | undefined, line: LineContext): void {
    const error = readError(value)
    if (error) addNote('error', error.message, open, line)
  }

  function addResponseItem(payload: JsonObject, line: LineContext, open: OpenTurn | undefined): void {
    const made = readCall(payload, line.atMs)
    if (made) {
      book.addCall(made, open, line)
      return
    }
    const type = textOrNull(payload.type) ?? 'response_item without a type'
    if (type.endsWith('_output')) {
      const text = outputText(payload)
      if (book.addOutput(textOrNull(payload.call_id), text, line)) return
      // An output without a call is what a client gave to the model.
      if (payload.name === 'goal_objective') addNote('goalGoesOn', text, open, line)
      else addNote('context', [textOrNull(payload.name), text].filter(Boolean).join(': '), open, line)
      return
    }
    switch (type) {
      case 'message':
        addMessage(payload, line, open)
        return
      case 'agent_message':
        addNote('agentMessage', agentWords(payload), open, line)
        return
      case 'reasoning':
      case 'compaction':
      case 'compaction_summary':
      case 'ghost_snapshot':
        return
      default:
        addUnknown(type, open, line)
    }
  }

  function addMessage(payload: JsonObject, line: LineContext, open: OpenTurn | undefined): void {
    if (!book.keepsWords) return
    const role = textOrNull(payload.role) ?? ''
    const parts = readParts(payload.content).map((part) => textOrNull(part.text) ?? '')
    for (const text of parts) {
      if (text.trim() === '') continue
      const known = findMessageHead(text)
      if (known) {
        if (known[1] !== null) addNote(known[1], text, open, line)
        continue
      }
      if (role === 'developer') addNote('hookContext', text, open, line)
      else unsaid.push({ text, open, line, role })
    }
  }

  function addAnswer(payload: JsonObject, open: OpenTurn | undefined, line: LineContext): void {
    for (const { question, answer } of readParts(payload.questions))
      addNote('answer', `${textOrNull(question) ?? ''} -> ${textOrNull(answer) ?? ''}`, open, line)
  }

  /** What was put into the history without being said: messages that no item repeats. */
  function finish(turns: readonly OpenTurn[]) {
    const reviews = new Set(book.keepsWords ? turns.flatMap(reviewsOf) : [])
    for (const { text, open, line, role } of unsaid)
      if (!saysSame(open, text) && !reviews.has(text) && !summaries.some((summary) => summary.includes(text)))
        addNote('injected', `${role}: ${text}`, open, line)
    return { usage, responses, threadUsage, threadResponses, unknownTypes: Object.fromEntries(unknownTypes) }
  }

  return { addLine, finish }
}

function agentWords(payload: JsonObject): string {
  const content =
    typeof payload.content === 'string' ? payload.content : joinText(readParts(payload.content), 'input_text')
  const recipients = [textOrNull(payload.recipient), ...textsOf(payload.other_recipients)].filter(Boolean)
  return `${textOrNull(payload.author) ?? ''} -> ${recipients.join(', ')}: ${content}`
}

function hasItem({ item }: JsonObject): boolean {
  return isObject(item) && typeof item.type === 'string' && typeof item.id === 'string'
}
