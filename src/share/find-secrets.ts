import {
  ACCOUNT_NAMES,
  AUTHORIZATION_SCHEMES,
  DISCORD_TOKEN,
  NEEDLE_RULES,
  NO_SECRET,
  PASSWORD_COMMANDS,
  PREFIX_RULES,
  type PrefixRule,
  SECRET_NAME_END,
  SECRET_NAME_TAILS,
} from './secret-rules.js'

/** A part of a text that is not to leave the machine: UTF-16 offsets, the end is not part of it. */
export interface FoundSecret {
  readonly start: number
  readonly end: number
  readonly kind: 'secret' | 'user' | 'host'
}

/**
 * Every secret in a text that a rule of ours knows, in no order.
 *
 * One look at each character finds where words and names begin and end; only what could be something is tried
 * against a pattern. An escape (`\n`, `\u0022`, a colour, `%3D`) ends a word, so a secret right behind one is found.
 */
export function findSecrets(text: string): FoundSecret[] {
  const found: FoundSecret[] = []
  scanWords(text, found)
  for (const { needles, pattern, before, kind = 'secret' } of NEEDLE_RULES) {
    for (const needle of needles) {
      for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
        pattern.lastIndex = at
        const group = pattern.exec(text)?.indices?.[1]
        if (!group) continue
        const start = before === undefined ? group[0] : startOfWord(text, group[0], before)
        found.push({ start, end: group[1], kind })
        at = group[1] - 1
      }
    }
  }
  findUserInfo(text, found)
  return found
}

// ------------------------------------------------------------------------------------------ what begins how

const RULES_BY_PREFIX = new Map<string, PrefixRule[]>()
for (const rule of PREFIX_RULES) {
  for (const prefix of rule.prefixes) {
    RULES_BY_PREFIX.set(prefix, [...(RULES_BY_PREFIX.get(prefix) ?? []), rule])
  }
}

/** By the first two characters: what a word that begins so may be. Longest prefix first: `ops_eyJ` before `op…`. */
const PREFIXES_BY_PAIR: (readonly string[] | undefined)[] = []
for (const prefix of [...RULES_BY_PREFIX.keys()].toSorted((a, b) => b.length - a.length)) {
  const pair = (prefix.charCodeAt(0) << 7) | prefix.charCodeAt(1)
  PREFIXES_BY_PAIR[pair] = [...(PREFIXES_BY_PAIR[pair] ?? []), prefix]
}
const PAIRS = new Uint8Array(1 << 14)
for (const pair of PREFIXES_BY_PAIR.keys()) if (PREFIXES_BY_PAIR[pair]) PAIRS[pair] = 1

/** By first letter and length: a word before a blank that a value or a password may follow. */
const KEYWORDS = new Map<string, 'scheme' | 'command' | 'account'>([
  ...AUTHORIZATION_SCHEMES.map((word) => [word.toLowerCase(), 'scheme'] as const),
  ...Object.keys(PASSWORD_COMMANDS).map((word) => [word, 'command'] as const),
])
const KEYWORD_SHAPES = new Uint8Array(1 << 12)
for (const word of KEYWORDS.keys()) {
  KEYWORD_SHAPES[(word.charCodeAt(0) << 5) | word.length] = 1
  KEYWORD_SHAPES[(word.toUpperCase().charCodeAt(0) << 5) | word.length] = 1
}

const OTHER = 0
const ALPHANUMERIC = 1
/** Within a word, but another may begin behind it. */
const JOINER = 2
/** Of all UTF-16 units: looking up is cheaper than asking which ones there are. */
const CLASSES = new Uint8Array(1 << 16)
for (let code = 0; code < 128; code += 1) {
  const character = String.fromCharCode(code)
  CLASSES[code] = /[A-Za-z0-9]/.test(character) ? ALPHANUMERIC : /[-_.]/.test(character) ? JOINER : OTHER
}

