import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { StateError } from '../errors.js'
import type { TokenUsage } from '../model/turn.js'
import { parseEnvelope, type RolloutEnvelope } from './parse.js'
import { type ReadRolloutOptions, type RolloutFileFacts, readRolloutChunks } from './read.js'

/** The lines that a ledger of tokens is made of. */
export type TokenLineKind = 'sessionMeta' | 'taskStarted' | 'tokenCount' | 'tokenRecord' | 'turnContext'

export interface TokenLine {
  kind: TokenLineKind
  ordinal: number | null
  /** Of its first byte, in the unpacked file. */
  offset: number
  /** The bytes of the line, good until the callback returns; `keep` makes them last. */
  bytes: Buffer
}

const CHUNK_BYTES = 4 * 1024 * 1024

/** A line that is longer than this is none of those that a ledger needs. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

/** Used again for each file: making it anew would cost more than reading a small one. */
let idle: Buffer | undefined

/**
 * Gives the lines of one rollout from which tokens are told to `onLine`, found by the first bytes of each line: most
 * of a rollout is never looked at. A line in an order of keys that Codex does not write is parsed to tell its kind.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function scanTokenLines(
  file: RolloutFileFacts,
  onLine: (line: TokenLine) => void,
  options: ReadRolloutOptions = {},
): Promise<void> {
  const carry = createCarry(onLine)
  if (file.path.endsWith('.zst')) {
    for await (const chunk of readRolloutChunks(file, options)) carry.add(chunk)
    carry.finish()
    return
  }
  let fd: number
  try {
    fd = openSync(file.path, 'r')
  } catch (cause) {
    throw new StateError('ROLLOUT_UNREADABLE', `cannot read rollout ${file.path}`, { cause })
  }
  const buffer = idle ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  idle = undefined
  try {
    const { size } = fstatSync(fd)
    for (let position = 0; position < size; ) {
      if (options.signal?.aborted)
        throw new StateError('ABORTED', 'reading a rollout was aborted', { cause: options.signal.reason })
      const bytesRead = readSync(fd, buffer, 0, Math.min(buffer.length, size - position), position)
      if (bytesRead === 0) break
      position += bytesRead
      carry.add(buffer.subarray(0, bytesRead))
    }
    carry.finish()
  } catch (error) {
    if (error instanceof Error && 'code' in error && !(error instanceof StateError))
      throw new StateError('ROLLOUT_UNREADABLE', `cannot read rollout ${file.path}`, { cause: error })
    throw error
  } finally {
    closeSync(fd)
    idle = buffer
  }
}

/** Lines from chunks: those that lie in one chunk are looked at in place. */
function createCarry(onLine: (line: TokenLine) => void) {
  let pieces: Buffer[] = []
  let carriedBytes = 0
  let isTooLong = false
  let offset = 0

  function add(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (carriedBytes === 0) look(chunk, start, end, offset + start)
      else finishLine(chunk.subarray(start, end), offset + start)
      start = end + 1
    }
    if (start < chunk.length) carryOn(chunk.subarray(start))
    offset += chunk.length
  }

  function carryOn(piece: Buffer): void {
    carriedBytes += piece.length
    isTooLong ||= carriedBytes > MAX_LINE_BYTES
    if (isTooLong) pieces = []
    else pieces.push(Buffer.from(piece))
  }

  function finishLine(piece: Buffer, at: number): void {
    const lineOffset = at - carriedBytes
    carryOn(piece)
    const line = Buffer.concat(pieces)
    if (!isTooLong) look(line, 0, line.length, lineOffset)
    pieces = []
    carriedBytes = 0
    isTooLong = false
  }

  function look(chunk: Buffer, start: number, end: number, at: number): void {
    const found = findKind(chunk, start, end)
    if (found !== undefined)
      onLine({ kind: found.kind, ordinal: found.ordinal, offset: at, bytes: chunk.subarray(start, end) })
  }

  return {
    add,
    finish(): void {
      if (carriedBytes > 0) finishLine(Buffer.alloc(0), offset)
    },
  }
}

/** `{"timestamp":"` and a time of 24 characters is how Codex begins a line. */
const TIME_START = 14
const TIME_END = 38

