import type { Refusal, ThreadItem, ToolCall, Turn, TurnEntry } from '../model/turn.js'
import { formatDuration, formatPlural } from './quantity.js'
import { describeEntry, formatRefusal } from './turn-entry.js'

/** What `--only` chooses from: `notes` is what nobody said, such as settings that changed. */
export const TALK_PARTS = ['user', 'assistant', 'calls', 'patches', 'reasoning', 'notes'] as const

export type TalkPart = (typeof TALK_PARTS)[number]

/** One thing that was said or done, for a reader. */
export interface TalkBlock {
  part: TalkPart
  /** `user`, `assistant`, `ran`, `changed` … */
  who: string
  atMs: number | null
  /** What was run or called, on one line or more; empty for what was said. */
  command: string
  body: string
  form: 'words' | 'output' | 'diff'
  /** `exit 3`, `120 ms`, `refused by user`. */
  facts: string[]
  isBad: boolean
  isInherited: boolean
}

/** Takes an output apart: what of it is not a head with exit code and time. */
export type ReadBody = (output: string) => string

/** What a reader sees of a part of a turn; `undefined` for what was put in only for the model. */
export function toTalkBlock(entry: TurnEntry, readBody: ReadBody): TalkBlock | undefined {
  const { kind: who, text } = describeEntry(entry)
  const base = {
    who,
    atMs: entry.atMs,
    command: '',
    body: text,
    form: 'words' as const,
    facts: [],
    isBad: false,
    isInherited: entry.isInherited,
  }
  switch (entry.kind) {
    case 'note':
      return INJECTED_NOTES.has(entry.note.kind)
        ? undefined
        : { ...base, part: 'notes', isBad: entry.note.kind === 'error' }
    case 'call': {
      const { call, refusal } = entry
      const isPatch = call.tool === 'apply_patch'
      return {
        ...base,
        part: isPatch ? 'patches' : 'calls',
        ...(isPatch
          ? { who: 'changed', body: patchOf(call.arguments), form: 'diff' }
          : { command: text, body: bodyOf(call, readBody), form: 'output' }),
        ...judge({ ...call, refusal, hasFailed: false }),
      }
    }
    case 'item':
      return { ...base, ...describeTalkItem(entry.item, entry.call, entry.refusal, text, readBody) }
    default:
      return entry satisfies never
  }
}

/** What stands in a rollout only for the model, or a second time. */
const INJECTED_NOTES: ReadonlySet<string> = new Set(['context', 'injected', 'answer', 'skill', 'hookContext'])

function describeTalkItem(
  item: ThreadItem,
  call: ToolCall | null,
  refusal: Refusal | null,
  text: string,
  readBody: ReadBody,
): Pick<TalkBlock, 'part'> & Partial<TalkBlock> {
  const outcome = judge({
    exitCode: exitCodeOf(item) ?? call?.exitCode ?? null,
    durationMs: durationOf(item) ?? call?.durationMs ?? null,
    refusal,
    hasFailed: 'status' in item && item.status === 'failed',
    // What became an item has ended, whether its answer stands in the rollout yet or not.
    state: null,
  })
  switch (item.type) {
    case 'userMessage':
      return { part: 'user' }
    case 'agentMessage':
    case 'plan':
    case 'exitedReviewMode':
      return { part: 'assistant' }
    case 'reasoning':
      return { part: 'reasoning' }
    case 'commandExecution':
      return {
        part: 'calls',
        command: text,
        body: item.aggregatedOutput ?? bodyOf(call, readBody),
        form: 'output',
        ...outcome,
      }
    case 'fileChange':
      return {
        part: 'patches',
        form: 'diff',
        body: item.changes
          .map(({ path, kind, diff }) => {
            const sign = kind.type === 'add' ? '+' : kind.type === 'delete' ? '-' : ''
            const moved = kind.type === 'update' && kind.move_path !== null ? ` -> ${kind.move_path}` : ''
            // Where it went stands in the line above already.
            const lines = diff
              .replace(/\n\nMoved to: .*$/, '')
              .replace(/\n+$/, '')
              .split('\n')
            return [`${kind.type} ${path}${moved}`, ...lines.map((line) => sign + line)].join('\n')
          })
          .join('\n'),
        ...outcome,
      }
    case 'mcpToolCall':
      return {
        part: 'calls',
        command: text,
        body: item.error?.message ?? textOfResult(item.result) ?? bodyOf(call, readBody),
        form: 'output',
        ...outcome,
      }
    case 'dynamicToolCall':
      return {
        part: 'calls',
        command: text,
        body: textOfResult(item.contentItems) ?? bodyOf(call, readBody),
        form: 'output',
        ...outcome,
      }
    case 'functionCallOutput':
    case 'collabAgentToolCall':
    case 'webSearch':
    case 'imageView':
    case 'imageGeneration':
      return { part: 'calls', command: text, body: '', form: 'output', ...outcome }
    case 'subAgentActivity':
    case 'enteredReviewMode':
    case 'contextCompaction':
    case 'hookPrompt':
    case 'other':
      return { part: 'notes' }
    default:
      return item satisfies never
  }
}

