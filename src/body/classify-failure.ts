import type { StoredLogRow } from '../model/log.js'
import {
  type FailureName,
  MCP_CALL_TEXTS,
  MCP_START_TEXTS,
  ROW_RULES,
  type RowRule,
  type TextRule,
  TOOL_TEXTS,
  TURN_TEXTS,
} from './failures.js'
import { readField } from './meanings.js'
import type { ParsedBody } from './parse.js'

/** What one row says went wrong. */
export interface RowFailure {
  name: FailureName
  /** The end of a turn, one attempt of a request, or something by itself. */
  kind: 'turn' | 'attempt' | 'other'
  /** What the row says of the cause; `''` when it says nothing. */
  text: string
  /** The name is the likeliest one: other rows may know better (find-failures.ts). */
  isGuess: boolean
}

export const TURN_ERROR = 'Turn error: '
const RETRY = 'stream disconnected - retrying sampling request ('
/** A statement that took this long waited for a lock: SQLite gives up after 5 seconds here. */
const LOCK_SECONDS = 4

/** Whether and how a row tells of a failure, whatever its level: a failed turn is INFO in every release. */
export function classifyFailure(
  row: Pick<StoredLogRow, 'level' | 'target'>,
  parsed: ParsedBody,
): RowFailure | undefined {
  // A table can lack the columns: without a level, only what else there is tells.
  const level = row.level ?? undefined
  const target = row.target ?? ''
  const message = parsed.message ?? ''
  if (target.startsWith('codex_core::')) {
    if (message.startsWith(TURN_ERROR)) {
      const text = message.slice(TURN_ERROR.length)
      const name = firstMatch(END_TEXTS, text)
      return { name: name ?? 'turn-failed', kind: 'turn', text, isGuess: false }
    }
    if (message.startsWith(RETRY)) {
      const text = readField(parsed, 'sampling_error') ?? ''
      const name = text === '' ? undefined : readAttemptText(text)
      return { name: name ?? 'stream-cut', kind: 'attempt', text, isGuess: name === undefined }
    }
    const error = readField(parsed, 'error')
    const isError = level === 'ERROR' || (level === undefined && error !== undefined)
    if (isError && target === 'codex_core::tools::router') {
      const text = error ?? message
      return { name: firstMatch(TOOL_TEXTS, text)!, kind: 'other', text, isGuess: text === '' }
    }
    if (target === 'codex_core::mcp_tool_call' && message.startsWith('MCP tool call error: ')) {
      return { name: readCallText(message), kind: 'other', text: message, isGuess: false }
    }
  }
  if (message === 'MCP server startup failed') {
    const text = readField(parsed, 'error') ?? ''
    return { name: firstMatch(MCP_START_TEXTS, text)!, kind: 'other', text, isGuess: false }
  }
  if (message === 'Request failed' && readField(parsed, 'is_connect') !== undefined) {
    const isConnect = readField(parsed, 'is_connect') === 'true'
    return { name: 'no-connection', kind: 'attempt', text: '', isGuess: !isConnect }
  }
  const rule = findRule(level, target, parsed)
  if (!rule) return undefined
  if (rule.name === 'slow-sql') {
    const seconds = Number(readField(parsed, 'elapsed_secs'))
    return seconds >= LOCK_SECONDS
      ? { name: 'database-locked', kind: 'other', text: message, isGuess: true }
      : { name: 'slow-sql', kind: 'other', text: message, isGuess: false }
  }
  return { name: rule.name, kind: 'other', text: message, isGuess: false }
}

/** By the time that a turn ends, it does not matter any more over what it was tried. */
const END_TEXTS = TURN_TEXTS.filter(({ isOfAttempt }) => !isOfAttempt)

/** What the error of an attempt means. */
export function readAttemptText(text: string): FailureName | undefined {
  return firstMatch(TURN_TEXTS, text)
}

/** What the error of a call to an MCP tool means. */
export function readCallText(message: string): FailureName {
  return firstMatch(MCP_CALL_TEXTS, message)!
}

function firstMatch(rules: readonly TextRule[], text: string): FailureName | undefined {
  return rules.find((rule) => rule.text.test(text))?.name
}

const RULES_BY_LEVEL: ReadonlyMap<string, readonly RowRule[]> = new Map(
  [...new Set(ROW_RULES.flatMap(({ levels }) => levels))].map((level) => [
    level,
    ROW_RULES.filter(({ levels }) => levels.includes(level)),
  ]),
)

function findRule(
  level: string | undefined,
  target: string,
  { message, fields }: ParsedBody,
): RowRule | undefined {
  const rules = level === undefined ? ROW_RULES : RULES_BY_LEVEL.get(level)
  if (!rules) return undefined
  // Where a message names no cause, a field `error` does.
  let text: string | undefined
  return rules.find((rule) => {
    if (rule.targets && !rule.targets.includes(target)) return false
    text ??= [message ?? '', ...fields.map(({ value }) => value)].join(' ').trimEnd()
    return [message ?? '', text].some((one) => tells(rule, one))
  })
}

/** The code that sqlx, through which Codex uses SQLite, writes before the text of an error. */
const CODE_OF_SQLITE = /\(code: \d+\) $/

function tells({ message, isOfSqlite }: RowRule, text: string): boolean {
  const at = text.search(message)
  return at >= 0 && (!isOfSqlite || CODE_OF_SQLITE.test(text.slice(0, at)))
}
