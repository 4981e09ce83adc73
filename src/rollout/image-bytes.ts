import { BACKSLASH, QUOTE } from '../model/bytes.js'

export interface Mark {
  bytes: Buffer
  /** What is shorter is no picture, and may be a word. */
  minBytes: number
}

/** What stands before base64 in a data URL. */
export const DATA_URL: readonly Mark[] = [{ bytes: Buffer.from(';base64,'), minBytes: 16 }]

/** The same, and in what a tool answered: in an MCP result, in a picture that the model made. */
export const OUTPUT_MARKS: readonly Mark[] = [
  ...DATA_URL,
  { bytes: Buffer.from('"data":"'), minBytes: 256 },
  { bytes: Buffer.from('"result":"'), minBytes: 256 },
]

const LONGEST_MARK_BYTES = Math.max(...OUTPUT_MARKS.map(({ bytes }) => bytes.length))

/** A shorter line has no picture in it that is worth a count. */
const MIN_IMAGE_LINE_BYTES = 128

export function countImages(line: Buffer, marks: readonly Mark[]): number {
  if (line.length < MIN_IMAGE_LINE_BYTES || !marks.some(({ bytes }) => line.includes(bytes))) return 0
  const images = createImageCounter(marks)
  images.add(line)
  return images.count()
}

/** Counts the base64 of a line that comes in pieces. */
export function createImageCounter(marks: readonly Mark[]) {
  let total = 0
  /** Of a text behind a mark: how long it is by now; `undefined` outside of one. */
  let running: { sizeBytes: number; minBytes: number } | undefined
  let tail = Buffer.alloc(0)

  function add(piece: Buffer): void {
    let at = 0
    // A mark may lie across two pieces.
    if (running === undefined && tail.length > 0) {
      const found = createMarkFinder(Buffer.concat([tail, piece.subarray(0, LONGEST_MARK_BYTES)]), marks)(0)
      if (found && found.end > tail.length) {
        at = found.end - tail.length
        running = { sizeBytes: 0, minBytes: found.minBytes }
      }
    }
    const find = createMarkFinder(piece, marks)
    while (at < piece.length) {
      if (running === undefined) {
        const found = find(at)
        if (found === undefined) break
        at = found.end
        running = { sizeBytes: 0, minBytes: found.minBytes }
      }
      const end = endOfBase64(piece, at)
      running.sizeBytes += end - at
      at = end
      if (end === piece.length) break
      const isEnded = piece[end] === QUOTE || piece[end] === BACKSLASH
      if (isEnded && running.sizeBytes >= running.minBytes) total += running.sizeBytes
      running = undefined
    }
    tail = Buffer.from(piece.subarray(Math.max(0, piece.length - LONGEST_MARK_BYTES + 1)))
  }

  return { add, count: () => total }
}

/** Before the quote, in JSON that stands in a string. */

/** Gives the first mark that begins from there on; each is looked for once, however many there are of the others. */
function createMarkFinder(
  bytes: Buffer,
  marks: readonly Mark[],
): (from: number) => { end: number; minBytes: number } | undefined {
  const places = marks.map((mark) => ({ mark, at: -1 }))
  return (from) => {
    let first: (typeof places)[number] | undefined
    for (const place of places) {
      if (place.at < from) {
        const at = bytes.indexOf(place.mark.bytes, from)
        place.at = at === -1 ? Number.POSITIVE_INFINITY : at
      }
      if (place.at !== Number.POSITIVE_INFINITY && (first === undefined || place.at < first.at)) first = place
    }
    return first && { end: first.at + first.mark.bytes.length, minBytes: first.mark.minBytes }
  }
}

/** Of a longer text only as much at both ends is looked at. */
const CHECKED_BYTES = 256

/** Where the text ends that holds only letters of base64. */
function endOfBase64(bytes: Buffer, from: number): number {
  const quote = bytes.indexOf(QUOTE, from)
  const end = quote === -1 ? bytes.length : quote
  const isLong = end - from > 2 * CHECKED_BYTES
  for (let at = from; at < end; at += 1) {
    if (isLong && at === from + CHECKED_BYTES) at = end - CHECKED_BYTES
    if (!BASE64.has(bytes[at]!)) return at
  }
  return end
}

const BASE64 = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_'))
