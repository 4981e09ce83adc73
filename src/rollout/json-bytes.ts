import {
  BACKSLASH,
  BLANK,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DASH,
  DOT,
  isAt,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  ZERO,
} from '../model/bytes.js'

/** As deep as Codex writes, and far deeper; what is deeper is for the parser. */
const MAX_DEPTH = 128

/** The bytes that stand for themselves in a text. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= BLANK && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

/** What may stand behind a backslash, but for `u`. */
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'))

/** Of each value that is open, the outermost first: whether it is an object. */
const open = new Uint8Array(MAX_DEPTH)

/**
 * Behind the JSON value at `from`, as the parser would read it; -1 where none is, and for what only the parser can
 * tell: white space between values, or deep nesting. That the bytes are UTF-8 is for the caller to look at.
 */
export function skipJson(bytes: Buffer, from: number): number {
  let depth = 0
  let at = from
  for (;;) {
    const byte = bytes[at]
    if (byte === OPEN_BRACE) {
      if (bytes[at + 1] === CLOSE_BRACE) at += 2
      else {
        if (depth === MAX_DEPTH) return -1
        open[depth] = 1
        depth += 1
        at = skipKey(bytes, at + 1)
        if (at === -1) return -1
        continue
      }
    } else if (byte === OPEN_BRACKET) {
      if (bytes[at + 1] === CLOSE_BRACKET) at += 2
      else {
        if (depth === MAX_DEPTH) return -1
        open[depth] = 0
        depth += 1
        at += 1
        continue
      }
    } else {
      at = byte === QUOTE ? skipText(bytes, at + 1) : skipWord(bytes, at)
      if (at === -1) return -1
    }
    // Behind a value: the next one, or the end of those around it.
    for (;;) {
      if (depth === 0) return at
      const isInObject = open[depth - 1] === 1
      if (bytes[at] === COMMA) {
        at = isInObject ? skipKey(bytes, at + 1) : at + 1
        if (at === -1) return -1
        break
      }
      if (bytes[at] !== (isInObject ? CLOSE_BRACE : CLOSE_BRACKET)) return -1
      depth -= 1
      at += 1
    }
  }
}

/** Behind `"key":value`; -1 where none stands. */
export function skipMember(bytes: Buffer, from: number): number {
  const value = skipKey(bytes, from)
  return value === -1 ? -1 : skipJson(bytes, value)
}

/** Behind `"key":`. */
function skipKey(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) return -1
  const end = skipText(bytes, from + 1)
  return end !== -1 && bytes[end] === COLON ? end + 1 : -1
}

/** Behind the quote that ends a text. */
function skipText(bytes: Buffer, from: number): number {
  let at = from
  for (;;) {
    while (PLAIN[bytes[at]!] === 1) at += 1
    if (bytes[at] === QUOTE) return at + 1
    if (bytes[at] !== BACKSLASH) return -1
    const escaped = bytes[at + 1]!
    if (ESCAPES.has(escaped)) at += 2
    else if (escaped === 0x75 /* u */ && isHex(bytes, at + 2)) at += 6
    else return -1
  }
}

function isHex(bytes: Buffer, from: number): boolean {
  for (let at = from; at < from + 4; at += 1) {
    const byte = bytes[at]!
    const isDigit = byte >= ZERO && byte <= NINE
    const isLetter = (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66)
    if (!isDigit && !isLetter) return false
  }
  return true
}

const WORDS = ['null', 'true', 'false'].map((word) => Buffer.from(word))

/** Behind a number or one of the words. */
function skipWord(bytes: Buffer, from: number): number {
  for (const word of WORDS) if (isAt(bytes, word, from)) return from + word.length
  return skipNumber(bytes, from)
}

/** Behind a number; -1 where none stands. */
export function skipNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === DASH ? from + 1 : from
  const first = at
  at = skipDigits(bytes, at)
  if (at === first || (at > first + 1 && bytes[first] === ZERO)) return -1
  if (bytes[at] === DOT) {
    const fraction = at + 1
    at = skipDigits(bytes, fraction)
    if (at === fraction) return -1
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45 /* e, E */) {
    const sign = bytes[at + 1] === 0x2b || bytes[at + 1] === DASH
    const exponent = at + (sign ? 2 : 1)
    at = skipDigits(bytes, exponent)
    if (at === exponent) return -1
  }
  return at
}

export function skipDigits(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at += 1
  return at
}
