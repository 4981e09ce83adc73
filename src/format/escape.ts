/**
 * What would break a line, hide text or drive the terminal at the end of a pipe: NUL, backspace, line ends,
 * ESC and the C1 controls (one of which begins a sequence as ESC does).
 */
const UNSAFE_IN_LINE = /[\0\b\n\r\x1b\u0080-\u009f]/g

/**
 * What shows nothing and changes what is read: the marks that turn the direction of text (https://trojansource.codes),
 * characters without width, and the tag characters, in which a whole text can hide. The joiner between two parts
 * of one emoji is left alone.
 */
const HIDDEN = String.raw`\xad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}`
const LONE_JOINER = String.raw`\u200d(?!\p{Extended_Pictographic})`

/** All controls but tab and newline, and what is hidden. */
const UNSAFE_ON_TERMINAL = new RegExp(`[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f${HIDDEN}]|${LONE_JOINER}`, 'gu')

/** Whether a text does nothing on a terminal but show itself, on one line. */
export function isSafeOnTerminal(text: string): boolean {
  return escapeForTerminal(text) === text && !/[\t\n]/.test(text)
}

/** The same in JSON, where the controls below the space are escaped already; it stays the same value. */
export function escapeJsonForTerminal(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (character) => codeUnitsOf(character).map(unicodeEscape).join(''))
}

const UNSAFE_IN_JSON = new RegExp(`[\\x7f-\\x9f${HIDDEN}]|${LONE_JOINER}`, 'gu')

/** JSON has escapes only for code units. */
function codeUnitsOf(character: string): number[] {
  return Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
}

function unicodeEscape(code: number): string {
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

/** One line, whatever the text holds. */
export function escapeLine(text: string): string {
  return text.replace(UNSAFE_IN_LINE, escapeCharacter)
}

/** Safe to show; newlines and tabs are kept, a line end of CR and LF counts as one newline. */
export function escapeForTerminal(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSAFE_ON_TERMINAL, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0)!
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(code)
}
