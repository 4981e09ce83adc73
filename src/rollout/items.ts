import { fileURLToPath } from 'node:url'
import type { FileUpdate, ThreadItem, UserInput } from '../model/turn.js'
import { readFragments } from './hook-prompt.js'
import { enteredReview, exitedReview } from './review-text.js'
import { joinArguments } from './shell-words.js'
import {
  camelCase,
  isObject,
  type JsonObject,
  numberOrNull,
  readParts,
  textOrNull,
  textsOf,
} from './values.js'

/** What `item_completed` says, as Codex tells it; `undefined` where it has no type or no id. */
export function readCompletedItem(event: JsonObject): ThreadItem | undefined {
  const { item } = event
  if (!isObject(item) || typeof item.type !== 'string' || typeof item.id !== 'string') return undefined
  const told = toItem(item.type, item.id, item)
  return {
    ...told,
    startedAtMs: numberOrNull(event.started_at_ms),
    completedAtMs: numberOrNull(event.completed_at_ms),
  }
}

function toItem(type: string, id: string, item: JsonObject): ThreadItem {
  switch (type) {
    case 'UserMessage':
      return {
        type: 'userMessage',
        id,
        clientId: textOrNull(item.client_id),
        content: readParts(item.content).map(readUserInput),
      }
    case 'AgentMessage':
      return agentMessage(id, textOfParts(item.content), item)
    case 'Reasoning':
      return {
        type: 'reasoning',
        id,
        summary: textsOf(item.summary_text),
        content: textsOf(item.raw_content),
      }
    case 'CommandExecution':
      return commandExecution(id, item)
    case 'FileChange':
      return fileChange(id, item)
    case 'McpToolCall': {
      const isError = isObject(item.result) && item.result.isError === true
      return mcpToolCall(id, item, {
        status: camelCase(textOrNull(item.status) ?? (isError ? 'failed' : 'completed')),
        result: item.result,
        error: isObject(item.error) ? textOrNull(item.error.message) : null,
        readOnlyHint: item.readOnlyHint,
      })
    }
    case 'DynamicToolCall':
      return dynamicToolCall(id, item)
    case 'CollabAgentToolCall':
      return {
        type: 'collabAgentToolCall',
        id,
        tool: camelCase(textOrNull(item.tool) ?? ''),
        status: camelCase(textOrNull(item.status) ?? ''),
        senderThreadId: textOrNull(item.sender_thread_id) ?? '',
        receiverThreadIds: textsOf(item.receiver_thread_ids),
        prompt: textOrNull(item.prompt),
        model: textOrNull(item.model),
        reasoningEffort: textOrNull(item.reasoning_effort),
        agentsStates: readAgentsStates(item.agents_states),
      }
    case 'SubAgentActivity':
      return subAgentActivity(id, item)
    case 'WebSearch':
      return webSearch(id, item)
    case 'Plan':
      return { type: 'plan', id, text: textOrNull(item.text) ?? '' }
    case 'ImageView':
      return { type: 'imageView', id, path: pathOf(item.path) }
    case 'ImageGeneration':
      return imageGeneration(id, item)
    case 'ContextCompaction':
      return { type: 'contextCompaction', id }
    case 'EnteredReviewMode':
      return { type: 'enteredReviewMode', id, review: enteredReview(item) }
    case 'ExitedReviewMode':
      return { type: 'exitedReviewMode', id, review: exitedReview(item.review_output) }
    case 'HookPrompt':
      return { type: 'hookPrompt', id, fragments: readFragments(item.fragments) }
    case 'FunctionCallOutput':
      return {
        type: 'functionCallOutput',
        id,
        name: textOrNull(item.name) ?? '',
        namespace: textOrNull(item.namespace),
        output: item.output ?? null,
      }
    default: {
      const { type: _type, id: _id, ...fields } = item
      return { type: 'other', id, kind: camelCase(type), fields }
    }
  }
}

/** `user_message` of a legacy rollout. */
export function userMessage(id: string, event: JsonObject): ThreadItem {
  const message = textOrNull(event.message) ?? ''
  const content: UserInput[] = []
  if (message.trim() !== '')
    content.push({
      type: 'text',
      text: message,
      text_elements: readTextElements(event.text_elements),
    })
  for (const url of textsOf(event.images)) content.push({ type: 'image', url })
  for (const path of textsOf(event.local_images)) content.push({ type: 'localImage', path })
  for (const url of textsOf(event.audio)) content.push({ type: 'audio', url })
  for (const path of textsOf(event.local_audio)) content.push({ type: 'localAudio', path })
  return { type: 'userMessage', id, clientId: textOrNull(event.client_id), content }
}

