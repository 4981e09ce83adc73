import { explainPatternError, StateError } from '../errors.js'
import type { SearchQuery } from '../model/search.js'

/** What a text is held against. */
export interface TextMatcher {
  /** The first match at or behind `from`. */
  find(text: string, from?: number): { start: number; length: number } | undefined
  /** `false` where no line of the text matches. */
  mayFind(text: string): boolean
}

type TextQuery = Pick<SearchQuery, 'text' | 'isRegex' | 'ignoresCase'>

/** @throws {StateError} `USAGE` for a pattern that is none */
export function createMatcher({ text, isRegex, ignoresCase }: TextQuery): TextMatcher {
  if (!isRegex && !ignoresCase)
    return {
      find(words, from = 0) {
        const start = words.indexOf(text, from)
        return start === -1 ? undefined : { start, length: text.length }
      },
      mayFind: (words) => words.includes(text),
    }
  const pattern = compilePattern(isRegex ? text : escapePattern(text), flagsFor(text, isRegex, ignoresCase))
  // What stands in front and behind is in other lines where a text has several.
  const looksAround = isRegex && /\(\?<?[=!]/.test(text)
  const find: TextMatcher['find'] = (words, from = 0) => {
    pattern.lastIndex = from
    const match = pattern.exec(words)
    return match ? { start: match.index, length: match[0].length } : undefined
  }
  return { find, mayFind: (words) => looksAround || find(words) !== undefined }
}

function flagsFor(text: string, isRegex: boolean, ignoresCase: boolean): string {
  const flags = ignoresCase ? 'gi' : 'g'
  if (!isRegex) return flags
  // Without the flag `u` only letters of the same kind are the same: no sign of another alphabet is an ASCII letter.
  // Some patterns mean something only with it.
  return /\\(?:[pP]|u)\{/.test(text) ? `${flags}mu` : `${flags}m`
}

function compilePattern(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (error) {
    throw new StateError('USAGE', explainPatternError(source, error), { cause: error })
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** Bytes of rollouts, the rarest first. */
const RARITY =
  '^!|~?%JQ@&=XV$B+PY;GHNMOU][DqE>K<RzF*j\'#CA(ZLWS)TI`849}{/76x3v5w\\02.-bk1gfy_,h:pmcudrl"iaonste '

/** The fast way through a buffer is for needles of less than eight bytes. */
const FAST_BYTES = 7

/**
 * Tells lines that cannot match by their bytes, as they stand in the file: a quote, a line feed or a letter with an
 * accent can stand there in several forms, escaped once or twice, and words may be joined that are apart in the file.
 * So all runs of plain letters and digits of the text have to be in one line; what matches is decided elsewhere.
 */
export interface BytesFilter {
  /** Whether one of the lines in `bytes` may match. */
  mayMatch(bytes: Buffer): boolean
  /** The same where not all of a line is there, so that what it has to have besides may stand elsewhere. */
  mayMatchPart(bytes: Buffer): boolean
  /** As many bytes of one part are also in the next, so that nothing that is looked for is cut in two. */
  overlapBytes: number
}

/** `undefined` where nothing that is looked for has only one form: then every line may match. */
export function createBytesFilter(query: TextQuery): BytesFilter | undefined {
  const required = query.isRegex ? findRequired(query.text) : [query.text]
  const runs = required.flatMap((text) => text.match(/[A-Za-z0-9_]+/g) ?? [])
  if (runs.length > 0) return createRunFilter(runs, query.ignoresCase)
  const letter = required.join('').match(/[^\0-\x7f]/u)?.[0]
  return letter === undefined ? undefined : createLetterFilter(letter, query.ignoresCase)
}

function createRunFilter(runs: readonly string[], ignoresCase: boolean): BytesFilter {
  const best = chooseRun(runs, ignoresCase)
  const others = runs.filter((run) => run !== best.run)
  const otherBytes = others.map((run) => Buffer.from(run))
  const wanted = Buffer.from(ignoresCase ? best.run.toLowerCase() : best.run)
  const rest = best.run.slice(best.at)
  const needles = ignoresCase
    ? formsOf(rest.slice(0, 1)).map((text) => Buffer.from(text))
    : [wanted.subarray(best.at, best.at + FAST_BYTES)]
  const longerNeedles = ignoresCase
    ? formsOf(rest.slice(0, TELLING_BYTES)).map((text) => Buffer.from(text))
    : needles

  function isRunAt(bytes: Buffer, start: number): boolean {
    if (start < 0 || start + wanted.length > bytes.length) return false
    for (let index = 0; index < wanted.length; index += 1) {
      const byte = bytes[start + index]!
      const folded = ignoresCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
      if (folded !== wanted[index]) return false
    }
    return true
  }

  function hasOthers(line: Buffer): boolean {
    if (otherBytes.length === 0) return true
    if (!ignoresCase) return otherBytes.every((run) => line.includes(run))
    const text = line.toString('latin1').toLowerCase()
    return others.every((run) => text.includes(run.toLowerCase()))
  }

  /** Where the line behind a run begins that counts for nothing; -1 when the run may be a match. */
  function lookAround(bytes: Buffer, at: number): number {
    const start = bytes.lastIndexOf(10, at) + 1
    const feed = bytes.indexOf(10, at)
    const end = feed === -1 ? bytes.length : feed
    return isSearched(bytes, start) && hasOthers(bytes.subarray(start, end)) ? -1 : end
  }

  function find(bytes: Buffer, isPart: boolean, wantedNeedles = needles): boolean {
    let falseCount = 0
    for (const needle of wantedNeedles)
      for (let at = bytes.indexOf(needle); at !== -1; ) {
        let next = at + 1
        if (isRunAt(bytes, at - best.at)) {
          if (isPart) return true
          next = lookAround(bytes, at)
          if (next === -1) return true
        } else falseCount += 1
        if (falseCount > MAX_FALSE && wantedNeedles !== longerNeedles)
          return find(bytes, isPart, longerNeedles)
        at = next < bytes.length ? bytes.indexOf(needle, next) : -1
      }
    return false
  }

  return {
    mayMatch: (bytes) => find(bytes, false),
    mayMatchPart: (bytes) => find(bytes, true),
    overlapBytes: wanted.length - 1,
  }
}

/** Fewer bytes than this stand nearly everywhere. */
const TELLING_BYTES = 3

/** One letter is the fastest needle until it is found more often than this, as in a picture. */
const MAX_FALSE = 100

/** A text in all forms that differ in capitals alone. */
function formsOf(text: string): string[] {
  return [...text].reduce<string[]>(
    (forms, letter) =>
      [...new Set([letter.toLowerCase(), letter.toUpperCase()])].flatMap((form) =>
        forms.map((begun) => begun + form),
      ),
    [''],
  )
}

/** The run to look for, and where in it: from its rarest letter on, with some behind it. */
function chooseRun(runs: readonly string[], ignoresCase: boolean): { run: string; at: number } {
  const rankOf = (letter: string) =>
    ignoresCase
      ? Math.max(RARITY.indexOf(letter.toLowerCase()), RARITY.indexOf(letter.toUpperCase()))
      : RARITY.indexOf(letter)
  const places = runs.flatMap((run) =>
    [...run].map((letter, at) => ({
      run,
      at,
      rank: rankOf(letter),
      length: Math.min(TELLING_BYTES, run.length - at),
    })),
  )
  // Where capitals count for nothing only one letter is looked for.
  const lengthOf = (place: (typeof places)[number]) =>
    ignoresCase ? Math.min(TELLING_BYTES, place.run.length) : place.length
  return places.reduce((best, place) => {
    const longer = lengthOf(place) - lengthOf(best)
    return longer > 0 || (longer === 0 && place.rank < best.rank) ? place : best
  })
}

/** A letter that is not ASCII stands there as itself, or as an escape that a model wrote. */
function createLetterFilter(letter: string, ignoresCase: boolean): BytesFilter {
  const forms = ignoresCase ? sameLetters(letter) : [letter]
  const needles = forms.flatMap((form) => {
    const code = form.charCodeAt(0).toString(16).padStart(4, '0')
    return [form, `u${code}`, `u${code.toUpperCase()}`]
  })
  const bytesOf = [...new Set(needles)].map((text) => Buffer.from(text))
  const mayMatch = (bytes: Buffer) => bytesOf.some((needle) => bytes.includes(needle))
  return {
    mayMatch,
    mayMatchPart: mayMatch,
    overlapBytes: Math.max(...bytesOf.map(({ length }) => length)) - 1,
  }
}

/** All letters that a pattern takes for the same: three of them in Greek, where a sigma ends a word. */
function sameLetters(letter: string): string[] {
  const upper = letter.toUpperCase()
  const forms = [letter]
  for (let code = 0x80; letter.length === 1 && code < 0x10000; code += 1) {
    const other = String.fromCharCode(code)
    if (other !== letter && other.toUpperCase() === upper) forms.push(other)
  }
  return forms
}

const HEAD_BYTES = 120

/** Lines of these types have no words of anybody in them. */
const SILENT_HEAD = /^\{[^{]*"type":"(?:session_meta|turn_context|world_state|token_usage_record)"/

function isSearched(bytes: Buffer, start: number): boolean {
  return !SILENT_HEAD.test(bytes.toString('latin1', start, Math.min(bytes.length, start + HEAD_BYTES)))
}

/**
 * Texts that whatever matches a pattern has in it: runs of plain characters outside of groups, classes and whatever
 * may be left out.
 */
export function findRequired(pattern: string): string[] {
  const runs: string[] = []
  let run = ''
  let depth = 0
  const end = () => {
    if (run !== '') runs.push(run)
    run = ''
  }
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at]!
    if (char === '[') {
      end()
      for (at += 1; at < pattern.length && pattern[at] !== ']'; at += 1) if (pattern[at] === '\\') at += 1
      at = skipQuantifier(pattern, at)
    } else if (char === '(') {
      end()
      depth += 1
    } else if (char === ')') {
      depth -= 1
      at = skipQuantifier(pattern, at)
    } else if (char === '|') {
      if (depth === 0) return []
    } else if (char === '\\') {
      at += 1
      // A backslash before a letter or a digit means something; before another character that character.
      if (depth > 0) continue
      const next = pattern[at] ?? ''
      if (/[A-Za-z0-9]/.test(next)) {
        end()
        at = skipEscape(pattern, at)
        at = skipQuantifier(pattern, at)
      } else addLiteral(next)
    } else if ('.^$'.includes(char)) {
      end()
      at = skipQuantifier(pattern, at)
    } else if (depth === 0) addLiteral(char)

    function addLiteral(literal: string): void {
      const behind = skipQuantifier(pattern, at)
      if (behind === at) {
        run += literal
        return
      }
      const quantifier = pattern[at + 1]
      const isOptional =
        quantifier === '?' || quantifier === '*' || /^\{0?[,}]|^\{0/.test(pattern.slice(at + 1))
      if (!isOptional) run += literal
      end()
      at = behind
    }
  }
  end()
  return runs
}

/** The last character of an escape whose letter stands at `at`: `\x41`, `\u0041`, `\cA`, `\k<name>`, `\p{…}`, `\12`. */
function skipEscape(pattern: string, at: number): number {
  const rest = pattern.slice(at)
  const whole = /^(?:x[\da-f]{2}|u[\da-f]{4}|c[a-z]|k<[^>]*>|[pu]\{[^}]*\}|\d+)/i.exec(rest)
  return at + (whole ? whole[0].length - 1 : 0)
}

/** The last character of the quantifier behind `at`; `at` where there is none. */
function skipQuantifier(pattern: string, at: number): number {
  const quantifier = /^(?:[*+?]|\{\d*,?\d*\})\??/.exec(pattern.slice(at + 1))
  return quantifier ? at + quantifier[0].length : at
}
