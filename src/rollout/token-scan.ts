import { closeSync, openSync, readSync } from 'node:fs'
import { StateError } from '../errors.js'
import {
  BLANK,
  CARRIAGE_RETURN,
  COLON,
  NINE,
  OPEN_BRACE,
  QUOTE,
  TAB,
  UNDERSCORE,
  ZERO,
} from '../model/bytes.js'
import { parseLineBytes } from './line-bytes.js'
import { type ReadRolloutOptions, readRolloutChunks, resolveRolloutFile, unreadable } from './read.js'
import { TIME_START } from './timestamp.js'

/** The lines that a ledger of tokens is made of. */
export type TokenLineKind = 'sessionMeta' | 'taskStarted' | 'tokenCount' | 'tokenRecord' | 'turnContext'

/** Used again for the next line. */
export interface TokenLine {
  kind: TokenLineKind
  ordinal: number | null
  /** Of its first byte, in the unpacked file. */
  offset: number
  /** What holds the line, from `start` to `end`: good until `onOverwrite` is called. */
  bytes: Buffer
  start: number
  end: number
  /** Where the word stands that told the kind; -1 in a line that had to be parsed for it. */
  typeAt: number
}

export interface TokenLineReader {
  onLine(line: TokenLine): void
  /** The bytes of all lines so far are about to be overwritten. */
  onOverwrite(): void
}

/** Stays in the processor's cache between reading and looking. */
const CHUNK_BYTES = 256 * 1024

/** A line that is longer than this is none of those that a ledger needs. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

/** Used again for each file: making it anew would cost more than reading a small one. */
let idle: Buffer | undefined

/**
 * Gives the lines of one rollout from which tokens are told, found by the first bytes of each line: most of a rollout
 * is never looked at. A line in an order of keys that Codex does not write is parsed to tell its kind.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function scanTokenLines(
  path: string,
  reader: TokenLineReader,
  options: ReadRolloutOptions = {},
): Promise<void> {
  if (!path.endsWith('.zst')) {
    // Nothing is waited for: of 20,000 small files that would be a good part of the time.
    scanPlain(path, reader, options)
    return
  }
  const carry = createCarry(reader)
  for await (const chunk of readRolloutChunks(resolveRolloutFile(path), options)) {
    carry.add(chunk)
    reader.onOverwrite()
  }
  carry.finish()
}

function scanPlain(path: string, reader: TokenLineReader, { signal }: ReadRolloutOptions): void {
  const carry = createCarry(reader)
  const buffer = idle ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  idle = undefined
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    for (;;) {
      if (signal?.aborted)
        throw new StateError('ABORTED', 'reading a rollout was aborted', { cause: signal.reason })
      const length = readSync(fd, buffer)
      if (length > 0) carry.add(length === buffer.length ? buffer : buffer.subarray(0, length))
      // Of a file less comes than was asked for at its end alone.
      if (length < buffer.length) break
      reader.onOverwrite()
    }
    carry.finish()
  } catch (error) {
    if (error instanceof Error && 'code' in error && !(error instanceof StateError))
      throw unreadable(path, error)
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
    idle = buffer
  }
}

/** Lines from chunks: those that lie in one chunk are looked at in place. */
function createCarry({ onLine }: TokenLineReader) {
  let pieces: Buffer[] = []
  let carriedBytes = 0
  /** Of a line whose beginning tells that it is of no interest nothing is kept. */
  let isPassedOver = false
  let offset = 0
  const line: TokenLine = {
    kind: 'tokenCount',
    ordinal: null,
    offset: 0,
    bytes: Buffer.alloc(0),
    start: 0,
    end: 0,
    typeAt: -1,
  }

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
    if (carriedBytes === 0)
      isPassedOver = piece.length >= HEAD_BYTES && judge(line, piece, 0, piece.length) === 'none'
    carriedBytes += piece.length
    isPassedOver ||= carriedBytes > MAX_LINE_BYTES
    if (isPassedOver) pieces = []
    else pieces.push(Buffer.from(piece))
  }

  function finishLine(piece: Buffer, at: number): void {
    const lineOffset = at - carriedBytes
    carryOn(piece)
    if (!isPassedOver) {
      const whole = Buffer.concat(pieces)
      look(whole, 0, whole.length, lineOffset)
    }
    pieces = []
    carriedBytes = 0
    isPassedOver = false
  }

  function look(chunk: Buffer, start: number, end: number, at: number): void {
    // What does not begin an object is no line; white space in front is none of Codex's, but no fault.
    if (
      end - start < SHORTEST_LINE ||
      (chunk[start] !== OPEN_BRACE && !isObjectBehindSpace(chunk, start, end))
    )
      return
    const verdict = judge(line, chunk, start, end)
    if (verdict === 'none' || (verdict === 'unsure' && !parseKind(line, chunk, start, end))) return
    line.offset = at
    line.bytes = chunk
    line.start = start
    line.end = end
    onLine(line)
  }

  return {
    add,
    finish(): void {
      if (carriedBytes > 0) finishLine(Buffer.alloc(0), offset)
    },
  }
}

