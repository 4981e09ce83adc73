/**
 * What would break a line, hide text or drive the terminal at the end of a pipe: NUL, backspace, line ends,
 * ESC and the C1 controls (one of which begins a sequence as ESC does).
 */
const UNSAFE_IN_LINE = /[\0\b\n\r\x1b\u0080-\u009f]/g

/** All controls but tab and newline, and the marks that turn the direction of text (https://trojansource.codes). */
const UNSAFE_ON_TERMINAL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

/** The same in JSON, where the controls below the space are escaped already; it stays the same value. */
export function escapeJsonForTerminal(json: string): string {
  return json.replace(
    UNSAFE_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const UNSAFE_IN_JSON = /[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

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
  const code = character.charCodeAt(0)
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}
