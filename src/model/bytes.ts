/** Codes of characters, which are also their bytes, as the readers of bytes look for them. */
export const TAB = 0x09
export const NEWLINE = 0x0a
export const CARRIAGE_RETURN = 0x0d
export const ESC = 0x1b
export const BLANK = 0x20
export const QUOTE = 0x22
export const PERCENT = 0x25
export const CLOSE_PAREN = 0x29
export const COMMA = 0x2c
export const DASH = 0x2d
export const DOT = 0x2e
export const SLASH = 0x2f
export const ZERO = 0x30
export const NINE = 0x39
export const COLON = 0x3a
export const EQUALS = 0x3d
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const UNDERSCORE = 0x5f
export const BACKTICK = 0x60
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
export const TILDE = 0x7e
export const DELETE = 0x7f

/**
 * Whether these bytes stand at a place, where as many are there. For texts as short as those of a log or a rollout a
 * call of the buffer's own takes longer.
 */
export function isAt(bytes: Uint8Array, word: Uint8Array, at: number): boolean {
  for (let index = 0; index < word.length; index += 1) if (bytes[at + index] !== word[index]) return false
  return true
}
