import { BACKSLASH, BLANK, CARRIAGE_RETURN, COLON, ESC, NEWLINE, PERCENT, SLASH } from '../model/bytes.js'
import {
  checkAssignment,
  checkDiscordToken,
  checkKeyword,
  checkNeedle,
  checkPrefixes,
  checkUserInfo,
  type FoundSecret,
  KEYWORDS,
} from './check-secrets.js'
import {
  ACCOUNT_NAMES,
  NEEDLE_RULES,
  type NeedleRule,
  PREFIX_RULES,
  SECRET_NAME_TAILS,
} from './secret-rules.js'

/** What one look at a text finds. */
export interface TextScan {
  /** In no order. */
  readonly secrets: readonly FoundSecret[]
  /** Where something else may stand, in order. */
  readonly places: Readonly<Record<PlaceKind, readonly number[]>>
}

/**
 * The `/` of a folder that may say whose it is, or the letter of a drive; an `@`; the first character of an escape that may
 * cut a word (of backslashes, an escape character, a percent sign); a character at which a known name may begin.
 */
type PlaceKind = 'folder' | 'at' | 'escape' | 'name'

export interface TextScanner {
  scan(text: string): TextScan
  /** From now on, places are told at which this name may begin: with a letter or a digit of ASCII. */
  addName(name: string): void
  /** The same of a folder that begins with `/`. */
  addFolder(folder: string): void
}

/** Every secret in a text that a rule of ours knows, in no order. */
export function findSecrets(text: string): FoundSecret[] {
  return [...scanner.scan(text).secrets]
}

// --------------------------------------------------------------------------------------- tables of characters

