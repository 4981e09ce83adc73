/**
 * What would break a line, hide text or drive the terminal at the end of a pipe: NUL, backspace, line ends,
 * ESC and the C1 controls (one of which begins a sequence as ESC does).
 */
const UNSAFE_IN_LINE = /[\0\b\n\r\x1b\u0080-\u009f]/g

/**
 * What shows nothing and changes what is read: the marks that turn the direction of text (https://trojansource.codes),
 * characters without width, and the tag characters, in which a whole text can hide.
 */
const HIDDEN = String.raw`\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}`

/** All controls but tab and newline, and what is hidden. */
const UNSAFE_ON_TERMINAL = new RegExp(`[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f${HIDDEN}]`, 'gu')

/** Whether a text does nothing on a terminal but show itself, on one line. */
export function isSafeOnTerminal(text: string): boolean {
  return escapeForTerminal(text) === text && !/[\t\n]/.test(text)
}

/** The same in JSON, where the controls below the space are escaped already; it stays the same value. */
export function escapeJsonForTerminal(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (character, at: number) =>
    isJoiner(character) && joinsLetters(json, at)
      ? character
      : codeUnitsOf(character).map(unicodeEscape).join(''),
  )
}

const UNSAFE_IN_JSON = new RegExp(`[\\x7f-\\x9f${HIDDEN}]`, 'gu')

/** Zero-width non-joiner and joiner. */
function isJoiner(character: string): boolean {
  return character === '\u200c' || character === '\u200d'
}

/**
 * Whether a joiner does what it is for: it stands between the parts of one emoji, or in a script whose letters are
 * written together (Arabic and Persian, the scripts of India and its neighbours, Mongolian …). In any other text it
 * makes two words look like one another.
 */
function joinsLetters(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 2), at)
  if (text[at] === '\u200d' && /^\p{Extended_Pictographic}/u.test(text.slice(at + 1, at + 3))) return true
  // Not before it is needed: such a pattern takes its time to build.
  endsInJoiningScript ??= new RegExp(
    `[${JOINING_SCRIPTS.map((script) => `\\p{Script_Extensions=${script}}`).join('')}]$`,
    'u',
  )
  return endsInJoiningScript.test(before)
}

let endsInJoiningScript: RegExp | undefined

const JOINING_SCRIPTS = [
  'Arabic',
  'Syriac',
  'Mongolian',
  'Nko',
  'Devanagari',
  'Bengali',
  'Gurmukhi',
  'Gujarati',
  'Oriya',
  'Tamil',
  'Telugu',
  'Kannada',
  'Malayalam',
  'Sinhala',
  'Khmer',
  'Myanmar',
]

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
  const lines = text.replaceAll('\r\n', '\n')
  return lines.replace(UNSAFE_ON_TERMINAL, (character, at: number) =>
    isJoiner(character) && joinsLetters(lines, at) ? character : escapeCharacter(character),
  )
}

/** What `escapeForTerminal` makes of one character of a text, no line end. */
export function escapeAt(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at)!)
  const isKept = isJoiner(character) ? joinsLetters(text, at) : isSafeOnTerminal(character)
  return isKept ? character : escapeCharacter(character)
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0)!
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(code)
}
