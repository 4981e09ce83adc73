import { BACKSLASH, OPEN_BRACE, QUOTE } from '../model/bytes.js'
import { parseEnvelope, type RolloutEnvelope } from './parse.js'

/** `undefined` for a line that cannot be read. */
export function parseLineBytes(bytes: Buffer): RolloutEnvelope | undefined {
  const line = parseEnvelope(bytes.toString())
  return typeof line === 'string' ? undefined : line
}

const INSTRUCTIONS = Buffer.from('"base_instructions":')

/** The line of a `session_meta`, parsed without the instructions, which are most of it. */
export function parseMetaLine(bytes: Buffer): RolloutEnvelope | undefined {
  const at = bytes.indexOf(INSTRUCTIONS)
  if (at === -1) return parseLineBytes(bytes)
  const value = at + INSTRUCTIONS.length
  // A text, or since 0.169 an object whose first field is the text.
  const quote = bytes[value] === OPEN_BRACE ? value + '{"text":'.length : value
  if (bytes[quote] !== QUOTE) return parseLineBytes(bytes)
  const end = findInstructionsEnd(bytes, quote + 1)
  const line = parseEnvelope(`${bytes.toString('utf8', 0, quote)}null${bytes.toString('utf8', end)}`)
  return typeof line === 'string' ? parseLineBytes(bytes) : line
}

/** With the quote behind them: most rollouts of a release have the same. */
let lastInstructions = Buffer.alloc(0)

/** Behind the quote that ends the instructions. */
function findInstructionsEnd(bytes: Buffer, from: number): number {
  const { length } = lastInstructions
  if (
    length > 0 &&
    from + length <= bytes.length &&
    bytes.compare(lastInstructions, 0, length, from, from + length) === 0
  )
    return from + length
  const end = findStringEnd(bytes, from) + 1
  lastInstructions = Buffer.from(bytes.subarray(from, end))
  return end
}

/** The quote that ends the string that begins at `from`. */
function findStringEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0
    while (bytes[at - 1 - backslashes] === BACKSLASH) backslashes += 1
    if (backslashes % 2 === 0) return at
  }
  return bytes.length
}

/** Of a mode of collaboration: they have a model of their own. */
const SETTINGS = Buffer.from('"settings":{')

/**
 * A text field of a line, without parsing it: Codex writes no object with such a key before its own. `undefined` when
 * the line has none, or one that only a parser can read.
 *
 * @param key with quotes, colon and the quote that begins the text.
 */
export function findTextField(bytes: Buffer, key: Buffer): string | undefined {
  const start = bytes.indexOf(key)
  if (start === -1 || bytes.subarray(0, start).includes(SETTINGS)) return undefined
  const end = bytes.indexOf(QUOTE, start + key.length)
  const text = bytes.toString('utf8', start + key.length, end)
  return end === -1 || text.includes('\\') ? undefined : text
}