/** Of letters and digits. */
const ALPHANUMERIC = 1
/** Within a word, but another may begin behind it. */
const JOINER = 2
/** May stand right behind a name that is given a value: a quote, a separator, a blank, an escape. */
const ENDS_NAME = 4
/** May be the middle of something that is looked for. */
const SPECIAL = 8
/** Of all UTF-16 units: looking up is cheaper than asking which ones there are. */
const CLASSES = new Uint8Array(1 << 16)
for (const [pattern, kind] of [
  [/[A-Za-z0-9]/, ALPHANUMERIC],
  [/[-_.]/, JOINER],
  [/[=:"'` \\]/, ENDS_NAME],
  // NUL ends the text.
  [/[-.=:/\\~@%\0\x1b]/, SPECIAL],
] as const) {
  for (let code = 0; code < 128; code += 1) {
    if (pattern.test(String.fromCharCode(code))) CLASSES[code]! |= kind
  }
}

const AT = 64
const LETTER_N = 110

/** Five bits of each of three characters. Not only these three fall on it: what is told by it is checked again. */
function hashThree(a: number, b: number, c: number): number {
  return ((a & 31) << 10) | ((b & 31) << 5) | (c & 31)
}

/** What may begin with a letter or digit behind something else, by the first three characters. */
const BEGINS_SECRET = 1
const BEGINS_KEYWORD = 2
const BEGINS_NAME = 4
const BEGINNINGS = new Uint8Array(1 << 15)
for (const prefix of PREFIX_RULES.flatMap(({ prefixes }) => prefixes)) {
  // Behind two letters alone anything may follow.
  const thirds = prefix.length > 2 ? [prefix.charCodeAt(2)] : Array.from({ length: 32 }, (_, third) => third)
  for (const third of thirds) {
    BEGINNINGS[hashThree(prefix.charCodeAt(0), prefix.charCodeAt(1), third)]! |= BEGINS_SECRET
  }
}
for (const word of KEYWORDS.keys()) BEGINNINGS[hashOfBeginning(word)]! |= BEGINS_KEYWORD

function hashOfBeginning(word: string): number {
  return hashThree(word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2))
}

/** The ends of names whose value is a secret, last character first, and the bits that count of each. */
const NAME_TAILS: { readonly codes: readonly number[]; readonly mask: number }[][] = [[]]
/** By the last three characters: where in the list above; 0 for nothing. */
const NAME_TAIL_LISTS = new Uint8Array(1 << 15)
for (const [names, mask] of [
  // Both cases are the same in five bits.
  [SECRET_NAME_TAILS, 31],
  [Object.keys(ACCOUNT_NAMES), 127],
] as const) {
  for (const name of names) {
    const codes = [...name].map((character) => character.charCodeAt(0) & mask).reverse()
    const hash = hashThree(codes[2]!, codes[1]!, codes[0]!)
    if (NAME_TAIL_LISTS[hash] === 0) NAME_TAIL_LISTS[hash] = NAME_TAILS.push([]) - 1
    NAME_TAILS[NAME_TAIL_LISTS[hash]!]!.push({ codes, mask })
  }
}

/** By the last punctuation of a needle and the character behind it, or before it where it ends the needle. */
const NEEDLES: { readonly needle: string; readonly offset: number; readonly rule: NeedleRule }[][] = [[]]
const NEEDLE_PAIRS = new Uint8Array(1 << 14)
for (const rule of NEEDLE_RULES) {
  for (const needle of rule.needles) {
    const offset = /[-.=:/\\~](?=[^-.=:/\\~]*$)/.exec(needle)!.index
    const first = offset === needle.length - 1 ? offset - 1 : offset
    const pair = (needle.charCodeAt(first) << 7) | needle.charCodeAt(first + 1)
    if (NEEDLE_PAIRS[pair] === 0) NEEDLE_PAIRS[pair] = NEEDLES.push([]) - 1
    NEEDLES[NEEDLE_PAIRS[pair]!]!.push({ needle, offset, rule })
  }
}

/** What follows the `/` of a folder that says whose it is: `/home`, `/Users`, `/Volumes`, `/media`, `/workspaces`, `/run`. */
const FOLDER_INITIALS = new Uint8Array(1 << 16)
for (const initial of 'hUVmwr') FOLDER_INITIALS[initial.charCodeAt(0)] = 1

/** What makes an escape of one or more backslashes before it that may cut a word; `n` and line ends are asked apart. */
const CUTS_WORD = new Uint8Array(1 << 16)
for (const character of 'uUxXeE0-_/.=~+:@#$&!*?,;()[]{}<>|^\r\n') CUTS_WORD[character.charCodeAt(0)] = 1

/** Letters that make an escape of two characters with a backslash. */
const ESCAPE_LETTERS = new Uint8Array(1 << 16)
for (const letter of 'nrtbf0v') ESCAPE_LETTERS[letter.charCodeAt(0)] = 1

// ------------------------------------------------------------------------------------------------- one look

/** So many characters are kept for the next text. */
const KEPT_CHARACTERS = 2 * 1024 * 1024
let kept = new Uint16Array(0)

/** Reading characters out of a part of a larger string takes five times as long. One more, which ends the last word. */
function copyCodes(text: string): Uint16Array {
  const { length } = text
  let codes = kept
  if (codes.length <= length) {
    codes = new Uint16Array(Math.max(length + 1, 64 * 1024))
    if (length < KEPT_CHARACTERS) kept = codes
  }
  Buffer.from(codes.buffer).write(text, 'utf16le')
  codes[length] = 0
  return codes
}

/**
 * One look at each character finds where words and names begin and end; only what could be something is tried
 * against a pattern. An escape (`\n`, `\u0022`, a colour, `%3D`) ends a word, so a secret right behind one is found.
 */
export function createTextScanner(): TextScanner {
  const beginnings = BEGINNINGS.slice()
  const folderInitials = FOLDER_INITIALS.slice()
  return {
    scan: (text) => scanText(text, beginnings, folderInitials),
    addName(name) {
      beginnings[hashOfBeginning(name)]! |= BEGINS_NAME
    },
    addFolder(folder) {
      folderInitials[folder.charCodeAt(1)] = 1
    },
  }
}

const scanner = createTextScanner()

function scanText(text: string, beginnings: Uint8Array, folderInitials: Uint8Array): TextScan {
  const codes = copyCodes(text)
  const { length } = text
  const secrets: FoundSecret[] = []
  const places: Record<PlaceKind, number[]> = { folder: [], at: [], escape: [], name: [] }
  let needleRule: NeedleRule | undefined
  let needleEnd = 0

  function checkNeedles(index: number, list: number): void {
    for (const { needle, offset, rule } of NEEDLES[list]!) {
      const at = index - offset
      if (codes[at] !== needle.charCodeAt(0) || !text.startsWith(needle, at)) continue
      // What is within a secret of the same kind is a part of it.
      if (rule === needleRule && at < needleEnd) continue
      const end = checkNeedle(text, at, rule, secrets)
      if (end > 0) [needleRule, needleEnd] = [rule, end]
    }
  }

  /** Where the escape ends that begins here, or the next character where it is none. */
  function takeEscape(index: number, code: number): number {
    let last = index
    if (code === BACKSLASH) while (codes[last + 1] === BACKSLASH) last += 1
    const behind = codes[last + 1]!
    const isLineEnd = behind === NEWLINE || behind === CARRIAGE_RETURN
    // Only behind three backslashes is an `n` taken for the end of a line within a word.
    const isCut =
      code !== BACKSLASH || CUTS_WORD[behind] === 1 || ((behind | 32) === LETTER_N && last - index === 2)
    if (isCut) places.escape.push(isLineEnd ? last : index)
    const end = endOfEscape(text, last, code)
    // A name may begin within what looks like an escape: `\bob`.
    for (let at = last + 1; at < end; at += 1) {
      const beginning = beginnings[hashThree(codes[at]!, codes[at + 1]!, codes[at + 2]!)]!
      if ((beginning & BEGINS_NAME) !== 0) places.name.push(at)
    }
    return end
  }

  let wordStart = -1
  let wordBeginning = 0
  let prefixedEnd = 0
  for (let index = 0; ; ) {
    const code = codes[index]!
    const kind = CLASSES[code]!
    if (kind === ALPHANUMERIC) {
      const beginning = beginnings[hashThree(code, codes[index + 1]!, codes[index + 2]!)]!
      if (wordStart < 0) {
        wordStart = index
        wordBeginning = beginning
      }
      // A Discord token begins with the base64 of a digit: M, N or O.
      if (code >= 77 && code <= 79 && (CLASSES[codes[index + 22]!]! & (ALPHANUMERIC | JOINER)) !== 0)
        checkDiscordToken(text, index, secrets)
      if ((beginning & BEGINS_NAME) !== 0) places.name.push(index)
      if ((beginning & BEGINS_SECRET) !== 0 && index >= prefixedEnd)
        prefixedEnd = checkPrefixes(text, codes, index, secrets)
      do index += 1
      while (CLASSES[codes[index]!] === ALPHANUMERIC)
      continue
    }
    let next = index + 1
    if ((kind & SPECIAL) !== 0) {
      if (code === 0 && index >= length) return { secrets, places }
      const before = index > 0 ? codes[index - 1]! : 0
      const endsNeedle = NEEDLE_PAIRS[((before & 127) << 7) | code]!
      if (endsNeedle !== 0) checkNeedles(index, endsNeedle)
      const behind = codes[index + 1]!
      const beginsNeedle = NEEDLE_PAIRS[(code << 7) | (behind & 127)]!
      if (beginsNeedle !== 0) checkNeedles(index, beginsNeedle)
      if (code === BACKSLASH || code === ESC || code === PERCENT) next = takeEscape(index, code)
      else if (code === SLASH) {
        if (folderInitials[behind] === 1) places.folder.push(index)
      } else if (code === AT) places.at.push(index)
      else if (code === COLON && (behind === SLASH || behind === BACKSLASH)) {
        if (CLASSES[before] === ALPHANUMERIC) places.folder.push(index - 1)
        if (behind === SLASH && codes[index + 2] === SLASH) checkUserInfo(text, index, secrets)
      }
    }
    if ((kind & JOINER) !== 0) {
      if (wordStart < 0) {
        wordStart = index
        wordBeginning = 0
      }
    } else if (wordStart >= 0) {
      if ((kind & ENDS_NAME) !== 0) {
        if (index - wordStart >= 3) {
          const tails = NAME_TAIL_LISTS[hashThree(codes[index - 3]!, codes[index - 2]!, codes[index - 1]!)]!
          if (tails !== 0 && endsSecretName(codes, index, tails))
            checkAssignment(text, wordStart, index, secrets)
        }
        if (code === BLANK && (wordBeginning & BEGINS_KEYWORD) !== 0)
          checkKeyword(text, wordStart, index, secrets)
      }
      wordStart = -1
    }
    index = next
  }
}

/** Whether one of these names ends here, as far as a few bits of each letter tell. */
function endsSecretName(codes: Uint16Array, end: number, tails: number): boolean {
  for (const { codes: tail, mask } of NAME_TAILS[tails]!) {
    let at = 3
    while (at < tail.length && at < end && (codes[end - 1 - at]! & mask) === tail[at]) at += 1
    if (at === tail.length) return true
  }
  return false
}

/** `\n` is two characters, `\u0022` six, a colour as long as it is; `%3D` three. What is no escape is one character. */
function endOfEscape(text: string, index: number, code: number): number {
  if (code === PERCENT)
    return /^[0-9A-Fa-f]{2}/.test(text.slice(index + 1, index + 3)) ? index + 3 : index + 1
  if (code === ESC) {
    if (text[index + 1] !== '[') return index + 1
    let end = index + 2
    while (end < text.length && end - index < 24 && /[\d;]/.test(text[end]!)) end += 1
    // What ends it is a letter; anything else speaks for itself.
    return /[A-Za-z]/.test(text[end] ?? '') ? end + 1 : end
  }
  const next = text.charCodeAt(index + 1)
  // u: four digits; x: two
  if (next === 117 && /^[0-9A-Fa-f]{4}/.test(text.slice(index + 2, index + 6))) {
    // `\u001b[31m`: a colour that was escaped
    if (text.startsWith('001b[', index + 2) || text.startsWith('001B[', index + 2))
      return endOfEscape(text, index + 5, ESC)
    return index + 6
  }
  if (next === 120 && /^[0-9A-Fa-f]{2}/.test(text.slice(index + 2, index + 4))) return index + 4
  // n r t b f 0 v are letters of an escape; behind any other backslash the character speaks for itself
  return ESCAPE_LETTERS[next] === 1 ? index + 2 : index + 1
}