/** What may stand right behind a name that is given a value: a quote, a separator, a blank, an escape. */
const ENDS_NAME = new Uint8Array(128)
for (const character of `=:"'\` \\`) ENDS_NAME[character.charCodeAt(0)] = 1
/** By the last three letters, five bits each: case does not count. */
const NAME_TAILS = new Uint8Array(1 << 15)
for (const name of [...SECRET_NAME_TAILS, ...Object.keys(ACCOUNT_NAMES)]) {
  const [a, b, c] = [...name.slice(-3)].map((letter) => letter.charCodeAt(0) & 31)
  NAME_TAILS[(a! << 10) | (b! << 5) | c!] = 1
}

const BACKSLASH = 92
const ESCAPE = 27
const PERCENT = 37
const BLANK = 32

function scanWords(text: string, found: FoundSecret[]): void {
  const { length } = text
  // Reading characters out of a part of a larger string takes five times as long. One more, which ends the last word.
  const bytes = Buffer.allocUnsafeSlow((length + 1) * 2)
  bytes.write(text, 'utf16le')
  const codes = new Uint16Array(bytes.buffer)
  codes[length] = 0
  let before = OTHER
  let wordStart = 0
  for (let index = 0; index <= length; ) {
    const code = codes[index]!
    const kind = CLASSES[code]!
    if (kind === ALPHANUMERIC) {
      if (before === OTHER) wordStart = index
      before = ALPHANUMERIC
      const next = codes[index + 1]!
      if (next < 128 && PAIRS[(code << 7) | next] === 1) {
        index = Math.max(index + 1, tryPrefixes(text, index, (code << 7) | next, found))
      } else {
        if (code >= 77 && code <= 79) tryDiscord(text, index, found)
        index += 1
      }
      while (CLASSES[codes[index]!] === ALPHANUMERIC) index += 1
      continue
    }
    if (kind === JOINER) {
      if (before === OTHER) wordStart = index
      before = JOINER
      index += 1
      continue
    }
    if (before !== OTHER) {
      before = OTHER
      if (code < 128 && ENDS_NAME[code] === 1) {
        if (isNameTail(codes, index)) tryName(text, wordStart, index, found)
        if (
          code === BLANK &&
          KEYWORD_SHAPES[((codes[wordStart]! & 127) << 5) | ((index - wordStart) & 31)] === 1
        )
          tryKeyword(text, wordStart, index, found)
      }
    }
    index =
      code === BACKSLASH || code === ESCAPE || code === PERCENT ? endOfEscape(text, index, code) : index + 1
  }
}

/** Five bits of each letter: both cases, and a few other characters that the pattern sorts out. */
function isNameTail(codes: Uint16Array, end: number): boolean {
  if (end < 3) return false
  const tail = ((codes[end - 3]! & 31) << 10) | ((codes[end - 2]! & 31) << 5) | (codes[end - 1]! & 31)
  return NAME_TAILS[tail] === 1
}

/** `\n` is two characters, `\u0022` six, a colour as long as it is; `%3D` three. What is no escape is one character. */
function endOfEscape(text: string, index: number, code: number): number {
  if (code === PERCENT)
    return /^[0-9A-Fa-f]{2}/.test(text.slice(index + 1, index + 3)) ? index + 3 : index + 1
  if (code === ESCAPE) {
    if (text[index + 1] !== '[') return index + 1
    let end = index + 2
    while (end < text.length && end - index < 24 && /[\d;]/.test(text[end]!)) end += 1
    return end + 1
  }
  const next = text.charCodeAt(index + 1)
  // u: four digits; x: two
  if (next === 117 && /^[0-9A-Fa-f]{4}/.test(text.slice(index + 2, index + 6))) {
    // `\u001b[31m`: a colour that was escaped
    if (text.startsWith('001b[', index + 2) || text.startsWith('001B[', index + 2))
      return endOfEscape(text, index + 5, ESCAPE)
    return index + 6
  }
  if (next === 120 && /^[0-9A-Fa-f]{2}/.test(text.slice(index + 2, index + 4))) return index + 4
  // n r t b f 0 v are letters of an escape; behind any other backslash the character speaks for itself
  return next === 110 ||
    next === 114 ||
    next === 116 ||
    next === 98 ||
    next === 102 ||
    next === 48 ||
    next === 118
    ? index + 2
    : index + 1
}

