import type { Refusal, ThreadItem, ToolCall, TurnEntry } from '../model/turn.js'

/** A part of a turn in one line: what it is, and its words. */
export interface EntryLine {
  kind: string
  text: string
}

/** What a person reads of a part of a turn; the words are as they were said, on as many lines. */
export function describeEntry(entry: TurnEntry): EntryLine {
  switch (entry.kind) {
    case 'note':
      return { kind: entry.note.kind, text: entry.note.text }
    case 'call':
      return describeCall(entry.call)
    case 'item':
      return describeItem(entry.item, entry.call)
    default:
      return entry satisfies never
  }
}

/** `by auto review: too risky`; `null` for what was not refused. */
export function formatRefusal(refusal: Refusal | null): string | null {
  if (refusal === null) return null
  const by = refusal.by === 'autoReview' ? 'auto review' : refusal.by
  return refusal.reason === null ? `by ${by}` : `by ${by}: ${refusal.reason}`
}

function describeCall({ tool, namespace, command, arguments: given }: ToolCall): EntryLine {
  if (command !== null) return { kind: 'ran', text: command }
  return { kind: 'call', text: `${namespace === null ? '' : `${namespace}/`}${tool} ${given}`.trim() }
}

function describeItem(item: ThreadItem, call: ToolCall | null): EntryLine {
  switch (item.type) {
    case 'userMessage':
      return {
        kind: 'user',
        text: item.content
          .map((part) => {
            if (part.type === 'text') return String(part.text)
            if (part.type === 'image') return '[image]'
            const { name, path, text } = part as { name?: unknown; path?: unknown; text?: unknown }
            return `[${part.type} ${String(name ?? path ?? text ?? '')}]`
          })
          .join(' '),
      }
    case 'agentMessage':
      return { kind: 'assistant', text: item.text }
    case 'reasoning':
      return { kind: 'thought', text: [...item.summary, ...item.content].join('\n') }
    case 'commandExecution':
      // In 2025 the line of a command's end did not repeat it.
      return {
        kind: item.source === 'userShell' ? 'user ran' : 'ran',
        text: item.command || (call?.command ?? ''),
      }
    case 'fileChange':
      return {
        kind: 'changed',
        text: item.changes
          .map(({ path, kind }) =>
            kind.type === 'update' && kind.move_path !== null
              ? `update ${path} -> ${kind.move_path}`
              : `${kind.type} ${path}`,
          )
          .join(', '),
      }
    case 'mcpToolCall':
      return { kind: 'mcp', text: `${item.server}/${item.tool} ${JSON.stringify(item.arguments)}` }
    case 'dynamicToolCall':
      return { kind: 'tool', text: `${item.tool} ${JSON.stringify(item.arguments)}` }
    case 'collabAgentToolCall':
      return { kind: 'agents', text: [item.tool, item.prompt].filter(Boolean).join(': ') }
    case 'subAgentActivity':
      return { kind: 'agent', text: `${item.agentPath}: ${item.kind}` }
    case 'webSearch':
      return { kind: 'web', text: item.query }
    case 'plan':
      return { kind: 'plan', text: item.text }
    case 'imageView':
      return { kind: 'image', text: item.path }
    case 'imageGeneration':
      return {
        kind: 'image',
        text: [item.status, item.revisedPrompt, item.savedPath].filter(Boolean).join(' '),
      }
    case 'enteredReviewMode':
      return { kind: 'review of', text: item.review }
    case 'exitedReviewMode':
      return { kind: 'review', text: item.review }
    case 'contextCompaction':
      return { kind: 'compacted', text: '' }
    case 'hookPrompt':
      return { kind: 'hook', text: item.fragments.map(({ text }) => text).join('\n') }
    case 'functionCallOutput':
      return {
        kind: 'given',
        text: `${item.name}: ${typeof item.output === 'string' ? item.output : JSON.stringify(item.output)}`,
      }
    case 'other':
      return { kind: item.kind, text: JSON.stringify(item.fields) }
    default:
      return item satisfies never
  }
}