function exitCodeOf(item: ThreadItem): number | null {
  return 'exitCode' in item ? item.exitCode : null
}

function durationOf(item: ThreadItem): number | null {
  return 'durationMs' in item ? item.durationMs : null
}

function bodyOf(call: ToolCall | null, readBody: ReadBody): string {
  return call?.output ? readBody(call.output) : ''
}

function judge({
  exitCode,
  durationMs,
  refusal,
  hasFailed,
  state,
}: Pick<ToolCall, 'exitCode' | 'durationMs'> & {
  refusal: Refusal | null
  hasFailed: boolean
  state: ToolCall['state'] | null
}): Pick<TalkBlock, 'facts' | 'isBad'> {
  const isBad = hasFailed || refusal !== null || (exitCode !== null && exitCode !== 0)
  const isOpen = state !== null && state !== 'answered' && exitCode === null && refusal === null
  return {
    isBad,
    facts: [
      ...(refusal ? [`refused ${formatRefusal(refusal)}`] : []),
      ...(exitCode !== null && exitCode !== 0 ? [`exit ${exitCode}`] : []),
      ...(hasFailed && exitCode === null && refusal === null ? ['failed'] : []),
      ...(isOpen ? [STATES[state]] : []),
      ...(durationMs !== null ? [formatDuration(durationMs)] : []),
    ],
  }
}

const STATES: Record<Exclude<ToolCall['state'], 'answered'>, string> = {
  aborted: 'aborted',
  running: 'running',
  unanswered: 'no answer',
  lost: 'never answered',
}

/** MCP and dynamic tools answer with parts; what is not text is named by its type. */
function textOfResult(result: unknown): string | undefined {
  if (result === null || result === undefined) return undefined
  if (typeof result === 'string') return result
  const parts = Array.isArray(result) ? result : (result as { content?: unknown }).content
  if (!Array.isArray(parts)) return JSON.stringify(result, null, 1)
  return parts
    .map((part: unknown) => {
      if (typeof part !== 'object' || part === null) return String(part)
      const { text, type } = part as { text?: unknown; type?: unknown }
      return typeof text === 'string' ? text : `[${String(type ?? 'part')}]`
    })
    .join('\n')
}

/** The patch itself, out of the JSON or text that the model sent. */
function patchOf(given: string): string {
  try {
    const parsed: unknown = JSON.parse(given)
    if (typeof parsed === 'object' && parsed !== null) {
      const text = Object.values(parsed).find((value) => typeof value === 'string' && value.includes('***'))
      if (typeof text === 'string') return text
    }
  } catch {
    // A custom tool gets its text as it is.
  }
  return given
}

/** How many lines stay of a long output: its beginning and its end. */
const HEAD_LINES = 8
const TAIL_LINES = 4
/** Of a patch. */
const PATCH_HEAD_LINES = 60

/** The lines of a body; of a long output or patch the middle is left out, unless all is asked for. */
export function foldBody({ body, form }: TalkBlock, isFull: boolean): { lines: string[]; foldedAt: number } {
  const lines = body.replace(/\n+$/, '').split('\n')
  if (lines.length === 1 && lines[0] === '') return { lines: [], foldedAt: -1 }
  const head = form === 'diff' ? PATCH_HEAD_LINES : HEAD_LINES
  if (isFull || form === 'words' || lines.length <= head + TAIL_LINES + 1) return { lines, foldedAt: -1 }
  const left = lines.length - head - TAIL_LINES
  return {
    lines: [...lines.slice(0, head), `… ${formatPlural(left, 'more line')}`, ...lines.slice(-TAIL_LINES)],
    foldedAt: head,
  }
}

/** `completed in 962 ms`, `failed: …`, `never ended`. */
export function formatOutcome({ outcome, error, durationMs, abortReason }: Turn): string {
  const time = durationMs === null ? '' : ` in ${formatDuration(durationMs)}`
  switch (outcome) {
    case 'neverEnded':
      return 'never ended'
    case 'failed':
      return `failed${time}${error ? `: ${error.message}` : ''}`
    case 'interrupted':
      return `interrupted${time}${abortReason && abortReason !== 'interrupted' ? ` (${abortReason})` : ''}`
    case 'completed':
    case 'running':
      return `${outcome}${time}`
    default:
      return outcome satisfies never
  }
}

/** What stands behind a turn's number. */
export function describeTurn(turn: Turn): string[] {
  return [
    formatOutcome(turn),
    ...(turn.usage.total > 0 ? [formatPlural(turn.usage.total, 'token')] : []),
    ...(turn.model === null ? [] : [turn.model]),
    ...(turn.isInherited ? ['inherited'] : []),
  ]
}