/** Whatever its parts are called. */
function textOfParts(content: unknown): string {
  return textOrNull(content) ?? textsOf(readParts(content).map(({ text }) => text)).join('')
}

function readUserInput(part: JsonObject): UserInput {
  switch (part.type) {
    case 'text':
      return {
        type: 'text',
        text: textOrNull(part.text) ?? '',
        text_elements: readTextElements(part.text_elements),
      }
    case 'image':
      return { type: 'image', url: textOrNull(part.image_url ?? part.url) ?? '' }
    case 'local_image':
      return { type: 'localImage', path: pathOf(part.path) }
    case 'skill':
    case 'mention':
      return { type: part.type, name: textOrNull(part.name) ?? '', path: textOrNull(part.path) ?? '' }
    default:
      return { ...part, type: camelCase(textOrNull(part.type) ?? '') }
  }
}

/** Places in a text that stand for something else; their keys are written in the other style. */
function readTextElements(value: unknown): unknown[] {
  return readParts(value).map(({ byte_range, ...element }) =>
    byte_range === undefined ? element : { byteRange: byte_range, ...element },
  )
}

export function agentMessage(id: string, text: string, line: JsonObject): ThreadItem {
  return {
    type: 'agentMessage',
    id,
    text,
    phase: textOrNull(line.phase),
    memoryCitation: readCitation(line.memory_citation),
    delivery: textOrNull(line.delivery),
    questions: line.questions ?? null,
    moderation: line.moderation ?? null,
  }
}

function readCitation(value: unknown): unknown {
  if (!isObject(value)) return null
  const entries = readParts(value.entries).map((entry) => ({
    path: textOrNull(entry.path) ?? '',
    lineStart: entry.lineStart ?? entry.line_start ?? null,
    lineEnd: entry.lineEnd ?? entry.line_end ?? null,
    note: textOrNull(entry.note) ?? '',
  }))
  return { entries, threadIds: textsOf(value.threadIds ?? value.thread_ids ?? value.rolloutIds) }
}

/** `exec_command_end` has the same fields. */
export function commandExecution(id: string, item: JsonObject): ThreadItem {
  const cwd = pathOf(item.cwd)
  return {
    type: 'commandExecution',
    id,
    command: textOrNull(item.command) ?? joinArguments(textsOf(item.command)),
    cwd,
    processId: textOrNull(item.process_id),
    source: camelCase(textOrNull(item.source) ?? 'agent'),
    status: camelCase(textOrNull(item.status) ?? 'completed'),
    commandActions: readParts(item.parsed_cmd).map(readAction),
    aggregatedOutput: textOrNull(item.aggregated_output) || null,
    exitCode: numberOrNull(item.exit_code),
    durationMs: durationMs(item.duration),
    pluginId: textOrNull(item.plugin_id),
    scriptPath: textOrNull(item.script_path),
  }

  function readAction(action: JsonObject): unknown {
    const command = textOrNull(action.cmd) ?? ''
    const path = textOrNull(action.path)
    switch (action.type) {
      case 'read':
        return { type: 'read', command, name: textOrNull(action.name) ?? '', path: absolutePath(cwd, path) }
      case 'list_files':
        return { type: 'listFiles', command, path }
      case 'search':
        return { type: 'search', command, query: textOrNull(action.query), path }
      default:
        return { type: camelCase(textOrNull(action.type) ?? 'unknown'), command }
    }
  }
}

/** A path of the machine that wrote the rollout, so not by the rules of this one. */
function absolutePath(cwd: string, path: string | null): string | null {
  if (path === null || /^([/\\]|[A-Za-z]:[/\\])/.test(path)) return path
  const separator = cwd.includes('\\') && !cwd.includes('/') ? '\\' : '/'
  const parts = cwd.split(separator)
  for (const part of path.split(/[/\\]/)) {
    if (part === '..') parts.pop()
    else if (part !== '.' && part !== '') parts.push(part)
  }
  return parts.join(separator)
}

