import { BACKSLASH, QUOTE } from '../model/bytes.js'
import { type CutLine, createLineCutter, decodeLine, type LongLine, refuseLine } from './cut-lines.js'
import { parseEnvelope, type RolloutEnvelope } from './parse.js'
import { type ReadRolloutOptions, type RolloutFileFacts, readRolloutChunks } from './read.js'

/** As much of a string of a long line is kept, until the line has `MAX_KEPT_BYTES`, and then next to nothing. */
const DEFAULT_MAX_STRING_BYTES = 1024 * 1024
const MAX_KEPT_BYTES = 16 * 1024 * 1024
const TAIL_STRING_BYTES = 64

export interface ScanLinesOptions extends ReadRolloutOptions {
  /** Strings of lines over 1 MiB are cut to this. */
  maxStringBytes?: number | undefined
  /** Reads a line from its bytes, and answers `true` where it need not be parsed. */
  readBytes?: ((bytes: Buffer, place: LinePlace) => boolean) | undefined
}

/** Where a line stands in its file. */
export interface LinePlace {
  /** 1-based, blank lines included. */
  lineNumber: number
  /** Counts the lines that have an envelope, from 0. */
  index: number
  /** In unpacked bytes: where the line begins, and where it ends with its line feed. */
  offset: number
  endOffset: number
  /** What was left out of its strings. */
  elidedBytes: number
  /** `false` for a last line without its line feed. */
  isTerminated: boolean
}

export interface BadLine {
  lineNumber: number
  offset: number
  endOffset: number
  reason: string
  /** The last line, without its line feed: it is being written, or was never finished. */
  isIncomplete: boolean
}

export interface ScanResult {
  /** Behind the last complete line. */
  endOffset: number
  /** Lines with an envelope. */
  count: number
  /** The callback asked for an end before the last line. */
  isStopped: boolean
}

/**
 * Gives each line of a rollout that has an envelope to `onLine`, in file order, and the others to `onBadLine`.
 * Blank lines are passed over. A last line without its line feed counts if it is whole.
 *
 * Memory is bounded: of a line over 1 MiB the long strings are cut while it is read.
 *
 * @param onLine ends the reading when it returns `false`.
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function scanRolloutLines(
  file: RolloutFileFacts,
  onLine: (line: RolloutEnvelope, place: LinePlace) => boolean | undefined,
  onBadLine: (line: BadLine) => void,
  options: ScanLinesOptions = {},
): Promise<ScanResult> {
  const scanner = createLineScanner(onLine, onBadLine, options)
  for await (const chunk of readRolloutChunks(file, options)) {
    if (!scanner.push(chunk)) return { ...scanner.position(), isStopped: true }
  }
  scanner.end()
  return { ...scanner.position(), isStopped: false }
}

/** The same for bytes as they come: `push` tells whether more are wanted. */
export function createLineScanner(
  onLine: (line: RolloutEnvelope, place: LinePlace) => boolean | undefined,
  onBadLine: (line: BadLine) => void,
  { readBytes, ...options }: Pick<ScanLinesOptions, 'maxStringBytes' | 'readBytes'> = {},
) {
  const maxStringBytes = options.maxStringBytes ?? DEFAULT_MAX_STRING_BYTES
  const cutter = createLineCutter(() => createStringCutter(maxStringBytes))
  let index = 0

  /** `false` where the callback wants no more. */
  function give({ content, lineNumber, offset, endOffset, isTerminated }: CutLine<KeptLine>): boolean {
    const { bytes, elidedBytes } = Buffer.isBuffer(content) ? { bytes: content, elidedBytes: 0 } : content
    const place = { lineNumber, index, offset, endOffset, elidedBytes, isTerminated }
    if (readBytes?.(bytes, place)) {
      index += 1
      return true
    }
    const parsed = parseBytes(bytes)
    if (parsed === undefined) return true
    if (typeof parsed === 'string') {
      const reason = isTerminated ? parsed : `incomplete last line: ${parsed}`
      onBadLine({ lineNumber, offset, endOffset, reason, isIncomplete: !isTerminated })
      return true
    }
    index += 1
    return onLine(parsed, place) !== false
  }

  return {
    push(chunk: Buffer): boolean {
      for (const line of cutter.lines(chunk)) if (!give(line)) return false
      return true
    },

    /** A last line without its line feed counts if it is whole. */
    end(): void {
      const last = cutter.end()
      if (last) give(last)
    },

    position: () => ({ endOffset: cutter.offset(), count: index }),
  }
}

/** `undefined` for a blank line; a string says what is wrong. */
function parseBytes(bytes: Buffer): RolloutEnvelope | string | undefined {
  const refusal = refuseLine(bytes)
  if (refusal !== undefined) return refusal
  const text = decodeLine(bytes)
  if (text === undefined) return 'not UTF-8'
  return text === '' ? undefined : parseEnvelope(text)
}

/** A long line without the inside of its long strings: pictures, outputs and copied histories of many MB. */
interface KeptLine {
  bytes: Buffer
  elidedBytes: number
}

/**
 * JSON text in, JSON text out, in which no string is much longer than `maxStringBytes`: the rest of it is a note of
 * how much was left out.
 */
function createStringCutter(maxStringBytes: number): LongLine<KeptLine> {
  const kept: Buffer[] = []
  let keptBytes = 0
  let elidedBytes = 0
  let isInString = false
  let stringBytes = 0
  /** Bytes that still belong to an escape; -1 right behind a backslash. */
  let escaped = 0
  let cutBytes = 0

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return
    kept.push(Buffer.from(bytes))
    keptBytes += bytes.length
  }

  function add(chunk: Buffer): void {
    let from = 0
    let quoteAt = -1
    let slashAt = -1
    for (let at = 0; at < chunk.length; at += 1) {
      if (cutBytes > 0 && escaped === 0) {
        // Of what is left out only its end, and what hides it, is looked for.
        if (quoteAt < at) quoteAt = indexOrEnd(chunk, QUOTE, at)
        if (slashAt < at) slashAt = indexOrEnd(chunk, BACKSLASH, at)
        const next = Math.min(quoteAt, slashAt)
        cutBytes += next - at
        at = next
        if (at === chunk.length) break
      }
      const byte = chunk[at]!
      if (!isInString) {
        if (byte !== QUOTE) continue
        isInString = true
        stringBytes = 0
        continue
      }
      if (escaped === 0 && byte === QUOTE) {
        isInString = false
        if (cutBytes > 0) {
          keep(Buffer.from(`…[${cutBytes} bytes left out]`))
          elidedBytes += cutBytes
          cutBytes = 0
          from = at
        }
        continue
      }
      // Neither an escape nor a character of several bytes is cut in two.
      if (cutBytes === 0 && escaped === 0 && (byte & 0xc0) !== 0x80) {
        const limit = keptBytes + at - from > MAX_KEPT_BYTES ? TAIL_STRING_BYTES : maxStringBytes
        if (stringBytes >= limit) {
          keep(chunk.subarray(from, at))
          cutBytes = 1
          stringBytes += 1
          escaped = byte === BACKSLASH ? -1 : 0
          continue
        }
      }
      stringBytes += 1
      if (cutBytes > 0) cutBytes += 1
      if (escaped === -1) escaped = byte === 0x75 ? 4 : 0
      else if (escaped > 0) escaped -= 1
      else if (byte === BACKSLASH) escaped = -1
    }
    if (cutBytes === 0) keep(chunk.subarray(from))
  }

  return { add, finish: () => ({ bytes: Buffer.concat(kept), elidedBytes }) }
}

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from)
  return at === -1 ? chunk.length : at
}
