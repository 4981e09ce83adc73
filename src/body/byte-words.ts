import { isAt } from '../model/bytes.js'

/** Words are looked up where they stand, so that no string is made for them. */

export type ByteLookup<Value> = (bytes: Uint8Array, from: number, to: number) => Value

/** More different words are those of a log that has no few. */
const MOST_REMEMBERED = 2000

/** Makes a value for each word once, as long as they are few. */
export function createByteCache<Value>(make: (word: Buffer) => Value): ByteLookup<Value> {
  const known = new Map<number, { word: Buffer; value: Value }>()
  return (bytes, from, to) => {
    const hash = hashBytes(bytes, from, to)
    const found = known.get(hash)
    if (found && isWord(found.word, bytes, from, to)) return found.value
    const word = Buffer.from(bytes.subarray(from, to))
    const value = make(word)
    if (known.size >= MOST_REMEMBERED) known.clear()
    known.set(hash, { word, value })
    return value
  }
}

/** Finds the value of a known word. */
export function createByteIndex<Value>(
  entries: Iterable<readonly [string, Value]>,
): ByteLookup<Value | undefined> {
  const known = new Map<number, { word: Buffer; value: Value }[]>()
  for (const [text, value] of entries) {
    const word = Buffer.from(text)
    const sum = signOf(word, 0, word.length)
    known.set(sum, [...(known.get(sum) ?? []), { word, value }])
  }
  return (bytes, from, to) => {
    const found = known.get(signOf(bytes, from, to))
    if (!found) return undefined
    for (const { word, value } of found) if (isWord(word, bytes, from, to)) return value
    return undefined
  }
}

/** Cheap, and different for most words: their length, their first byte and two of the last. */
export function signOf(bytes: Uint8Array, from: number, to: number): number {
  return to === from
    ? 0
    : (((to - from) & 0x3ff) << 21) | (bytes[from]! << 14) | (bytes[to - 1]! << 7) | bytes[(from + to) >> 1]!
}

export function isWord(word: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === word.length && isAt(bytes, word, from)
}

function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
  return hash
}