function tryPrefixes(text: string, start: number, pair: number, found: FoundSecret[]): number {
  for (const prefix of PREFIXES_BY_PAIR[pair]!) {
    if (!text.startsWith(prefix, start)) continue
    for (const { rest, accept } of RULES_BY_PREFIX.get(prefix)!) {
      rest.lastIndex = start + prefix.length
      const match = rest.exec(text)
      if (!match || accept?.(prefix + match[0]) === false) continue
      const end = start + prefix.length + match[0].length
      found.push({ start, end, kind: 'secret' })
      return end
    }
  }
  return 0
}

function tryDiscord(text: string, start: number, found: FoundSecret[]): void {
  DISCORD_TOKEN.lastIndex = start
  const token = DISCORD_TOKEN.exec(text)?.[0]
  if (token && /\d/.test(token)) found.push({ start, end: start + token.length, kind: 'secret' })
}

function startOfWord(text: string, index: number, most: number): number {
  let start = index
  while (start > 0 && index - start < most && /[A-Za-z0-9_.~-]/.test(text[start - 1]!)) start -= 1
  return start
}

// --------------------------------------------------------------------------------- what stands behind a name

function tryKeyword(text: string, start: number, end: number, found: FoundSecret[]): void {
  const word = text.slice(start, end)
  const kind = KEYWORDS.get(word.toLowerCase())
  if (kind === 'scheme') tryAuthorization(text, word.toLowerCase(), end, found)
  else if (kind === 'command') {
    const pattern = PASSWORD_COMMANDS[word]
    if (!pattern) return
    pattern.lastIndex = start
    const match = pattern.exec(text)
    const group = match?.indices?.[1]
    if (group && !/^[$<[{]/.test(match![1]!)) found.push({ start: group[0], end: group[1], kind: 'secret' })
  }
}

const AUTHORIZATION_VALUE = /\s+([A-Za-z0-9._~+/=:,-]{6,})/dy

function tryAuthorization(text: string, scheme: string, end: number, found: FoundSecret[]): void {
  AUTHORIZATION_VALUE.lastIndex = end
  const match = AUTHORIZATION_VALUE.exec(text)
  if (!match) return
  const value = match[1]!.replace(/[.,:]+$/, '')
  const start = match.indices![1]![0]
  const isSecret =
    scheme === 'basic'
      ? value.length >= 6 && /^[A-Za-z0-9+/_-]+=*$/.test(value) && decodesToPair(value)
      : scheme === 'token' || scheme === 'oauth'
        ? value.length >= 16 && /\d/.test(value)
        : /\d/.test(value) || value.length >= 20
  if (isSecret) found.push({ start, end: start + value.length, kind: 'secret' })
}

/** Basic authorization is `user:password` in base64. */
function decodesToPair(value: string): boolean {
  const bytes = Buffer.from(value, 'base64')
  return bytes.includes(58) && bytes.every((byte) => byte >= 32 && byte !== 127)
}

/** Behind a name: what stands between it and its value, with the quote that opens the value. */
const ASSIGNED =
  /(\\*["'`]?)(?:\s{0,3}(?::=|=>|==?|:|\\+u003[dD])\s{0,3}(?:Some\()?|\s+(?:is|was|to)\s+|\s+)(\\*["'`])?/y

function tryName(text: string, start: number, end: number, found: FoundSecret[]): void {
  const name = text.slice(Math.max(start, end - 64), end)
  const account = ACCOUNT_NAMES[name]
  if (account === undefined && !SECRET_NAME_END.test(name)) return
  ASSIGNED.lastIndex = end
  const assigned = ASSIGNED.exec(text)
  if (!assigned) return
  const [between, , quote] = assigned
  const separator = /:=|=>|==?|:/.exec(between.replace(/\\+u003d/i, '='))?.[0]
  if (account !== undefined) {
    if (separator === undefined) return
    const value = /^[A-Za-z0-9][A-Za-z0-9._@-]{2,}/.exec(
      text.slice(end + between.length, end + between.length + 128),
    )?.[0]
    if (value !== undefined && !NO_SECRET.test(value)) {
      found.push({ start: end + between.length, end: end + between.length + value.length, kind: account })
    }
    return
  }
  const isOption = text.startsWith('--', start)
  // `--password X` is a value; in a sentence `password X` is one only behind "is".
  if (separator === undefined && !isOption && !/\s(?:is|was|to)\s/.test(between)) return
  const from = end + between.length
  const value = quote === undefined ? readPlain(text, from) : readQuoted(text, from, quote)
  if (
    value === undefined ||
    !isSecretValue(value, name, { isQuoted: quote !== undefined, separator, isOption })
  )
    return
  const valueEnd = /cookie$/i.test(name) ? endOfHeader(text, from) : from + value.length
  found.push({
    start: from,
    end: valueEnd,
    kind: 'secret',
  })
}

const PLAIN_VALUE = /(?:[^\s"'`\\,;&<>(){}[\]|\u0000-\u001f]|\\u003[dD]){1,4096}/y

function readPlain(text: string, start: number): string | undefined {
  PLAIN_VALUE.lastIndex = start
  const value = PLAIN_VALUE.exec(text)?.[0]
  // A call, an index or a template is code that gets the value from elsewhere.
  if (value === undefined || /[([{]/.test(text[start + value.length] ?? '')) return undefined
  return value.replace(/[.:]+$/, '')
}

/** Up to a quote that is escaped as often as the one that opens, or less: the text around it ends there. */
function readQuoted(text: string, start: number, quote: string): string | undefined {
  const QUOTE = /\\*["'`]/g
  QUOTE.lastIndex = start
  const limit = start + 4096
  for (let end = QUOTE.exec(text); end && end.index < limit; end = QUOTE.exec(text)) {
    if (end[0].length <= quote.length && end[0].endsWith(quote.at(-1)!)) return text.slice(start, end.index)
  }
  // The text was cut before the quote that closes it.
  return readPlain(text, start)
}

interface ValueContext {
  readonly isQuoted: boolean
  readonly separator: string | undefined
  /** Behind `--name`. */
  readonly isOption: boolean
}

function isSecretValue(
  value: string,
  name: string,
  { isQuoted, separator, isOption }: ValueContext,
): boolean {
  const isPassword = /pass|pwd/i.test(name)
  if (value.length < (isPassword ? 3 : 4) || NO_SECRET.test(value)) return false
  // A variable, a placeholder, something already taken out, a type; the working directory of a shell.
  if (/^(?:\$|%[A-Za-z_]+%|<|\{|\*{3}|\[|\.\.\.|…)/.test(value)) return false
  if (/pwd$/i.test(name) && /^(?:~|\.{0,2}\/|[A-Za-z]:[\\/])/.test(value)) return false
  // A scheme; what it takes is found as an authorization.
  if (/^(?:Bearer|Basic|Digest|Negotiate|Token|ApiKey)(?:\s|$)/i.test(value)) return false
  if (isPassword) return separator === '=' || isOption || isQuoted || /[\d!@#$%^&*_+=-]/.test(value)
  if (/^(?:0x)?[\d.,]+$/.test(value)) return false
  if (isQuoted || separator === '=' || isOption) return true
  // `token: missing` is a sentence.
  return /\d/.test(value) || (/[a-z]/.test(value) && /[A-Z]/.test(value.slice(1))) || value.length >= 24
}

/** All pairs of a `Cookie:` header; in a JSON text it ends with its quote. */
function endOfHeader(text: string, start: number): number {
  const HEADER = /(?:[^"'`\\\r\n\u0000-\u001f]|\\u003[dD])+/y
  HEADER.lastIndex = start
  return start + (HEADER.exec(text)?.[0].trimEnd().length ?? 0)
}

/** `https://user:password@host`: what stands before the `@`. */
function findUserInfo(text: string, found: FoundSecret[]): void {
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const USER_INFO = /[^\s"'`<>\\/\u0000-\u001f()[\]{},;@]*@/y
    USER_INFO.lastIndex = at + 3
    const userInfo = USER_INFO.exec(text)?.[0].slice(0, -1)
    if (userInfo === undefined || userInfo === '' || userInfo === 'git') continue
    // A short name is no secret; a long one is a token.
    if (!userInfo.includes(':') && !(userInfo.length >= 16 && /\d/.test(userInfo))) continue
    found.push({ start: at + 3, end: at + 3 + userInfo.length, kind: 'secret' })
  }
}
