import { BACKSLASH, BLANK, isAt, QUOTE } from '../model/bytes.js'
/** The quote that ends a text without escapes and with nothing beyond ASCII; -1 for another text. */
export function findPlainEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at]!
    if (byte === QUOTE) return at
    if (byte < BLANK || byte > 0x7e || byte === BACKSLASH) return -1
  }
  return -1
}

/** Makes strings of ASCII bytes; one that was made last is not made again. */
export function createTextReader() {
  let known = ''
  let knownBytes = Buffer.alloc(0)
  return (bytes: Buffer, start: number, end: number): string => {
    if (end - start !== knownBytes.length || !isAt(bytes, knownBytes, start)) {
      knownBytes = Buffer.from(bytes.subarray(start, end))
      known = knownBytes.toString('latin1')
    }
    return known
  }
}
