import type { StoredLogRow } from '../model/log.js'
import { FAILED_LEVEL, type LogSummary, type SummaryField, type TurnMark } from '../model/log-summary.js'
import { classifyFailure } from './classify-failure.js'
import { maskMessage } from './mask.js'
import { readField, readMeaning } from './meanings.js'
import { type BodyField, type ParsedBody, readValue } from './parse.js'
import { EXCERPTS, NEEDLESS_FIELDS, QUIET_FAMILIES, TEMPLATES, type Template } from './templates.js'

/** What is shown of a row: its message, templates filled in, what repeats thread, turn or request left out. */
export function summarizeRow(row: StoredLogRow, parsed: ParsedBody): LogSummary {
  const { id, tsSeconds, tsNanos, threadId } = row
  // A table can lack the columns.
  const level = row.level ?? ''
  const target = row.target ?? ''
  const failure = classifyFailure(row, parsed)
  const fields = latestFields(parsed.fields)
  const told = tellEvent(target, parsed.message, fields)
  const hasFailed = failure?.kind === 'turn'
  return {
    id,
    tsSeconds,
    tsNanos,
    ...(row.exactTime && { exactTime: row.exactTime }),
    level: hasFailed ? FAILED_LEVEL : level,
    text: row.body === null ? tellPlace(row) : told.text,
    fields: showFields(parsed.fields, fields, told.hidden),
    target,
    threadId,
    isFailure: failure !== undefined,
    turn: hasFailed
      ? { kind: 'failed', id: readMeaning(parsed, 'turn_id'), text: failure.text }
      : readTurn(parsed, failure?.name === 'interrupted'),
  }
}

/** Of an event whose text was not kept all that is known is where it happened. */
function tellPlace({ file, line }: Pick<StoredLogRow, 'file' | 'line'>): string {
  const name = file?.split(/[\\/]/).at(-1)
  return name ? `event without text at ${name}${line === null ? '' : `:${line}`}` : ''
}

/** Rows of these levels may be shown as one when they differ only in ids, numbers and the like. */
const CHATTY_LEVELS: ReadonlySet<string> = new Set(['TRACE', 'DEBUG'])
/** Of what is said at length only its beginning counts. */
const LONGEST_KIND = 200

/** The name of an event that came as JSON; masked as any quoted text, `response.failed` would look like all others. */
const EVENT_TYPE = /"type": ?"[^"]*"/

/** The same text for rows that may be shown as one. */
export function kindOf({ level, text }: Pick<LogSummary, 'level' | 'text'>): string {
  if (!CHATTY_LEVELS.has(level)) return text
  const begin = text.slice(0, LONGEST_KIND)
  return maskMessage(begin) + (EVENT_TYPE.exec(begin)?.[0] ?? '')
}

/** The decoded values by key; of several with the same key the last holds. */
function latestFields(fields: readonly BodyField[]): Map<string, string> {
  return new Map(fields.map(({ key, value }) => [key, readValue(value)]))
}