function isObjectBehindSpace(bytes: Buffer, start: number, end: number): boolean {
  let at = start
  while (at < end && (bytes[at] === BLANK || bytes[at] === TAB || bytes[at] === CARRIAGE_RETURN)) at += 1
  return at > start && bytes[at] === OPEN_BRACE
}

/** No line of interest is shorter. */
const SHORTEST_LINE = 60

/** As many bytes tell the kind of a line in the order in which Codex writes it. */
const HEAD_BYTES = 200

/** `{"timestamp":"` and a time of 24 characters is how Codex begins a line. */
const TIME_END = TIME_START + 24

type Verdict = 'some' | 'none' | 'unsure'

/** By the bytes at the places where they must stand. */
function judge(line: TokenLine, bytes: Buffer, start: number, end: number): Verdict {
  let at = start + TIME_END
  if (bytes[start + TIME_START - 1] !== QUOTE || bytes[start + 2] !== 0x74 /* t */) return 'unsure'
  if (bytes[at] !== QUOTE) {
    for (at = start + TIME_START; bytes[at] !== QUOTE; at += 1)
      if (at > start + 64 || at >= end) return 'unsure'
  }
  // `","type":"` or `","ordinal":N,"type":"`
  at += 3
  let ordinal: number | null = null
  if (bytes[at] === 0x6f /* o */) {
    ordinal = 0
    for (at += 9; bytes[at]! >= ZERO && bytes[at]! <= NINE; at += 1)
      ordinal = ordinal * 10 + bytes[at]! - ZERO
    at += 2
  }
  if (bytes[at] !== 0x74 || bytes[at + 5] !== COLON || bytes[at + 6] !== QUOTE) return 'unsure'
  at += 7
  line.ordinal = ordinal
  line.typeAt = at
  switch (bytes[at]) {
    case 0x65 /* event_msg */:
      {
        const inner = at + EVENT_TYPE
        if (bytes[inner - 1] !== QUOTE || bytes[inner - 2] !== COLON) return 'unsure'
        line.typeAt = inner
        return setKind(line, eventKind(bytes, inner))
      }
    case 0x74:
      return setKind(
        line,
        bytes[at + 1] === 0x6f ? 'tokenRecord' : bytes[at + 1] === 0x75 ? 'turnContext' : undefined,
      )
    case 0x73:
      // session_meta, not security_…
      return setKind(line, bytes[at + 1] === 0x65 && bytes[at + 2] === 0x73 ? 'sessionMeta' : undefined)
    default:
      return 'none'
  }
}

const EVENT_TYPE = 'event_msg","payload":{"type":"'.length

/** `token_count`, `task_started` and `turn_started` among `task_complete`, `thread_…`, `turn_aborted`. */
function eventKind(bytes: Buffer, at: number): TokenLineKind | undefined {
  if (bytes[at] !== 0x74) return undefined
  if (bytes[at + 1] === 0x6f) return 'tokenCount'
  const isStart = bytes[at + 5] === 0x73 && bytes[at + 4] === UNDERSCORE
  return isStart ? 'taskStarted' : undefined
}

function setKind(line: TokenLine, kind: TokenLineKind | undefined): Verdict {
  if (kind === undefined) return 'none'
  line.kind = kind
  return 'some'
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

/** Tells the kind of a line that only the parser can tell. */
function parseKind(line: TokenLine, bytes: Buffer, start: number, end: number): boolean {
  const parsed = parseLineBytes(bytes.subarray(start, end))
  if (parsed === undefined) return false
  line.ordinal = parsed.ordinal
  line.typeAt = -1
  const kind = parsed.type === 'event_msg' ? EVENT_KINDS[String(parsed.payload.type)] : KINDS[parsed.type]
  return setKind(line, kind) === 'some'
}