const found: { kind: TokenLineKind; ordinal: number | null } = { kind: 'tokenCount', ordinal: null }

/** By the bytes at the places where they must stand; the answer is overwritten by the next one. */
function findKind(bytes: Buffer, start: number, end: number): typeof found | undefined {
  // No line of interest is shorter, and what does not begin an object is no line.
  if (end - start < 60 || bytes[start] !== 0x7b /* { */) return undefined
  let at = start + TIME_END
  if (bytes[start + TIME_START - 1] !== 0x22 || bytes[start + 2] !== 0x74 /* t */)
    return findSlowly(bytes, start, end)
  if (bytes[at] !== 0x22) {
    for (at = start + TIME_START; bytes[at] !== 0x22; at += 1)
      if (at > start + 64) return findSlowly(bytes, start, end)
  }
  // `","type":"` or `","ordinal":N,"type":"`
  at += 3
  let ordinal: number | null = null
  if (bytes[at] === 0x6f /* o */) {
    ordinal = 0
    for (at += 9; bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at += 1)
      ordinal = ordinal * 10 + bytes[at]! - 0x30
    at += 2
  }
  if (bytes[at] !== 0x74 || bytes[at + 5] !== 0x3a || bytes[at + 6] !== 0x22)
    return findSlowly(bytes, start, end)
  at += 7
  found.ordinal = ordinal
  switch (bytes[at]) {
    case 0x65 /* event_msg */:
      {
        const inner = at + EVENT_TYPE
        if (bytes[inner - 1] !== 0x22 || bytes[inner - 2] !== 0x3a) return findSlowly(bytes, start, end)
        return setKind(eventKind(bytes, inner))
      }
    case 0x74:
      return setKind(
        bytes[at + 1] === 0x6f ? 'tokenRecord' : bytes[at + 1] === 0x75 ? 'turnContext' : undefined,
      )
    case 0x73:
      return setKind(
        bytes[at + 1] === 0x65 /* session_meta, not security_… */ && bytes[at + 2] === 0x73
          ? 'sessionMeta'
          : undefined,
      )
    default:
      return undefined
  }
}

const EVENT_TYPE = 'event_msg","payload":{"type":"'.length

/** `token_count`, `task_started` and `turn_started` among `task_complete`, `thread_…`, `turn_aborted`. */
function eventKind(bytes: Buffer, at: number): TokenLineKind | undefined {
  if (bytes[at] !== 0x74) return undefined
  if (bytes[at + 1] === 0x6f) return 'tokenCount'
  const isStart = bytes[at + 5] === 0x73 && bytes[at + 4] === 0x5f
  return isStart ? 'taskStarted' : undefined
}

function setKind(kind: TokenLineKind | undefined): typeof found | undefined {
  if (kind === undefined) return undefined
  found.kind = kind
  return found
}

const KINDS: Record<string, TokenLineKind> = {
  session_meta: 'sessionMeta',
  token_usage_record: 'tokenRecord',
  turn_context: 'turnContext',
}
const EVENT_KINDS: Record<string, TokenLineKind> = {
  task_started: 'taskStarted',
  turn_started: 'taskStarted',
  token_count: 'tokenCount',
}

function findSlowly(bytes: Buffer, start: number, end: number): typeof found | undefined {
  const line = parseTokenLine(bytes.subarray(start, end))
  if (line === undefined) return undefined
  found.ordinal = line.ordinal
  return setKind(line.type === 'event_msg' ? EVENT_KINDS[String(line.payload.type)] : KINDS[line.type])
}

/** `undefined` for a line that cannot be read. */
export function parseTokenLine(bytes: Buffer): RolloutEnvelope | undefined {
  const line = parseEnvelope(bytes.toString())
  return typeof line === 'string' ? undefined : line
}

const INSTRUCTIONS = Buffer.from('"base_instructions":')

/** The line of a `session_meta`, parsed without the instructions, which are most of it. */
export function parseMetaLine(bytes: Buffer): RolloutEnvelope | undefined {
  const at = bytes.indexOf(INSTRUCTIONS)
  if (at === -1) return parseTokenLine(bytes)
  const value = at + INSTRUCTIONS.length
  const isObject = bytes[value] === 0x7b
  const quote = isObject ? value + '{"text":'.length : value
  if (bytes[quote] !== 0x22) return parseTokenLine(bytes)
  const end = findStringEnd(bytes, quote + 1) + 1
  if (isObject && bytes[end] !== 0x7d) return parseTokenLine(bytes)
  const line = parseEnvelope(
    `${bytes.toString('utf8', 0, value)}null${bytes.toString('utf8', isObject ? end + 1 : end)}`,
  )
  return typeof line === 'string' ? parseTokenLine(bytes) : line
}

