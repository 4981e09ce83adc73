/** Whether `text` stands in `bytes` at a place. For texts this short, a call of the buffer's own takes longer. */
export function isAt(bytes: Buffer, text: Buffer, at: number): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text[index]) return false
  return true
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
