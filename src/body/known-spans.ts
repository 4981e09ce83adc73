/** Of the spans of one chain; more, or longer ones, are read each time. */
const MOST_SPANS = 32
const MOST_BYTES = 2048

/**
 * How the chain before began. Most rows begin as the one before, of the same thread and turn: comparing bytes takes a
 * quarter of the time of reading spans. Only what is decided by the bytes remembered may be added: a span that
 * can be told only by what follows it is left out, and stands before the next one that is added.
 */
export interface KnownSpans {
  /** How many of the spans the body begins with. */
  match(bytes: Uint8Array, from: number, to: number): number
  /** Where the last of so many ends, counted from where the body begins: after its colon. */
  endOf(count: number): number
  hasBraces(count: number): boolean
  /** One more than so many. Those that were behind it are forgotten. */
  add(count: number, end: number, hasBraces: boolean): number
  /** The spans are those of this body now. */
  keep(bytes: Uint8Array, from: number, count: number): void
}

export function createKnownSpans(): KnownSpans {
  const chain = new Uint8Array(MOST_BYTES)
  const chainView = new DataView(chain.buffer)
  const ends = new Int32Array(MOST_SPANS)
  const braces = new Uint8Array(MOST_SPANS)
  let known = 0
  let viewed: Uint8Array | undefined
  let view: DataView = chainView

  return {
    match(bytes, from, to) {
      if (known === 0) return 0
      if (viewed !== bytes) {
        viewed = bytes
        view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      }
      // Behind a chain there is a blank at least.
      const most = Math.min(ends[known - 1]!, to - from - 1)
      let same = 0
      while (same + 4 <= most && view.getInt32(from + same, true) === chainView.getInt32(same, true))
        same += 4
      while (same < most && bytes[from + same] === chain[same]) same++
      let count = known
      while (count > 0 && ends[count - 1]! > same) count--
      return count
    },
    endOf: (count) => ends[count - 1]!,
    hasBraces: (count) => braces[count - 1] === 1,
    add(count, end, hasBraces) {
      if (count === MOST_SPANS || end > MOST_BYTES) return count
      if (known > count) known = count
      ends[count] = end
      braces[count] = hasBraces ? 1 : 0
      return count + 1
    },
    keep(bytes, from, count) {
      if (count === 0) return
      const length = ends[count - 1]!
      // What was matched stands there already.
      for (let at = known > 0 ? ends[known - 1]! : 0; at < length; at++) chain[at] = bytes[from + at]!
      known = count
    },
  }
}
