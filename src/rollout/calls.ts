import type { Refusal, ToolCall } from '../model/turn.js'
import { joinArguments } from './shell-words.js'
import {
  isObject,
  type JsonObject,
  joinText,
  numberOrNull,
  readParts,
  textOrNull,
  textsOf,
} from './values.js'

/** Line types of a call, with the tool where the line does not name one. */
const CALL_TYPES: Record<string, string | null> = {
  function_call: null,
  custom_tool_call: null,
  local_shell_call: 'local_shell',
  web_search_call: 'web_search',
  tool_search_call: 'tool_search',
  image_generation_call: 'image_generation',
}

/** Calls that are over when they are written: no output line follows. */
export const CALLS_WITHOUT_OUTPUT: ReadonlySet<string> = new Set(['web_search', 'image_generation'])

export interface CallLine {
  call: ToolCall
  /** The turn that the line names, from 0.145. */
  turnId: string | null
}

/** The call of a `response_item`, unanswered; `undefined` when it is none. */
export function readCall(payload: JsonObject, atMs: number | null): CallLine | undefined {
  const type = textOrNull(payload.type) ?? ''
  const known = CALL_TYPES[type]
  if (known === undefined) return undefined
  const tool = known ?? textOrNull(payload.name) ?? type
  const text = argumentsOf(payload)
  const fields = parseObject(text)
  return {
    turnId: turnIdOf(payload),
    call: {
      id: textOrNull(payload.call_id) ?? (known === null ? null : textOrNull(payload.id)),
      tool,
      namespace: textOrNull(payload.namespace),
      arguments: text,
      command: commandOf(tool, payload, fields),
      state: CALLS_WITHOUT_OUTPUT.has(tool) ? 'answered' : 'unanswered',
      startedAtMs: atMs,
      endedAtMs: null,
      durationMs: null,
      exitCode: null,
      sessionId: tool === 'write_stdin' ? sessionOf(fields.session_id) : null,
      output: null,
      isEscalated:
        fields.sandbox_permissions === 'require_escalated' || fields.with_escalated_permissions === true,
      justification: textOrNull(fields.justification),
    },
  }
}

export function turnIdOf(payload: JsonObject): string | null {
  const passthrough = payload.internal_chat_message_metadata_passthrough
  return isObject(passthrough) ? textOrNull(passthrough.turn_id) : null
}

function argumentsOf(payload: JsonObject): string {
  const given = payload.arguments ?? payload.input ?? payload.action ?? payload.revised_prompt
  return typeof given === 'string' ? given.toWellFormed() : given === undefined ? '' : JSON.stringify(given)
}

function parseObject(text: string): JsonObject {
  if (!text.startsWith('{')) return {}
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    // The model wrote it, so it need not be JSON; the text is kept as it is.
    return {}
  }
}

function commandOf(tool: string, payload: JsonObject, fields: JsonObject): string | null {
  const given =
    tool === 'exec_command'
      ? fields.cmd
      : tool === 'local_shell' && isObject(payload.action)
        ? payload.action.command
        : tool === 'shell_command' || tool === 'shell'
          ? fields.command
          : undefined
  return Array.isArray(given) ? joinArguments(textsOf(given)) : textOrNull(given)
}

function sessionOf(value: unknown): string | null {
  return typeof value === 'number' || typeof value === 'string' ? String(value) : null
}

/** The text that the model got, whatever form it has in the line. */
export function outputText(payload: JsonObject): string {
  const { output } = payload
  if (typeof output === 'string') return output.toWellFormed()
  if (Array.isArray(output)) return joinText(readParts(output), 'input_text')
  if (isObject(output)) return textOrNull(output.content) ?? JSON.stringify(output)
  if (Array.isArray(payload.tools))
    return `${payload.tools.length} tool${payload.tools.length === 1 ? '' : 's'} found`
  return ''
}

interface OutputFacts {
  exitCode: number | null
  /** Wall time as the text tells it. */
  durationMs: number | null
  sessionId: string | null
  isAborted: boolean
  /** What the text gives as the output of the tool itself. */
  body: string
}

const WALL_TIME = /^Wall time: ([\d.]+) seconds\n/
const EXIT_FIRST =
  /^Exit code: (-?\d+)\nWall time: ([\d.]+) seconds\n(?:Total output lines: \d+\n)?Output:\n([\s\S]*)$/
const UNIFIED =
  /^(?:Command: [^\n]*\n)?(?:Chunk ID: [^\n]*\n)?Wall time: ([\d.]+) seconds\nProcess (?:exited with code (-?\d+)|running with session ID (\S+))\n(?:Original token count: \d+\n)?Output:\n([\s\S]*)$/

