/** Whether `text` stands in `bytes` at a place. For texts this short, a call of the buffer's own takes longer. */
export function isAt(bytes: Buffer, text: Buffer, at: number): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text[index]) return false
  return true
}

/** The quote that ends a text without escapes and with nothing beyond ASCII; -1 for another text. */
export function findPlainEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at += 1) {
    const byte = bytes[at]!
    if (byte === 0x22) return at
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) return -1
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
