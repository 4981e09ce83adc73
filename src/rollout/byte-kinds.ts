import { findCopiedEndOf } from './copied-end.js'
import { type CopyTracker, createCopyTracker } from './copied-lines.js'
import { createLineCutter, type LongLine } from './cut-lines.js'
import { headOfMeta, type RolloutHead } from './head.js'
import type { FindRollout } from './home-index.js'
import { countImages, createImageCounter, DATA_URL, type Mark, OUTPUT_MARKS } from './image-bytes.js'
import { parseLineBytes, parseMetaLine } from './line-bytes.js'
import { type ReadRolloutOptions, type RolloutFileFacts, readRolloutChunks } from './read.js'
import { isMadeByCodex } from './side-lines.js'
import { textOrNull } from './values.js'

/**
 * What the bytes of rollouts are. `copied`: whole lines of another thread, which a fork or a sub-agent took over;
 * `images`: pictures and other files as base64, wherever they stand; all else by the kind of the line.
 */
export const BYTE_KINDS = [
  'talk',
  'calls',
  'output',
  'images',
  'copied',
  'compacted',
  'instructions',
  'tokens',
  'rest',
] as const

export type ByteKind = (typeof BYTE_KINDS)[number]

export type BytesByKind = Record<ByteKind, number>

export interface RolloutBytes {
  bytes: BytesByKind
  lineCounts: BytesByKind
}

/** Of a line so much tells its kind. */
const HEAD_BYTES = 640

/**
 * How many bytes of a rollout, unpacked, are of which kind. Lines are told by their first bytes and not parsed, so one
 * that is damaged further on counts as what it began as. The sum is the size of the file.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function measureBytes(
  file: RolloutFileFacts,
  options: ReadRolloutOptions & { findRollout?: FindRollout | undefined } = {},
): Promise<RolloutBytes> {
  const measure = createMeasure(file.path, null)
  await scan(file, measure, options)
  if (!measure.needsCopiedEnd()) return measure.measured
  // Before 0.100 only the source tells which lines were copied.
  const again = createMeasure(file.path, await findCopiedEndOf(file, options))
  await scan(file, again, options)
  return again.measured
}

interface Line {
  told: ToldKind
  /** With its line feed. */
  sizeBytes: number
  imageBytes: number
  offset: number
  /** The bytes, where all of them were kept. */
  whole: Buffer | undefined
}

async function scan(
  file: RolloutFileFacts,
  { addLine }: { addLine: (line: Line) => void },
  options: ReadRolloutOptions,
): Promise<void> {
  const cutter = createLineCutter(measureLongLine)
  const give = ({ content, offset, endOffset }: NonNullable<ReturnType<typeof cutter.end>>) => {
    const sizeBytes = endOffset - offset
    if (!Buffer.isBuffer(content)) {
      addLine({ ...content, sizeBytes, offset, whole: undefined })
      return
    }
    const told = tellKind(content.subarray(0, HEAD_BYTES))
    addLine({ told, imageBytes: countImages(content, marksFor(told)), sizeBytes, offset, whole: content })
  }
  for await (const chunk of readRolloutChunks(file, options)) {
    for (const line of cutter.lines(chunk)) give(line)
  }
  const last = cutter.end()
  if (last) give(last)
}

function measureLongLine(start: readonly Buffer[]): LongLine<Pick<Line, 'told' | 'imageBytes'>> {
  const told = tellKind(Buffer.concat(start, HEAD_BYTES))
  const images = createImageCounter(marksFor(told))
  return { add: images.add, finish: () => ({ told, imageBytes: images.count() }) }
}

function createMeasure(path: string, copiedEnd: number | null) {
  const bytes = createBytes()
  const lineCounts = createBytes()
  let head: RolloutHead | undefined
  let copies: CopyTracker | undefined

  function addLine(line: Line): void {
    const { type, ordinal, kind } = line.told
    if (type === 'session_meta' && line.whole) {
      const meta = parseMetaLine(line.whole)
      if (meta) {
        head ??= headOfMeta(path, meta.payload, line.offset === 0)
        copies ??= createCopyTracker(head, copiedEnd)
        copies.addMeta(textOrNull(meta.payload.id))
      }
    }
    if (type === 'task_started' || type === 'turn_started')
      copies?.addTurn(() => line.whole && parseLineBytes(line.whole)?.payload)
    if (copies?.isCopy({ ordinal, offset: line.offset })) {
      add('copied', line.sizeBytes)
      return
    }
    // What compaction keeps of pictures is a part of what it takes.
    const imageBytes = kind === 'compacted' ? 0 : line.imageBytes
    add(kind, line.sizeBytes - imageBytes)
    if (imageBytes > 0) add('images', imageBytes)
  }

  function add(kind: ByteKind, sizeBytes: number): void {
    bytes[kind] += sizeBytes
    lineCounts[kind] += 1
  }

  return {
    addLine,
    measured: { bytes, lineCounts },
    needsCopiedEnd: () => copiedEnd === null && copies?.hasCopy() === true && head?.hasNoTurnLines === true,
  }
}

