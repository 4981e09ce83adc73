import type { DynamicTool } from '../model/thread.js'
import { isUuid } from '../model/uuid.js'
import { isObject, type JsonObject, joinText, readParts, textOrNull } from './values.js'

/** What a `session_meta` line says; `null` where the line says nothing. */
export interface SessionMetaItem {
  kind: 'sessionMeta'
  /** Lower-case UUID. Not always the thread's: a fork carries the meta of the thread it came from. */
  id: string
  /** As written; see `parseTimestampMs`. */
  timestamp: string
  cwd: string
  originator: string
  cliVersion: string
  /** A word or an object, as written. */
  source: unknown
  modelProvider: string | null
  git: { sha: string | null; branch: string | null; originUrl: string | null } | null
  agentNickname: string | null
  agentRole: string | null
  agentPath: string | null
  threadSource: string | null
  historyMode: string | null
  /** The thread that this one reviews or works for. */
  parentThreadId: string | null
  /** The rollout goes on from another one, whose lines it does not repeat. */
  hasHistoryBase: boolean
  memoryMode: string | null
  creatorUserId: string | null
  creatorAccountId: string | null
  dynamicTools: readonly DynamicTool[]
}

/** Settings of a turn (`turn_context`). Policies are stored text: a word, or compact JSON. */
export interface TurnContextItem {
  kind: 'turnContext'
  cwd: string
  approvalPolicy: string
  sandboxPolicy: string
  permissionProfile: string | null
  model: string
  reasoningEffort: string | null
}

/** Settings of a thread (`thread_settings_applied`, from 0.145); `null` leaves a field as it is. */
export interface ThreadSettingsItem {
  kind: 'threadSettings'
  cwd: string | null
  approvalPolicy: string | null
  sandboxPolicy: string | null
  permissionProfile: string | null
  model: string | null
  modelProvider: string | null
  /** Here `null` is a value: no effort set. */
  reasoningEffort: string | null
}

/** The lines from which metadata is made, in one form for all eras. */
export type RolloutItem =
  | SessionMetaItem
  | TurnContextItem
  | ThreadSettingsItem
  | { kind: 'tokenCount'; totalTokens: number }
  /** `user_message`, or `item_completed` with a `UserMessage`. */
  | { kind: 'userMessage'; text: string; hasImages: boolean; hasAudio: boolean }
  /** A user-role `response_item` with text: what the model was sent, injected context included. */
  | { kind: 'responseMessage'; text: string }
  | { kind: 'threadGoal'; objective: string }
  | { kind: 'threadName'; name: string }
  /** What a thread was asked to do by another one (`create_thread`, `send_message_to_thread`). */
  | { kind: 'delegation'; text: string }

export interface MalformedLine {
  kind: 'malformed'
  /** 1-based, blank lines included. */
  lineNumber: number
  reason: string
  /** Codex refuses to resume a file with such a line. */
  isNotUtf8?: true
}

export type RolloutLine =
  | RolloutItem
  /** A sound line from which no metadata is made. */
  | { kind: 'ignored' }
  /** A sound envelope of a type that we do not know: not damage, most likely a newer Codex. */
  | { kind: 'unknown'; lineNumber: number; type: string }
  | MalformedLine

/** Known types without metadata in them. */
const IGNORED_TYPES: ReadonlySet<string> = new Set([
  'compacted',
  'inter_agent_communication',
  'inter_agent_communication_metadata',
  'realtime_item',
  'retained_context',
  'security_risk_score',
  'token_usage_record',
  'world_state',
])

const DELEGATING_NAMESPACES: ReadonlySet<unknown> = new Set(['codex_app', 'codex_tui'])
const DELEGATING_TOOLS: ReadonlySet<unknown> = new Set(['create_thread', 'send_message_to_thread'])

/** What Codex itself insists on: a line without one of these is skipped there, so it is malformed here. */
const REQUIRED_STRINGS = {
  session_meta: ['id', 'timestamp', 'cwd', 'originator', 'cli_version'],
  turn_context: ['cwd', 'model', 'summary'],
  user_message: ['message'],
} as const

