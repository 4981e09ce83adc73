import { isUtf8 } from 'node:buffer'
import { BACKSLASH, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from '../model/bytes.js'

/** Of a longer line only what its reader asks for is kept. */
const LONG_LINE_BYTES = 1024 * 1024

/** A line longer than this is malformed whatever it says: JavaScript could not hold it as one string. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024

/**
 * A long line with more commas and opening brackets than this is malformed, too: parsed, each value takes many times the
 * bytes that it has in the file, and memory that runs out ends the process, which no error says. The longest real lines
 * have some hundred thousand.
 */
const MAX_LINE_MARKS = 2_000_000

/** A line as its bytes, or, of one over 1 MiB, what was made of it. */
export interface CutLine<Long> {
  content: Buffer | Long
  /** 1-based, blank lines included. */
  lineNumber: number
  /** Where the line begins, and where it ends with its line feed. */
  offset: number
  endOffset: number
  /** `false` for what stands behind the last line feed. */
  isTerminated: boolean
}

/** Takes the pieces of a line over 1 MiB as they come, those before the limit included. */
export interface LongLine<Long> {
  add(piece: Buffer): void
  finish(): Long
}

export interface LineCutter<Long> {
  /** The lines that end in this chunk; what is behind the last of them is copied for the next chunk. */
  lines(chunk: Buffer): Generator<CutLine<Long>, void, undefined>
  /** What stands behind the last line feed, if anything does. */
  end(): CutLine<Long> | undefined
  /** Behind the last line that was given. */
  offset(): number
}

/**
 * Cuts chunks of bytes into lines.
 *
 * @param startLong called once a line is over 1 MiB, with what there is of it: what shall be kept of it?
 */
export function createLineCutter<Long>(
  startLong: (pieces: readonly Buffer[]) => LongLine<Long>,
): LineCutter<Long> {
  let pieces: Buffer[] = []
  let heldBytes = 0
  let long: LongLine<Long> | undefined
  let lineNumber = 0
  let offset = 0

  function hold(piece: Buffer): void {
    if (piece.length === 0) return
    heldBytes += piece.length
    if (long) {
      long.add(piece)
      return
    }
    pieces.push(Buffer.from(piece))
    if (heldBytes <= LONG_LINE_BYTES) return
    long = startLong(pieces)
    for (const held of pieces) long.add(held)
    pieces = []
  }

  function takeContent(rest: Buffer): Buffer | Long {
    if (heldBytes === 0) return rest
    hold(rest)
    const content = long ? long.finish() : Buffer.concat(pieces)
    pieces = []
    heldBytes = 0
    long = undefined
    return content
  }

  return {
    *lines(chunk) {
      let from = 0
      for (let feed = chunk.indexOf(10); feed !== -1; feed = chunk.indexOf(10, from)) {
        const start = offset
        offset += heldBytes + feed - from + 1
        lineNumber += 1
        const content = takeContent(chunk.subarray(from, feed))
        from = feed + 1
        yield { content, lineNumber, offset: start, endOffset: offset, isTerminated: true }
      }
      hold(chunk.subarray(from))
    },

    end() {
      if (heldBytes === 0) return undefined
      const endOffset = offset + heldBytes
      lineNumber += 1
      return { content: takeContent(Buffer.alloc(0)), lineNumber, offset, endOffset, isTerminated: false }
    },

    offset: () => offset,
  }
}

/** The text of a line, empty for a blank one; `undefined` for bytes that are not UTF-8. */
export function decodeLine(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return ''
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString()
  // Few lines are that short, and white space is all there is in a blank one.
  return text.charCodeAt(0) <= 0x20 && text.trim() === '' ? '' : text
}

/** Why a line is not parsed, in words that follow a colon; `undefined` where it may be. */
export function refuseLine(bytes: Buffer): string | undefined {
  if (bytes.length <= LONG_LINE_BYTES) return undefined
  if (bytes.length > MAX_LINE_BYTES) return 'longer than 256 MiB'
  return hasMoreMarks(bytes, MAX_LINE_MARKS) ? 'more values than can be held in memory' : undefined
}

/** Counts what a value begins behind: a comma or an opening bracket that stands in no string. */
function hasMoreMarks(bytes: Buffer, limit: number): boolean {
  let count = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = endOfString(bytes, at + 1)
      continue
    }
    if (byte !== COMMA && byte !== OPEN_BRACKET && byte !== OPEN_BRACE) continue
    count += 1
    if (count > limit) return true
  }
  return false
}

/** Where the string ends that begins here: at its quote, or behind all bytes. */
function endOfString(bytes: Buffer, from: number): number {
  for (let at = from; ; at += 1) {
    at = bytes.indexOf(QUOTE, at)
    if (at === -1) return bytes.length
    let slashes = 0
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return at
  }
}
