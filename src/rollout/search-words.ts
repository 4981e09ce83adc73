import type { SearchPlace } from '../model/search.js'
import type { ThreadItem, ToolCall, TurnEntry, TurnNote } from '../model/turn.js'
import { readOutput } from './calls.js'
import { isObject } from './values.js'

/** A text of a rollout that somebody, or something, said. */
export interface Words {
  place: SearchPlace
  text: string
  /** The same as it was typed, for where the text has no match: quotes of a command tear words apart. */
  otherwise?: string
}

/** What was said, done and answered in a part of a turn; each text stands in one line of the rollout. */
export function wordsOf(entry: TurnEntry): Words[] {
  switch (entry.kind) {
    case 'item':
      return [...itemWords(entry.item), ...(entry.call ? callBesideItem(entry.item, entry.call) : [])]
    case 'call':
      return callWords(entry.call)
    case 'note':
      return noteWords(entry.note)
    default:
      return entry satisfies never
  }
}

function itemWords(item: ThreadItem): Words[] {
  switch (item.type) {
    case 'userMessage':
      return item.content.flatMap((part) => {
        if (part.type === 'text') return words('user', part.text)
        if (part.type === 'image') return words('user', isData(part.url) ? null : part.url)
        return [
          ...words('user', 'text' in part ? part.text : null),
          ...words('user', 'name' in part ? part.name : null),
          ...words('user', 'path' in part ? part.path : null),
        ]
      })
    case 'agentMessage':
      return [
        ...words('assistant', item.text),
        ...stringsIn(item.questions).flatMap((text) => words('assistant', text)),
        ...stringsIn(item.memoryCitation, new Set(['path', 'note', 'entries'])).flatMap((text) =>
          words('assistant', text),
        ),
      ]
    case 'reasoning':
      return [...item.summary, ...item.content].flatMap((text) => words('reasoning', text))
    case 'commandExecution':
      return [...commandWords(item.command), ...words('output', item.aggregatedOutput)]
    case 'fileChange':
      return item.changes.flatMap(({ path, kind, diff }) => [
        ...words('calls', path),
        ...words('calls', kind.type === 'update' ? kind.move_path : null),
        ...words('calls', diff),
      ])
    case 'mcpToolCall':
      return [
        ...words('calls', item.server),
        ...words('calls', item.tool),
        ...stringsIn(item.arguments).flatMap((text) => words('calls', text)),
        ...stringsIn(item.result).flatMap((text) => words('output', text)),
        ...words('output', item.error?.message),
      ]
    case 'dynamicToolCall':
      return [
        ...words('calls', item.tool),
        ...stringsIn(item.arguments).flatMap((text) => words('calls', text)),
        ...stringsIn(item.contentItems).flatMap((text) => words('output', text)),
      ]
    case 'collabAgentToolCall':
      return [
        ...words('calls', item.prompt),
        ...Object.values(item.agentsStates).flatMap(({ message }) => words('output', message)),
      ]
    case 'subAgentActivity':
      return words('notes', item.agentPath)
    case 'webSearch':
      return [
        ...words('calls', item.query),
        ...stringsIn(item.action)
          .filter((text) => text !== item.query)
          .flatMap((text) => words('calls', text)),
        ...stringsIn(item.results).flatMap((text) => words('output', text)),
      ]
    case 'plan':
      return words('assistant', item.text)
    case 'imageView':
      return words('calls', item.path)
    case 'imageGeneration':
      return [...words('calls', item.revisedPrompt), ...words('calls', item.savedPath)]
    case 'enteredReviewMode':
    case 'exitedReviewMode':
      return words('assistant', item.review)
    case 'contextCompaction':
      return []
    case 'hookPrompt':
      return item.fragments.flatMap(({ text }) => words('notes', text))
    case 'functionCallOutput':
      return stringsIn(item.output).flatMap((text) => words('notes', text))
    case 'other':
      return stringsIn(item.fields).flatMap((text) => words('notes', text))
    default:
      return item satisfies never
  }
}

/** What the call says that its item does not. */
function callBesideItem(item: ThreadItem, call: ToolCall): Words[] {
  const isUnnamed = item.type === 'commandExecution' && item.command === ''
  const beside = [
    ...(isUnnamed ? commandWords(call.command ?? '') : []),
    ...words('calls', call.justification),
  ]
  if (call.output === null || hasOwnOutput(item, call.output)) return beside
  return [...beside, ...words('output', call.output)]
}

/** Whether an item holds the output that the model got, whole or more of it. */
function hasOwnOutput(item: ThreadItem, output: string): boolean {
  if (item.type === 'commandExecution') {
    const { body } = readOutput(output)
    const head = body.slice(0, 200).trim()
    return item.aggregatedOutput?.includes(head) === true
  }
  return item.type === 'mcpToolCall' || item.type === 'dynamicToolCall' || item.type === 'collabAgentToolCall'
}

function callWords(call: ToolCall): Words[] {
  const given =
    call.command === null
      ? argumentsOf(call)
      : [
          ...(ARGV_TOOLS.has(call.tool) ? commandWords(call.command) : words('calls', call.command)),
          ...words('calls', call.justification),
        ]
  // Of a search for tools the output is their schemas.
  const output = call.tool === 'tool_search' ? null : call.output
  return [...words('calls', call.tool), ...given, ...words('output', output)]
}

/** Their commands come as arguments, and are shown with quotes. */
const ARGV_TOOLS: ReadonlySet<string> = new Set(['local_shell', 'shell'])

function commandWords(command: string): Words[] {
  const typed = unquote(command)
  return words('calls', command).map((each) => (typed === command ? each : { ...each, otherwise: typed }))
}

/** Takes away the quotes that `joinArguments` put around words. */
function unquote(command: string): string {
  return command.replace(/'([^']*)'|"((?:[^"\\]|\\.)*)"/gs, (_, single?: string, double?: string) =>
    single === undefined ? (double ?? '').replace(/\\(["\\])/g, '$1') : single,
  )
}

function argumentsOf({ arguments: text }: ToolCall): Words[] {
  if (!/^\s*[[{]/.test(text)) return words('calls', text)
  try {
    return stringsIn(JSON.parse(text)).flatMap((value) => words('calls', value))
  } catch {
    // A model wrote it, so it need not be JSON.
    return words('calls', text)
  }
}

function noteWords({ kind, text }: TurnNote): Words[] {
  switch (kind) {
    case 'settings':
    case 'unknown':
    case 'skill':
      return []
    case 'userShell':
      return words('calls', text)
    default:
      return words('notes', text)
  }
}

function words(place: SearchPlace, text: unknown): Words[] {
  return typeof text === 'string' && text !== '' ? [{ place, text }] : []
}

/** Bytes, ids and what only machines read. */
const SILENT_KEYS: ReadonlySet<string> = new Set(['_meta', 'data', 'encrypted_content', 'type'])

function stringsIn(value: unknown, only?: ReadonlySet<string>): string[] {
  if (typeof value === 'string') return isData(value) ? [] : [value]
  if (Array.isArray(value)) return value.flatMap((inner) => stringsIn(inner, only))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'data' ? typeof value.mimeType === 'string' : SILENT_KEYS.has(key)) || (only && !only.has(key))
      ? []
      : stringsIn(inner, only),
  )
}

function isData(text: unknown): boolean {
  return typeof text === 'string' && text.startsWith('data:')
}