/**
 * One line of a rollout, without its line feed.
 *
 * More is let through than Codex does: an unknown event type, an unknown field value, a lone surrogate (which
 * becomes U+FFFD, as SQLite would store it) and nesting deeper than Codex allows do not spoil a line.
 */
export function parseRolloutLine(text: string, lineNumber: number): RolloutLine {
  try {
    const result = readItem(JSON.parse(text))
    if (typeof result === 'string') return { kind: 'malformed', lineNumber, reason: result }
    return 'unknownType' in result ? { kind: 'unknown', lineNumber, type: result.unknownType } : result
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'malformed', lineNumber, reason: 'not JSON' }
    // JSON.stringify recurses where JSON.parse does not.
    if (error instanceof RangeError) return { kind: 'malformed', lineNumber, reason: 'nested too deeply' }
    throw error
  }
}

/**
 * Whether the beginning of a long line, in the key order that Codex writes, is enough to tell that it yields
 * nothing. `false` means "read it all", also for any other key order. A response item is passed over here even
 * where the rules of 0.93 would make a title of it.
 */
export function isIgnoredFromHead(head: string): boolean {
  const match =
    /^\{"timestamp":"[^"\\]*",(?:"ordinal":\d+,)?"type":"(\w+)","payload":\{(?:"type":"(\w+)",)?/.exec(head)
  if (match === null) return false
  const [whole, type, innerType] = match
  if (type === 'response_item' || IGNORED_TYPES.has(type!)) return true
  if (type !== 'event_msg' || innerType === undefined) return false
  if (innerType !== 'item_completed') return !Object.hasOwn(EVENT_READERS, innerType)
  const item = /^"thread_id":"[^"\\]*","turn_id":"[^"\\]*","item":\{"type":"(\w+)"/.exec(
    head.slice(whole.length),
  )
  return item !== null && !Object.hasOwn(ITEM_READERS, item[1]!)
}

/** A line of a rollout as every reader needs it first. */
export interface RolloutEnvelope {
  /** As written; see `parseTimestampMs`. */
  timestamp: string
  /** Counts the lines of a paginated rollout; `null` in a legacy one. */
  ordinal: number | null
  type: string
  payload: JsonObject
}

/**
 * One line of a rollout, without its line feed, as far as its envelope; in a string, what is wrong with it.
 */
export function parseEnvelope(text: string): RolloutEnvelope | string {
  try {
    return readEnvelope(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return 'not JSON'
    throw error
  }
}

function readEnvelope(line: unknown): RolloutEnvelope | string {
  if (!isObject(line)) return 'not an object'
  const { timestamp, ordinal, type, payload } = line
  if (typeof timestamp !== 'string') return 'no timestamp'
  if (typeof type !== 'string') return 'no type'
  if (!isObject(payload)) return 'no payload'
  return { timestamp, ordinal: Number.isSafeInteger(ordinal) ? (ordinal as number) : null, type, payload }
}

/** The item, or in a string what is wrong with the line. */
function readItem(line: unknown): RolloutItem | { kind: 'ignored' } | { unknownType: string } | string {
  const envelope = readEnvelope(line)
  if (typeof envelope === 'string') return envelope
  const { type, payload } = envelope
  switch (type) {
    case 'session_meta':
      return readSessionMeta(payload)
    case 'turn_context':
      return readTurnContext(payload)
    case 'event_msg':
      return readEvent(payload)
    case 'response_item':
      return readResponseItem(payload)
    default:
      return IGNORED_TYPES.has(type) ? IGNORED : { unknownType: type.toWellFormed() }
  }
}

const IGNORED = { kind: 'ignored' } as const

function readSessionMeta(payload: JsonObject): SessionMetaItem | string {
  const missing = findMissing('session_meta', payload)
  if (missing) return missing
  const id = text(payload.id)
  if (!isUuid(id)) return 'session_meta whose id is not a UUID'
  const git = isObject(payload.git) ? payload.git : null
  return {
    kind: 'sessionMeta',
    id: id.toLowerCase(),
    timestamp: text(payload.timestamp),
    cwd: text(payload.cwd),
    originator: text(payload.originator),
    cliVersion: text(payload.cli_version),
    source: readSource(payload.source),
    modelProvider: textOrNull(payload.model_provider),
    git: git && {
      sha: textOrNull(git.commit_hash),
      branch: textOrNull(git.branch),
      originUrl: textOrNull(git.repository_url),
    },
    agentNickname: textOrNull(payload.agent_nickname),
    // `agent_type` is the older spelling.
    agentRole: textOrNull(payload.agent_role ?? payload.agent_type),
    agentPath: textOrNull(payload.agent_path),
    threadSource: textOrNull(payload.thread_source),
    historyMode: textOrNull(payload.history_mode),
    parentThreadId: textOrNull(payload.parent_thread_id)?.toLowerCase() ?? null,
    hasHistoryBase: isObject(payload.history_base),
    memoryMode: textOrNull(payload.memory_mode),
    creatorUserId: textOrNull(payload.creator_user_id),
    creatorAccountId: textOrNull(payload.creator_account_id),
    dynamicTools: readDynamicTools(payload.dynamic_tools),
  }
}

function readSource(source: unknown): unknown {
  if (typeof source === 'string') return text(source)
  // Written again by whoever stores it; what cannot be is found out here, where it is the line's fault.
  jsonText(source)
  return source ?? null
}

/** Entries of a form that has no name or schema are left out. */
function readDynamicTools(value: unknown): DynamicTool[] {
  return listTools(value).map(({ tool, namespace }, position) => ({
    position,
    name: text(tool.name),
    description: textOrNull(tool.description) ?? '',
    inputSchema: jsonText(tool.inputSchema),
    deferLoading: tool.deferLoading === true,
    namespace,
  }))
}

/** Since 0.145 tools can stand in groups: `{"type":"namespace","name":…,"tools":[…]}`. */
function listTools(value: unknown): { tool: JsonObject; namespace: string | null }[] {
  if (!Array.isArray(value)) return []
  return value.filter(isObject).flatMap((entry) => {
    if (typeof entry.name !== 'string') return []
    if ('inputSchema' in entry) return [{ tool: entry, namespace: textOrNull(entry.namespace) }]
    if (entry.type !== 'namespace' || !Array.isArray(entry.tools)) return []
    const namespace = text(entry.name)
    return entry.tools
      .filter(isObject)
      .filter((tool) => typeof tool.name === 'string' && 'inputSchema' in tool)
      .map((tool) => ({ tool, namespace }))
  })
}

function readTurnContext(payload: JsonObject): TurnContextItem | string {
  const missing = findMissing('turn_context', payload)
  if (missing) return missing
  const approvalPolicy = wordOrJson(payload.approval_policy)
  if (approvalPolicy === null) return 'turn_context without approval_policy'
  if (!isObject(payload.sandbox_policy)) return 'turn_context without sandbox_policy'
  return {
    kind: 'turnContext',
    cwd: text(payload.cwd),
    approvalPolicy,
    sandboxPolicy: jsonText(payload.sandbox_policy),
    permissionProfile: isObject(payload.permission_profile) ? jsonText(payload.permission_profile) : null,
    model: text(payload.model),
    reasoningEffort: textOrNull(payload.effort),
  }
}

type Read = RolloutItem | { kind: 'ignored' } | string

function readEvent(payload: JsonObject): Read {
  if (typeof payload.type !== 'string') return 'event_msg without type'
  return Object.hasOwn(EVENT_READERS, payload.type) ? EVENT_READERS[payload.type]!(payload) : IGNORED
}

/** The events that say something, and how they are read: of all others a long line is passed over unread. */
const EVENT_READERS: Readonly<Record<string, (payload: JsonObject) => Read>> = {
  item_completed: (payload) => readCompletedItem(payload.item),
  thread_goal_updated: ({ goal }) =>
    isObject(goal) && typeof goal.objective === 'string'
      ? { kind: 'threadGoal', objective: text(goal.objective) }
      : 'thread_goal_updated without objective',
  thread_name_updated: (payload) =>
    typeof payload.thread_name === 'string'
      ? { kind: 'threadName', name: text(payload.thread_name) }
      : IGNORED,
  thread_settings_applied: (payload) => readThreadSettings(payload.thread_settings),
  token_count({ info }) {
    if (info === null || info === undefined) return IGNORED
    const usage = isObject(info) ? info.total_token_usage : null
    const totalTokens = isObject(usage) ? usage.total_tokens : null
    if (!Number.isSafeInteger(totalTokens)) return 'token_count without total_tokens'
    return { kind: 'tokenCount', totalTokens: Math.max(0, totalTokens as number) }
  },
  user_message: (payload) =>
    findMissing('user_message', payload) ?? {
      kind: 'userMessage',
      text: text(payload.message),
      hasImages: hasEntries(payload.images) || hasEntries(payload.local_images),
      hasAudio: hasEntries(payload.audio) || hasEntries(payload.local_audio),
    },
}

function readThreadSettings(settings: unknown): ThreadSettingsItem | string {
  if (!isObject(settings)) return 'thread_settings_applied without thread_settings'
  return {
    kind: 'threadSettings',
    cwd: textOrNull(settings.cwd),
    approvalPolicy: wordOrJson(settings.approval_policy),
    sandboxPolicy: isObject(settings.sandbox_policy) ? jsonText(settings.sandbox_policy) : null,
    permissionProfile: isObject(settings.permission_profile) ? jsonText(settings.permission_profile) : null,
    model: textOrNull(settings.model),
    modelProvider: textOrNull(settings.model_provider_id),
    reasoningEffort: textOrNull(settings.reasoning_effort),
  }
}

function readCompletedItem(item: unknown): Read {
  if (!isObject(item) || typeof item.type !== 'string') return 'item_completed without item'
  return Object.hasOwn(ITEM_READERS, item.type) ? ITEM_READERS[item.type]!(item) : IGNORED
}

/** The same for completed items. */
const ITEM_READERS: Readonly<Record<string, (item: JsonObject) => Read>> = {
  FunctionCallOutput({ namespace, name, output }) {
    if (!DELEGATING_NAMESPACES.has(namespace) || !DELEGATING_TOOLS.has(name)) return IGNORED
    return {
      kind: 'delegation',
      text: typeof output === 'string' ? text(output) : joinText(readParts(output), 'input_text'),
    }
  },
  UserMessage(item) {
    const parts = readParts(item.content)
    return {
      kind: 'userMessage',
      text: joinText(parts, 'text'),
      hasImages: parts.some((part) => part.type === 'image' || part.type === 'local_image'),
      hasAudio: parts.some((part) => part.type === 'audio' || part.type === 'local_audio'),
    }
  },
}

function readResponseItem(payload: JsonObject): RolloutItem | { kind: 'ignored' } | string {
  if (typeof payload.type !== 'string') return 'response_item without type'
  if (payload.type !== 'message' || payload.role !== 'user') return IGNORED
  const parts = readParts(payload.content)
  return { kind: 'responseMessage', text: joinText(parts, 'input_text') }
}

function findMissing(name: keyof typeof REQUIRED_STRINGS, payload: JsonObject): string | undefined {
  const key = REQUIRED_STRINGS[name].find((required) => typeof payload[required] !== 'string')
  return key && `${name} without ${key}`
}

function hasEntries(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}

function text(value: unknown): string {
  return (value as string).toWellFormed()
}

function wordOrJson(value: unknown): string | null {
  return isObject(value) ? jsonText(value) : textOrNull(value)
}

/** Compact, keys in the order of the line. */
function jsonText(value: unknown): string {
  return JSON.stringify(value)
}