/** What the text of an output tells besides the output. */
export function readOutput(text: string): OutputFacts {
  const none: OutputFacts = {
    exitCode: null,
    durationMs: null,
    sessionId: null,
    isAborted: false,
    body: text,
  }
  const unified = UNIFIED.exec(text)
  if (unified)
    return {
      ...none,
      durationMs: seconds(unified[1]!),
      exitCode: unified[2] === undefined ? null : Number(unified[2]),
      sessionId: unified[3] ?? null,
      body: unified[4]!,
    }
  const exitFirst = EXIT_FIRST.exec(text)
  if (exitFirst)
    return {
      ...none,
      exitCode: Number(exitFirst[1]),
      durationMs: seconds(exitFirst[2]!),
      body: exitFirst[3]!,
    }
  const aborted = /^aborted by user after ([\d.]+) ?s/.exec(text)
  if (aborted) return { ...none, durationMs: seconds(aborted[1]!), isAborted: true }
  const wall = WALL_TIME.exec(text)
  if (wall) {
    const rest = text.slice(wall[0].length)
    const durationMs = seconds(wall[1]!)
    if (rest.startsWith('aborted by user')) return { ...none, durationMs, isAborted: true }
    const body = rest.replace(/^Output:\n/, '')
    const inner = EXIT_FIRST.exec(body)
    return inner
      ? { ...none, durationMs, exitCode: Number(inner[1]), body: inner[3]! }
      : { ...none, durationMs, body }
  }
  if (text.startsWith('{"output":')) {
    const { output, metadata } = parseObject(text)
    if (isObject(metadata)) {
      const durationSeconds = numberOrNull(metadata.duration_seconds)
      return {
        ...none,
        exitCode: numberOrNull(metadata.exit_code),
        durationMs: durationSeconds === null ? null : Math.round(durationSeconds * 1000),
        body: textOrNull(output) ?? text,
      }
    }
  }
  return none
}

function seconds(text: string): number {
  return Math.round(Number(text) * 1000)
}

/** The call with its answer. */
export function answerCall(call: ToolCall, text: string, atMs: number | null): void {
  const facts = readOutput(text)
  call.output = text
  call.endedAtMs = atMs
  call.state = facts.isAborted ? 'aborted' : 'answered'
  call.exitCode = facts.exitCode
  call.sessionId = facts.sessionId ?? call.sessionId
  call.durationMs =
    facts.durationMs ??
    (atMs === null || call.startedAtMs === null ? null : Math.max(0, atMs - call.startedAtMs))
}

const AUTO_REVIEW =
  /This action was rejected due to unacceptable risk\.(?:\\+n|\n)Reason: ([\s\S]*?)(?:\\+n|\n)The agent must not/
const HOOK = /^Command blocked by PreToolUse hook: ([\s\S]*?)(?:\. Command: [\s\S]*)?$/
const POLICY = [
  /^approval policy is Never; reject command/,
  /^patch rejected: writing is blocked by read-only sandbox/,
  /^patch rejected: writing outside of the project/,
]
const USER = [
  /^exec_command failed[\s\S]*Rejected\(\\*"rejected by user/,
  /^exec command rejected by user/,
  /^patch rejected by user/,
  /user rejected MCP tool call/,
  /user cancelled MCP tool call/,
]
/** A tool that Codex refuses says so at once; an output may hold the same words further on. */
const REFUSAL_BYTES = 4096

/** Who refused a call, by the words that the model got; `null` when it was not refused. */
export function readRefusal(tool: string, text: string): Refusal | null {
  const head = readOutput(text.slice(0, REFUSAL_BYTES)).body
  if (tool === 'request_permissions') {
    const { permissions } = parseObject(text)
    const isRefused = isObject(permissions) && Object.values(permissions).every((granted) => granted === null)
    return isRefused ? { by: 'user', reason: null } : null
  }
  if (/^exec_command failed|^exec command/.test(head)) {
    const review = AUTO_REVIEW.exec(head)
    if (review) return { by: 'autoReview', reason: unescapeText(review[1]!) }
    if (/Sandbox\(Denied/.test(head)) return { by: 'sandbox', reason: null }
  } else {
    const review = AUTO_REVIEW.exec(head)
    if (review && head.startsWith('This action was rejected'))
      return { by: 'autoReview', reason: unescapeText(review[1]!) }
  }
  const hook = HOOK.exec(head)
  if (hook) return { by: 'hook', reason: hook[1]! }
  if (POLICY.some((words) => words.test(head))) return { by: 'policy', reason: head.split('\n')[0]! }
  // Of a tool that gives back what others said, only its own words count.
  const isOwnWord = head.length < 400
  if (USER.some((words) => words.test(head)) && (isOwnWord || head.startsWith('exec_command failed')))
    return { by: 'user', reason: null }
  return null
}

/** Words that were written as a string of Rust's, once or twice over. */
function unescapeText(text: string): string {
  return text.replace(/\\+(["'\\n])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}