/** `patch_apply_end` has the same fields. */
export function fileChange(id: string, item: JsonObject): ThreadItem {
  const changes = isObject(item.changes) ? item.changes : {}
  return {
    type: 'fileChange',
    id,
    changes: Object.keys(changes)
      .sort()
      .map((path) => readFileUpdate(path, changes[path])),
    status: camelCase(textOrNull(item.status) ?? (item.success === false ? 'failed' : 'completed')),
  }
}

function readFileUpdate(path: string, value: unknown): FileUpdate {
  const change = isObject(value) ? value : {}
  if (change.type !== 'update') {
    return {
      path,
      kind: { type: change.type === 'delete' ? 'delete' : 'add' },
      diff: textOrNull(change.content) ?? '',
    }
  }
  const movePath = textOrNull(change.move_path)
  const diff = textOrNull(change.unified_diff) ?? ''
  return {
    path,
    kind: { type: 'update', move_path: movePath },
    diff: movePath === null ? diff : `${diff}\n\nMoved to: ${movePath}`,
  }
}

interface McpResult {
  status: string
  result: unknown
  error: string | null
  readOnlyHint: unknown
}

function mcpToolCall(
  id: string,
  call: JsonObject,
  { status, result, error, readOnlyHint }: McpResult,
): ThreadItem {
  return {
    type: 'mcpToolCall',
    id,
    server: textOrNull(call.server) ?? '',
    tool: textOrNull(call.tool) ?? '',
    status,
    arguments: call.arguments ?? null,
    readOnlyHint: typeof readOnlyHint === 'boolean' ? readOnlyHint : null,
    result: isObject(result)
      ? {
          content: result.content ?? [],
          structuredContent: result.structuredContent ?? result.structured_content ?? null,
          _meta: result._meta ?? result.meta ?? null,
        }
      : null,
    error: error === null ? null : { message: error },
    durationMs: durationMs(call.duration),
    appContext: call.app_context ?? call.appContext ?? null,
    mcpAppUi: call.mcp_app_ui ?? call.mcpAppUi ?? null,
    pluginId: textOrNull(call.plugin_id ?? call.pluginId),
  }
}

/** `mcp_tool_call_end` of a legacy rollout. */
export function mcpToolCallEnd(id: string, event: JsonObject): ThreadItem {
  const invocation = isObject(event.invocation) ? event.invocation : {}
  const outcome = isObject(event.result) ? event.result : {}
  const error = textOrNull(outcome.Err)
  const isFailed = error !== null || (isObject(outcome.Ok) && outcome.Ok.isError === true)
  return mcpToolCall(
    id,
    { ...invocation, duration: event.duration, plugin_id: event.plugin_id },
    {
      status: isFailed ? 'failed' : 'completed',
      result: outcome.Ok,
      error,
      readOnlyHint: event.read_only_hint,
    },
  )
}

/** `dynamic_tool_call_response` has the same fields but for the status. */
export function dynamicToolCall(id: string, item: JsonObject): ThreadItem {
  const success = typeof item.success === 'boolean' ? item.success : null
  return {
    type: 'dynamicToolCall',
    id,
    namespace: textOrNull(item.namespace),
    tool: textOrNull(item.tool) ?? '',
    arguments: item.arguments ?? null,
    status: camelCase(textOrNull(item.status) ?? (success === false ? 'failed' : 'completed')),
    contentItems: item.content_items ?? null,
    success,
    durationMs: durationMs(item.duration),
  }
}

/** `sub_agent_activity` has the same fields. */
export function subAgentActivity(id: string, item: JsonObject): ThreadItem {
  return {
    type: 'subAgentActivity',
    id,
    kind: camelCase(textOrNull(item.kind) ?? ''),
    agentThreadId: textOrNull(item.agent_thread_id) ?? '',
    agentPath: textOrNull(item.agent_path) ?? '',
    model: textOrNull(item.model),
    reasoningEffort: textOrNull(item.reasoning_effort),
  }
}

/** `web_search_end` has the same fields. */
export function webSearch(id: string, item: JsonObject): ThreadItem {
  return {
    type: 'webSearch',
    id,
    query: textOrNull(item.query) ?? '',
    action: readWebAction(item.action),
    results: item.results ?? null,
  }
}