interface Told {
  text: string
  hidden: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

function tellEvent(target: string, message: string | null, fields: ReadonlyMap<string, string>): Told {
  for (const { forms, hides } of findTemplates(target, message ?? '')) {
    for (const { parts, keys } of forms) {
      if (!keys.every((key) => key === 'message' || meansSomething(fields.get(key)))) continue
      let text = parts[0]!
      for (const [index, key] of keys.entries()) {
        text += (key === 'message' ? (message ?? '') : unwrapSome(fields.get(key)!)) + parts[index + 1]!
      }
      return { text, hidden: hides }
    }
  }
  if (message === 'Submission') return tellSubmission(fields)
  return { text: tellExcerpt(target, message ?? ''), hidden: NONE }
}

function tellExcerpt(target: string, message: string): string {
  const excerpt = EXCERPTS.find((one) => one.target === target && message.startsWith(one.message))
  if (!excerpt) return message
  const last = excerpt.marks.at(-1)
  let text = excerpt.words
  let at = 0
  for (const mark of excerpt.marks) {
    const [before, behind] = mark
    const found = message.indexOf(before, at)
    const from = found + before.length
    // A name may hold what stands behind it.
    at = mark === last ? message.lastIndexOf(behind) : message.indexOf(behind, from)
    if (found < 0 || at < from) return message
    if (mark === last && at + behind.length !== message.length) return message
    text += ` ${message.slice(from, at)}`
  }
  return text
}

/** A template in its parts: texts, and the fields between them. */
export interface ReadyTemplate extends Pick<Template, 'target' | 'message'> {
  isPrefix: boolean
  forms: readonly { parts: readonly string[]; keys: readonly string[] }[]
  hides: ReadonlySet<string>
}

export const READY_TEMPLATES: readonly ReadyTemplate[] = TEMPLATES.map(
  ({ message, target, isPrefix = false, shows, hides = [] }) => {
    const forms = shows.map((form) => {
      const pieces = form.split(/[{}]/)
      return {
        parts: pieces.filter((_, index) => index % 2 === 0),
        keys: pieces.filter((_, index) => index % 2 === 1),
      }
    })
    const shown = forms.flatMap(({ keys }) => keys)
    return {
      message,
      ...(target !== undefined && { target }),
      isPrefix,
      forms,
      hides: new Set([...shown, ...hides]),
    }
  },
)
const BY_MESSAGE = Map.groupBy(
  READY_TEMPLATES.filter(({ isPrefix }) => !isPrefix),
  ({ message }) => message,
)
const BY_PREFIX = READY_TEMPLATES.filter(({ isPrefix }) => isPrefix)

function findTemplates(target: string, message: string): readonly ReadyTemplate[] {
  const found = BY_MESSAGE.get(message) ?? BY_PREFIX.filter((one) => message.startsWith(one.message))
  return found.filter((one) => one.target === undefined || one.target === target)
}

/** Up to 0.165 what was submitted stands in one piece of debug output; its first words say what it is. */
function tellSubmission(fields: ReadonlyMap<string, string>): Told {
  const operation = /\bop: (\w+)/.exec(fields.get('sub') ?? '')?.[1]
  return { text: operation ? `Submission: ${operation}` : 'Submission', hidden: new Set(['sub']) }
}

function meansSomething(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== 'None'
}

/** `Some(1)` says 1. */
function unwrapSome(value: string): string {
  const inner = /^Some\((.*)\)$/s.exec(value)?.[1]
  return inner === undefined ? value : readValue(inner)
}

function showFields(
  fields: readonly BodyField[],
  values: ReadonlyMap<string, string>,
  hidden: ReadonlySet<string>,
): SummaryField[] {
  const shown = new Map<string, string>()
  for (const { key, value: raw } of fields) {
    const value = values.get(key)!
    if (hidden.has(key) || NEEDLESS_FIELDS.has(key)) continue
    if (QUIET_FAMILIES.test(key) && (value === 'false' || !meansSomething(value))) continue
    shown.set(key, /^"[^\s"\\]+"$/.test(raw) ? value : raw)
  }
  return [...shown].map(([key, value]) => ({ key, value }))
}

const TURN_OPERATIONS = /\bop: (UserInput|UserTurn|TurnInput|Review|Compact|Undo)/
const TURN_WORDS = new Set(['user_input', 'user_turn', 'turn_input', 'review', 'compact', 'undo'])

function readTurn(parsed: ParsedBody, wasStopped: boolean): TurnMark | undefined {
  const { message } = parsed
  const id = readMeaning(parsed, 'turn_id')
  if (wasStopped) return { kind: 'stopped', id, text: '' }
  if (message === 'Submission') {
    const sub = readField(parsed, 'sub') ?? ''
    const operation = readField(parsed, 'operation') ?? ''
    if (!TURN_OPERATIONS.test(sub) && !TURN_WORDS.has(operation)) return undefined
    return {
      kind: 'start',
      id: id ?? /\bid: "([^"]*)"/.exec(sub)?.[1],
      text: operation || TURN_OPERATIONS.exec(sub)![1]!,
    }
  }
  if (message === 'post sampling token usage' && readField(parsed, 'needs_follow_up') === 'false') {
    return { kind: 'end', id, text: `${readField(parsed, 'total_usage_tokens') ?? '?'} tokens in context` }
  }
  return undefined
}
