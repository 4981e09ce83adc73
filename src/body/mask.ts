import { BACKSLASH, BACKTICK, COLON, DASH, DOT, NEWLINE, QUOTE, SLASH, TILDE } from '../model/bytes.js'
/**
 * A message without what differs from row to row: ids, numbers and durations become `#`, paths `<path>`, addresses
 * `<url>`, quoted texts `"…"`. Messages of one kind become the same text.
 */
export function maskMessage(message: string): string {
  const bytes = Buffer.from(message)
  const masked = Buffer.allocUnsafe(maskedRoom(bytes.length))
  return masked.toString('utf8', 0, maskBytes(bytes, 0, bytes.length, masked, 0))
}

/** A mask is never longer than this. */
export function maskedRoom(length: number): number {
  return length * LONGEST_SIGN
}

const WORD = 1
const DIGIT = 2
/** Ends an address. */
const ENDS_URL = 4
const ENDS_PATH = 8
/** What a path goes on with after its first `/`. */
const IN_PATH = 16
const SCHEME = 32

const CLASSES = new Uint8Array(256)
function mark(characters: string, bits: number): void {
  for (const character of characters) CLASSES[character.charCodeAt(0)]! |= bits
}
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
mark(`${LOWER}${LOWER.toUpperCase()}${DIGITS}_-`, WORD | IN_PATH)
mark(DIGITS, DIGIT)
mark('.@~', IN_PATH)
mark(`${LOWER}${DIGITS}+.-`, SCHEME)
mark(' \t\n\v\f\r"\'<>)]},', ENDS_URL)
mark(' \t\n\v\f\r"\'`<>()[]{},;:', ENDS_PATH)

const LOWER_A = 0x61

const QUOTED = Buffer.from('"…"')
const TICKED = Buffer.from('`…`')
const URL = Buffer.from('<url>')
const PATH = Buffer.from('<path>')
const NUMBER = Buffer.from('#')
/** The shortest text that becomes a sign has two bytes (`""`, `/a`), the longest sign six. */
const LONGEST_SIGN = 3
const LONGEST_SCHEME = 16

/** Writes the mask of a text in UTF-8, and gives the place after it. */
export function maskBytes(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  outFrom: number,
): number {
  let length = outFrom
  let at = from

  function write(sign: Uint8Array): void {
    for (let index = 0; index < sign.length; index++) out[length++] = sign[index]!
  }

  while (at < to) {
    const code = bytes[at]!
    if ((CLASSES[code]! & WORD) !== 0) {
      const url = code >= LOWER_A ? endOfUrl(bytes, at, to) : 0
      if (url > 0) {
        write(URL)
        at = url
        continue
      }
      if (
        bytes[at + 1] === COLON &&
        bytes[at + 2] === BACKSLASH &&
        at + 2 < to &&
        (CLASSES[code]! & DIGIT) === 0
      ) {
        write(PATH)
        at = endOf(bytes, at + 3, to, ENDS_PATH)
        continue
      }
      // A word that has a digit in it, and what follows it as a fraction: `01a2-…`, `1.5s`, `call_7`.
      let kinds = 0
      const begin = at
      for (; at < to; at++) {
        const kind = CLASSES[bytes[at]!]!
        if ((kind & WORD) === 0) break
        kinds |= kind
      }
      if ((kinds & DIGIT) === 0) {
        for (let index = begin; index < at; index++) out[length++] = bytes[index]!
        continue
      }
      write(NUMBER)
      while (at + 1 < to && bytes[at] === DOT && (CLASSES[bytes[at + 1]!]! & DIGIT) !== 0) {
        at++
        while (at < to && (CLASSES[bytes[at]!]! & WORD) !== 0) at++
      }
      continue
    }
    if (code === QUOTE || code === BACKTICK) {
      const end = code === QUOTE ? endOfQuoted(bytes, at, to) : endOfTicked(bytes, at, to)
      if (end > 0) {
        write(code === QUOTE ? QUOTED : TICKED)
        at = end
        continue
      }
    } else if (code === SLASH || code === TILDE) {
      const begin = code === SLASH ? at + 1 : bytes[at + 1] === SLASH ? at + 2 : to
      // Absolute or below the home; not the `/` between two words.
      if (begin < to && (CLASSES[bytes[begin]!]! & IN_PATH) !== 0 && !isInWord(bytes, from, at)) {
        write(PATH)
        at = endOf(bytes, begin, to, ENDS_PATH)
        continue
      }
    }
    out[length++] = code
    at++
  }
  return length
}

function isInWord(bytes: Uint8Array, from: number, at: number): boolean {
  if (at === from) return false
  const code = bytes[at - 1]!
  return code === SLASH || code === DOT || code === COLON || (code !== DASH && (CLASSES[code]! & WORD) !== 0)
}

function endOf(bytes: Uint8Array, from: number, to: number, ends: number): number {
  let at = from
  while (at < to && (CLASSES[bytes[at]!]! & ends) === 0) at++
  return at
}

/** 0 where no address begins: a scheme, `://`, and something after it. */
function endOfUrl(bytes: Uint8Array, from: number, to: number): number {
  const last = Math.min(to - 3, from + LONGEST_SCHEME)
  let at = from
  while (at < last && (CLASSES[bytes[at]!]! & SCHEME) !== 0) at++
  if (at === from || bytes[at] !== COLON || at + 3 >= to) return 0
  if (bytes[at + 1] !== SLASH || bytes[at + 2] !== SLASH) return 0
  const end = endOf(bytes, at + 3, to, ENDS_URL)
  return end === at + 3 ? 0 : end
}

/** 0 where it does not end on its line. */
function endOfQuoted(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from + 1; at < to; at++) {
    const code = bytes[at]!
    if (code === QUOTE) return at + 1
    if (code === NEWLINE || (code === BACKSLASH && bytes[++at] === NEWLINE)) return 0
  }
  return 0
}

function endOfTicked(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from + 1; at < to; at++) {
    if (bytes[at] === BACKTICK) return at + 1
    if (bytes[at] === NEWLINE) return 0
  }
  return 0
}