/** The quote that ends the string that begins at `from`. */
function findStringEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0x22, from); at !== -1; at = bytes.indexOf(0x22, at + 1)) {
    let backslashes = 0
    while (bytes[at - 1 - backslashes] === 0x5c) backslashes += 1
    if (backslashes % 2 === 0) return at
  }
  return bytes.length
}

/**
 * A text field of a line, without parsing it: Codex writes no object with such a key before its own. `undefined` when
 * the line has none, or one that only a parser can read.
 *
 * @param key with quotes, colon and the quote that begins the text.
 */
export function findTextField(bytes: Buffer, key: Buffer): string | undefined {
  const start = bytes.indexOf(key)
  if (start === -1) return undefined
  const end = bytes.indexOf(0x22, start + key.length)
  const text = bytes.toString('utf8', start + key.length, end)
  return end === -1 || text.includes('\\') ? undefined : text
}

const TOTAL_KEY = Buffer.from('"info":{"total_token_usage":{')
const LAST_KEY = Buffer.from(',"last_token_usage":{')

/**
 * Both sums of a `token_count` line, read from its bytes; `undefined` where they stand in no form that is known here,
 * so that a parser has to read the line.
 */
export function readCountLine(bytes: Buffer): { total: TokenUsage; last: TokenUsage } | undefined {
  const at = bytes.indexOf(TOTAL_KEY)
  if (at === -1) return undefined
  const total = readSums(bytes, at + TOTAL_KEY.length)
  if (
    total === undefined ||
    bytes.compare(LAST_KEY, 0, LAST_KEY.length, sumsEnd, sumsEnd + LAST_KEY.length) !== 0
  )
    return undefined
  const last = readSums(bytes, sumsEnd + LAST_KEY.length)
  return last && isWhole(bytes) ? { total, last } : undefined
}

/** Whether a line is one object from its first byte to its last: a line that was cut off, or written over, is not. */
function isWhole(bytes: Buffer): boolean {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x0d || bytes[end - 1] === 0x20)) end -= 1
  let depth = 0
  let isInString = false
  for (let at = 0; at < end; at += 1) {
    const byte = bytes[at]!
    // No line of this kind has more than ASCII in it; one that has is left to the parser.
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) return false
    if (byte === 0x22) isInString = !isInString
    else if (isInString) continue
    else if (byte === 0x7b) depth += 1
    else if (byte === 0x7d) {
      depth -= 1
      if (depth === 0 && at < end - 1) return false
    }
  }
  return depth === 0 && !isInString
}

/** Behind the brace that ended the sums that were read last. */
let sumsEnd = 0

/** `"input_tokens":1,"cached_input_tokens":0,…}` */
function readSums(bytes: Buffer, from: number): TokenUsage | undefined {
  const sums: TokenUsage = { input: 0, cached: 0, output: 0, reasoning: 0, total: 0 }
  for (let at = from; bytes[at] === 0x22; ) {
    const colon = bytes.indexOf(0x3a, at)
    const length = colon - at - 2
    let value = 0
    let digit = colon + 1
    for (; bytes[digit]! >= 0x30 && bytes[digit]! <= 0x39; digit += 1)
      value = value * 10 + bytes[digit]! - 0x30
    if (colon === -1 || digit === colon + 1) return undefined
    const first = bytes[at + 1]
    if (length === 12) sums[first === 0x69 ? 'input' : 'total'] = value
    else if (length === 13) sums.output = value
    else if (length === 19) sums.cached = value
    else if (length === 23) sums.reasoning = value
    else if (length !== 24 || value !== 0) return undefined
    if (bytes[digit] === 0x7d) {
      sumsEnd = digit + 1
      return sums
    }
    if (bytes[digit] !== 0x2c) return undefined
    at = digit + 1
  }
  return undefined
}
