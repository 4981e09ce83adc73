/** A part of a text as a person would read it: without colours, with escaped characters as what they stand for. */
export interface PlainPart {
  readonly text: string
  /** The place in the whole text of what stands here: UTF-16 offsets, the end is not part of it. */
  locate(start: number, end: number): { start: number; end: number }
}

/**
 * What may stand within a word and is no part of it. In this order: a colour or another order to a terminal (raw, or escaped
 * as JSON, Rust, Python or a shell write it), a line that goes on, a character by its number, a backslash before punctuation.
 * Quotes stay escaped: how often tells which text they end.
 */
const ESCAPED =
  /(?:\x1b|\\+(?:u001b|u\{1b\}|x1b|033|e(?=\[)))(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\\"\n]{0,2048}(?:\x07|\x1b\\|\\+u0007|\\+u\{7\}|\\+x07|\\+u001b\\+))?|\\\r?\n[ \t]*|(?<!\\)\\{3}n[ \t]*|(?:\\+(?:u00|x)|%)([2-7][\da-f])|\\+([-_/.=~+:@#$&!*?,;()[\]{}<>|^])/gi

const ESCAPED_HERE = new RegExp(ESCAPED.source, 'iy')

/** `"`, `'`, a backslash and a back quote keep their escapes. */
const KEPT = /^(?:22|27|5c|60)$/i

/** So much around an escape is read again, up to the next blank: a secret and the name before it. */
const AROUND = 256
/** A word without an end is not read for ever. */
const MOST_AROUND = 8192

/** The parts of a text that have escapes, each read plainly; nothing where there is none. In order: where one may begin. */
export function readPlainParts(text: string, places: readonly number[]): PlainPart[] {
  const parts: PlainPart[] = []
  let escapes: Escape[] = []
  let lastEnd = 0
  let start = 0
  let end = 0
  for (const place of places) {
    ESCAPED_HERE.lastIndex = Math.max(place, lastEnd)
    const match = ESCAPED_HERE.exec(text)
    if (!match) continue
    lastEnd = ESCAPED_HERE.lastIndex
    const character = readEscape(match)
    if (character === undefined) continue
    if (match.index > end) {
      if (escapes.length > 0) parts.push(readPart(text, start, end, escapes))
      escapes = []
      start = Math.max(end, startOfPart(text, match.index))
    }
    const escapeEnd = match.index + match[0].length
    escapes.push({ start: match.index, end: escapeEnd, character })
    if (escapeEnd + AROUND > end) end = endOfPart(text, escapeEnd)
  }
  if (escapes.length > 0) parts.push(readPart(text, start, end, escapes))
  return parts
}

/** The same text, which no longer keeps the one that it is a part of in memory, as V8 does. */
export function copyText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le')
}

/** Whether an order to a terminal stands at a place. */
export function startsWithColour(text: string, at: number): boolean {
  const first = text[at]
  if (first !== '\x1b' && first !== '\\') return false
  return /^(?:\x1b|\\+(?:u001b|u\{1b\}|x1b|033|e\[))/i.test(text.slice(at, at + 16))
}

/** A short text as a person would read it. */
export function readPlain(text: string): string {
  return text.replace(ESCAPED, (...match: string[]) => readEscape(match) ?? match[0]!)
}

/** What an escape stands for, often nothing; `undefined` where it is to stay. */
function readEscape([, code, punctuation = '']: readonly (string | undefined)[]): string | undefined {
  if (code === undefined) return punctuation
  return KEPT.test(code) ? undefined : String.fromCharCode(Number.parseInt(code, 16))
}

interface Escape {
  readonly start: number
  readonly end: number
  /** What it stands for; empty where it stands for nothing. */
  readonly character: string
}

function startOfPart(text: string, at: number): number {
  const least = Math.max(0, at - MOST_AROUND)
  let start = Math.max(0, at - AROUND)
  while (start > least && !isBlank(text.charCodeAt(start - 1))) start -= 1
  return start
}

function endOfPart(text: string, at: number): number {
  const most = Math.min(text.length, at + MOST_AROUND)
  let end = Math.min(text.length, at + AROUND)
  while (end < most && !isBlank(text.charCodeAt(end))) end += 1
  return end
}

const isBlank = (code: number): boolean => code <= 32 && code !== 27

function readPart(text: string, start: number, end: number, escapes: readonly Escape[]): PlainPart {
  const pieces: string[] = []
  /** Of each character: where it begins and ends in the whole text. */
  const starts: number[] = []
  const ends: number[] = []
  let from = start
  const copy = (to: number): void => {
    pieces.push(text.slice(from, to))
    for (; from < to; from += 1) {
      starts.push(from)
      ends.push(from + 1)
    }
  }
  for (const { start: escapeStart, end: escapeEnd, character } of escapes) {
    copy(escapeStart)
    from = escapeEnd
    if (character === '') continue
    pieces.push(character)
    starts.push(escapeStart)
    ends.push(escapeEnd)
  }
  copy(Math.max(from, end))
  return {
    text: pieces.join(''),
    locate: (first, last) => ({ start: starts[first]!, end: ends[last - 1]! }),
  }
}