function readWebAction(action: unknown): unknown {
  if (!isObject(action)) return null
  switch (action.type) {
    case 'search':
      return { type: 'search', query: textOrNull(action.query), queries: action.queries ?? null }
    case 'open_page':
      return { type: 'openPage', url: textOrNull(action.url) }
    case 'find_in_page':
      return { type: 'findInPage', url: textOrNull(action.url), pattern: textOrNull(action.pattern) }
    default:
      return { type: 'other' }
  }
}

/** `image_generation_end` has the same fields. */
export function imageGeneration(id: string, item: JsonObject): ThreadItem {
  const savedPath = textOrNull(item.saved_path)
  return {
    type: 'imageGeneration',
    id,
    status: textOrNull(item.status) ?? '',
    revisedPrompt: textOrNull(item.revised_prompt),
    result: textOrNull(item.result) ?? '',
    ...(savedPath === null ? {} : { savedPath }),
  }
}

/** One of the `collab_…_end` lines that 0.120 to 0.128 wrote on request. */
export function collabCall(id: string, event: JsonObject): ThreadItem | undefined {
  const tool = COLLAB_TOOLS[textOrNull(event.type) ?? '']
  if (tool === undefined) return undefined
  const receiver = textOrNull(event.new_thread_id ?? event.receiver_thread_id)
  const states = readAgentsStates(
    isObject(event.statuses) ? event.statuses : receiver === null ? {} : { [receiver]: event.status },
  )
  const hasFailed =
    (tool === 'spawnAgent' && receiver === null) ||
    Object.values(states).some(({ status }) => status === 'errored' || status === 'notFound')
  return {
    type: 'collabAgentToolCall',
    id,
    tool,
    status: hasFailed ? 'failed' : 'completed',
    senderThreadId: textOrNull(event.sender_thread_id) ?? '',
    receiverThreadIds: receiver === null ? Object.keys(states).sort() : [receiver],
    prompt: textOrNull(event.prompt),
    model: textOrNull(event.model),
    reasoningEffort: textOrNull(event.reasoning_effort),
    agentsStates: states,
  }
}

const COLLAB_TOOLS: Record<string, string> = {
  collab_agent_spawn_end: 'spawnAgent',
  collab_agent_interaction_end: 'sendInput',
  collab_waiting_end: 'wait',
  collab_close_end: 'closeAgent',
  collab_resume_end: 'resumeAgent',
}

/** What an automatic reviewer said of a command, in rollouts that 0.120 to 0.128 wrote on request. */
export function guardianAssessment(id: string, event: JsonObject): ThreadItem | undefined {
  const action = isObject(event.action) ? event.action : {}
  const status = GUARDIAN_STATUSES[textOrNull(event.status) ?? '']
  if (status === undefined || typeof action.command !== 'string') return undefined
  return {
    type: 'commandExecution',
    id,
    command: action.command,
    cwd: pathOf(action.cwd),
    processId: null,
    source: 'agent',
    status,
    commandActions: [{ type: 'unknown', command: action.command }],
    aggregatedOutput: null,
    exitCode: null,
    durationMs: null,
    pluginId: null,
    scriptPath: null,
  }
}

/** An approved command goes on and has an item of its own. */
const GUARDIAN_STATUSES: Record<string, string> = {
  in_progress: 'inProgress',
  denied: 'declined',
  aborted: 'declined',
}

function readAgentsStates(value: unknown): Record<string, { status: string; message: string | null }> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).map(([threadId, state]) => {
      if (typeof state === 'string') return [threadId, { status: camelCase(state), message: null }]
      const [word, message] = isObject(state) ? (Object.entries(state)[0] ?? []) : []
      return [threadId, { status: camelCase(word ?? ''), message: textOrNull(message) }]
    }),
  )
}

/** Both forms that a path has had: itself, and a `file:` URL. */
function pathOf(value: unknown): string {
  const path = textOrNull(value) ?? ''
  if (!path.startsWith('file://')) return path
  try {
    // A drive letter is a path of Windows, whatever system this is.
    return fileURLToPath(path, { windows: /^file:\/\/\/[A-Za-z]:/.test(path) })
  } catch {
    return path
  }
}

function durationMs(value: unknown): number | null {
  if (!isObject(value) || typeof value.secs !== 'number') return null
  return value.secs * 1000 + Math.floor(Number(value.nanos ?? 0) / 1_000_000)
}