function createBytes(): BytesByKind {
  return Object.fromEntries(BYTE_KINDS.map((kind) => [kind, 0])) as BytesByKind
}

/** As Codex writes a line. */
const ENVELOPE = /^\{"timestamp":"[^"]*",(?:"ordinal":(\d+),)?"type":"(\w+)"(?:,"payload":\{"type":"(\w+)")?/

/** More than the longest of them takes. */
const ENVELOPE_BYTES = 200

interface ToldKind {
  type: string
  ordinal: number | null
  kind: ByteKind
}

/** @param head the first bytes of a line */
function tellKind(head: Buffer): ToldKind {
  const [, ordinal, outer = '', inner = ''] = ENVELOPE.exec(head.toString('latin1', 0, ENVELOPE_BYTES)) ?? []
  const isWrapped = outer === 'event_msg' || outer === 'response_item'
  return {
    type: isWrapped ? inner : outer,
    ordinal: ordinal === undefined ? null : Number(ordinal),
    kind: isWrapped ? kindOfEntry(inner, head) : (KINDS_OF_LINES[outer] ?? 'rest'),
  }
}

const KINDS_OF_LINES: Readonly<Record<string, ByteKind>> = {
  session_meta: 'instructions',
  turn_context: 'instructions',
  world_state: 'instructions',
  compacted: 'compacted',
  token_usage_record: 'tokens',
  inter_agent_communication: 'talk',
}

/** Of events and of what was sent to the model and came from it. */
const KINDS_OF_ENTRIES: Readonly<Record<string, ByteKind>> = {
  user_message: 'talk',
  agent_message: 'talk',
  agent_reasoning: 'talk',
  agent_reasoning_raw_content: 'talk',
  reasoning: 'talk',
  entered_review_mode: 'talk',
  exited_review_mode: 'talk',
  function_call: 'calls',
  custom_tool_call: 'calls',
  local_shell_call: 'calls',
  web_search_call: 'calls',
  tool_search_call: 'calls',
  dynamic_tool_call_request: 'calls',
  patch_apply_end: 'calls',
  web_search_end: 'calls',
  view_image_tool_call: 'calls',
  function_call_output: 'output',
  custom_tool_call_output: 'output',
  tool_search_output: 'output',
  exec_command_end: 'output',
  mcp_tool_call_end: 'output',
  dynamic_tool_call_response: 'output',
  image_generation_call: 'output',
  image_generation_end: 'output',
  token_count: 'tokens',
  thread_settings_applied: 'instructions',
}

/** Of items whose bytes are mostly what a tool answered, and of those that are mostly what it was told. */
const KINDS_OF_ITEMS: Readonly<Record<string, ByteKind>> = {
  UserMessage: 'talk',
  AgentMessage: 'talk',
  Reasoning: 'talk',
  Plan: 'talk',
  EnteredReviewMode: 'talk',
  ExitedReviewMode: 'talk',
  CommandExecution: 'output',
  McpToolCall: 'output',
  DynamicToolCall: 'output',
  FunctionCallOutput: 'output',
  ImageGeneration: 'output',
  FileChange: 'calls',
  WebSearch: 'calls',
  ImageView: 'calls',
  CollabAgentToolCall: 'calls',
  SubAgentActivity: 'calls',
}

function kindOfEntry(type: string, head: Buffer): ByteKind {
  if (type === 'message') return kindOfMessage(head.toString('latin1'))
  if (type === 'item_completed')
    return KINDS_OF_ITEMS[/"item":\{"type":"(\w+)"/.exec(head.toString('latin1'))?.[1] ?? ''] ?? 'rest'
  return KINDS_OF_ENTRIES[type] ?? 'rest'
}

/** Who speaks, and the first text; between them only ids and marks. */
const MESSAGE = /"role":"(\w+)".*?"text":"((?:[^"\\]|\\.){0,80})/s

function kindOfMessage(text: string): ByteKind {
  const [, role, words = ''] = MESSAGE.exec(text) ?? []
  if (role === 'developer') return 'instructions'
  // Quotes and line ends stand with a backslash before them.
  const said = Buffer.from(words, 'latin1').toString().replaceAll('\\"', '"').replaceAll('\\n', '\n')
  return role === 'user' && isMadeByCodex(said) ? 'instructions' : 'talk'
}

/** Quotes are everywhere: what begins with one is only looked for where it can be. */
function marksFor({ kind }: ToldKind): readonly Mark[] {
  return kind === 'output' ? OUTPUT_MARKS : DATA_URL
}
