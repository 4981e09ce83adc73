import {
  ACCOUNT_NAMES,
  AUTHORIZATION_SCHEMES,
  DISCORD_TOKEN,
  type NeedleRule,
  NO_SECRET,
  PASSWORD_COMMANDS,
  PREFIX_RULES,
  type PrefixRule,
  SECRET_NAME_END,
} from './secret-rules.js'

// Whether a secret stands at a place that looks like one: each check adds what it finds.

/** A part of a text that is not to leave the machine: UTF-16 offsets, the end is not part of it. */
export interface FoundSecret {
  readonly start: number
  readonly end: number
  readonly kind: 'secret' | 'user' | 'host'
}

// ------------------------------------------------------------------------------------------ what begins how

interface Prefix {
  readonly prefix: string
  readonly codes: readonly number[]
  readonly rules: readonly PrefixRule[]
}

/** By the first two characters: what a word that begins so may be. Longest prefix first: `ops_eyJ` before `op…`. */
const PREFIXES_BY_PAIR = new Map<number, readonly Prefix[]>()
const prefixes = [...new Set(PREFIX_RULES.flatMap((rule) => rule.prefixes))]
for (const prefix of prefixes.toSorted((a, b) => b.length - a.length)) {
  const codes = [...prefix].map((character) => character.charCodeAt(0))
  const pair = (codes[0]! << 16) | codes[1]!
  const rules = PREFIX_RULES.filter((rule) => rule.prefixes.includes(prefix))
  PREFIXES_BY_PAIR.set(pair, [...(PREFIXES_BY_PAIR.get(pair) ?? []), { prefix, codes, rules }])
}

/** At the beginning of a letter or digit behind something else. Where the secret ends, or 0. */
export function checkPrefixes(text: string, codes: Uint16Array, start: number, found: FoundSecret[]): number {
  for (const { prefix, codes: prefixCodes, rules } of PREFIXES_BY_PAIR.get(
    (codes[start]! << 16) | codes[start + 1]!,
  ) ?? []) {
    const { length } = prefixCodes
    let at = 2
    while (at < length && codes[start + at] === prefixCodes[at]) at += 1
    if (at < length) continue
    for (const { rest, accept } of rules) {
      rest.lastIndex = start + length
      const match = rest.exec(text)
      if (!match || accept?.(prefix + match[0]) === false) continue
      const end = start + length + match[0].length
      found.push({ start, end, kind: 'secret' })
      return end
    }
  }
  return 0
}

export function checkDiscordToken(text: string, start: number, found: FoundSecret[]): void {
  DISCORD_TOKEN.lastIndex = start
  const token = DISCORD_TOKEN.exec(text)?.[0]
  if (token && /\d/.test(token)) found.push({ start, end: start + token.length, kind: 'secret' })
}

/** At a needle of the rule. Where the secret ends, or 0. */
export function checkNeedle(
  text: string,
  at: number,
  { pattern, before, kind = 'secret' }: NeedleRule,
  found: FoundSecret[],
): number {
  pattern.lastIndex = at
  const group = pattern.exec(text)?.indices?.[1]
  if (!group) return 0
  const start = before === undefined ? group[0] : startOfWord(text, group[0], before)
  found.push({ start, end: group[1], kind })
  return group[1]
}

function startOfWord(text: string, index: number, most: number): number {
  let start = index
  while (start > 0 && index - start < most && /[A-Za-z0-9_.~-]/.test(text[start - 1]!)) start -= 1
  return start
}

// --------------------------------------------------------------------------------- what stands behind a name

/** Words before a blank that a value or a password may follow, in lower case. */
export const KEYWORDS = new Map<string, 'scheme' | 'command'>([
  ...AUTHORIZATION_SCHEMES.map((word) => [word.toLowerCase(), 'scheme'] as const),
  ...Object.keys(PASSWORD_COMMANDS).map((word) => [word, 'command'] as const),
])

/** At a word of `KEYWORDS` before a blank. */
export function checkKeyword(text: string, start: number, end: number, found: FoundSecret[]): void {
  const word = text.slice(start, end)
  const kind = KEYWORDS.get(word.toLowerCase())
  if (kind === 'scheme') checkAuthorization(text, word.toLowerCase(), end, found)
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

function checkAuthorization(text: string, scheme: string, end: number, found: FoundSecret[]): void {
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

/** At the end of a word with one of `SECRET_NAME_TAILS`, or that is one of `ACCOUNT_NAMES`. */
export function checkAssignment(text: string, start: number, end: number, found: FoundSecret[]): void {
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

const USER_INFO = /[^\s"'`<>\\/\u0000-\u001f()[\]{},;@]*@/y

/** At the `://` of `https://user:password@host`: what stands before the `@`. */
export function checkUserInfo(text: string, at: number, found: FoundSecret[]): void {
  USER_INFO.lastIndex = at + 3
  const userInfo = USER_INFO.exec(text)?.[0].slice(0, -1)
  if (userInfo === undefined || userInfo === '' || userInfo === 'git') return
  // A short name is no secret; a long one is a token.
  if (!userInfo.includes(':') && !(userInfo.length >= 16 && /\d/.test(userInfo))) return
  found.push({ start: at + 3, end: at + 3 + userInfo.length, kind: 'secret' })
}
