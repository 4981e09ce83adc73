import {
  BACKSLASH,
  BLANK,
  CLOSE_BRACE,
  COLON,
  DASH,
  DOT,
  EQUALS,
  isAt,
  NEWLINE,
  OPEN_BRACE,
  QUOTE,
} from '../model/bytes.js'
import { createKnownSpans } from './known-spans.js'
import {
  CALL_SITES,
  type CallSite,
  LOG_CRATE_TARGET,
  SPAN_FIELDS,
  SPANS_BELOW,
  TEXT_SPAN_FIELDS,
} from './vocabulary.js'

/**
 * Reads the text of a log row as Codex's writer put it together:
 *
 *     body  = [ span ":" { span ":" } " " ] event
 *     span  = name [ "{" field { " " field } "}" ]
 *     event = [ message ] { " " field }
 *     field = key "=" value
 *
 * Values are either quoted as Rust quotes (`"…"`, never with a raw newline), or debug output with balanced brackets, or
 * any text at all. So the strict reading can fail where a text holds what looks like grammar; then the words that
 * are known decide, and what was so decided is marked.
 *
 * All that the grammar knows is ASCII, so bytes are read: UTF-8 as SQLite gives a window of many bodies at once, or one
 * byte for each character of a string (`encodeForScan`). Places are indices of these bytes.
 */
export interface BodyScan {
  /** Where the event begins: after the blank that follows the chain of spans, or where the body begins. */
  chainEnd: number
  spanCount: number
  /** By four: begin and end of the name, index of the first field and of the one after the last. */
  spans: Int32Array
  /** End of the message; -1 when the event has none. */
  messageEnd: number
  /** Index of the event's first field; those before belong to spans. */
  eventFields: number
  fieldCount: number
  /** By three: begin of the key, its `=`, end of the value. A text without a key has -1 for its `=`. */
  fields: Int32Array
  /** Another reading is possible. */
  isGuess: boolean
}

export interface BodyScanner {
  /** Where the event begins, as `scan` finds it: all that is needed to show the message, in a third of the time. */
  findEvent(bytes: Uint8Array, from: number, to: number): number
  /** The same without the spans: their count and that of their fields is 0. Overwritten by the next call, as by `scan`. */
  scanEvent(bytes: Uint8Array, from: number, to: number, target: string | undefined): Readonly<BodyScan>
  /** The result is overwritten by the next call. */
  scan(bytes: Uint8Array, from: number, to: number, target: string | undefined): Readonly<BodyScan>
}

const LETTER = 1
const DIGIT = 2
const OPENER = 4
const CLOSER = 8
/** What a value can end at, or what it is read past as a whole. */
const NOTABLE = 16
/** Names and keys. */
const WORD = 32

const CLASSES = new Uint8Array(256)
for (const letter of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_') mark(letter, LETTER)
for (const digit of '0123456789') mark(digit, DIGIT)
for (const opener of '([{') mark(opener, OPENER | NOTABLE)
for (const closer of ')]}') mark(closer, CLOSER | NOTABLE)
for (const notable of ' "') mark(notable, NOTABLE)
for (const character of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.')
  mark(character, WORD)

function mark(character: string, bits: number): void {
  CLASSES[character.charCodeAt(0)]! |= bits
}

/** A texts's length at which a folder's name surely ends. */
const LONGEST_PATH = 4096

interface SpanWords {
  keys: ReadonlySet<number>
  below: ReadonlySet<number> | undefined
}

const words = (text: string) => new Set(text.split(' ').filter(Boolean).map(hashOf))

interface SiteWords extends CallSite {
  headBytes: Uint8Array
  keySet: ReadonlySet<number>
  textSet: ReadonlySet<number>
  endsByHash: ReadonlyMap<number, RegExp>
}

/** What the scanner knows by the hashes of words. Made when the first body is read: many commands read none. */
interface Words {
  knownSpans: ReadonlyMap<number, SpanWords>
  textKeys: ReadonlySet<number>
  /** All that can stand below a text, whose span is then the one above. */
  belowText: ReadonlySet<number>
  /**
   * What begins a chain without having a field: `serve_inner: …`. Single words do not, as messages begin so; other
   * chains of bare names are messages too.
   */
  roots: ReadonlySet<number>
  sites: ReadonlyMap<string, readonly SiteWords[]>
}

let knownWords: Words | undefined

function createWords(): Words {
  return {
    knownSpans: new Map(
      Object.entries(SPAN_FIELDS).map(([name, fields]) => [
        hashOf(name),
        { keys: words(fields), below: SPANS_BELOW[name] && new Set(SPANS_BELOW[name].map(hashOf)) },
      ]),
    ),
    textKeys: new Set(TEXT_SPAN_FIELDS.map(hashOf)),
    belowText: new Set(Object.values(SPANS_BELOW).flat().map(hashOf)),
    roots: new Set(
      Object.keys(SPAN_FIELDS)
        .filter((name) => /[._]/.test(name))
        .map(hashOf),
    ),
    sites: new Map(
      Object.entries(CALL_SITES).map(([target, sites]) => [
        target,
        sites.map((site) => ({
          ...site,
          headBytes: Buffer.from(site.head),
          keySet: words(site.keys),
          textSet: words(site.texts ?? ''),
          endsByHash: new Map(Object.entries(site.ends ?? {}).map(([key, end]) => [hashOf(key), end])),
        })),
      ]),
    ),
  }
}

const NONE: readonly number[] = []

/** As the scanner reckons it while it reads a word. */
function hashOf(word: string): number {
  let hash = 0
  for (let at = 0; at < word.length; at++) hash = (Math.imul(hash, 31) + word.charCodeAt(at)) | 0
  return hash
}

export function createBodyScanner(): BodyScanner {
  knownWords ??= createWords()
  const { knownSpans, textKeys, belowText, roots, sites } = knownWords
  let bytes: Uint8Array = new Uint8Array(0)
  let to = 0
  /** Of the word that was read last. */
  let hash = 0
  let records = true
  /** For each opening bracket the place of its closing one, else -1; made when brackets do not pair up. */
  let partners: Int32Array | undefined
  let partnersFrom = 0
  const result: BodyScan = {
    chainEnd: 0,
    spanCount: 0,
    spans: new Int32Array(64),
    messageEnd: -1,
    eventFields: 0,
    fieldCount: 0,
    fields: new Int32Array(256),
    isGuess: false,
  }
  let spans = result.spans
  let fields = result.fields
  let spanCount = 0
  let fieldCount = 0
  let isGuess = false
  const known = createKnownSpans()
  /** In the chain that was read last: words that are not known, texts with brackets, quotes or blanks in them. */
  let hasUnknown = false
  let hasLooseText = false

  function begin(newBytes: Uint8Array, newTo: number, recordsAll: boolean): void {
    bytes = newBytes
    to = newTo
    records = recordsAll
    partners = undefined
    spanCount = 0
    fieldCount = 0
    isGuess = false
  }

  function addSpan(nameFrom: number, nameTo: number): void {
    if (records) {
      const at = spanCount * 4
      if (at === spans.length) spans = result.spans = grown(spans)
      spans[at] = nameFrom
      spans[at + 1] = nameTo
      spans[at + 2] = spans[at + 3] = fieldCount
    }
    spanCount++
  }

  function addField(keyFrom: number, equals: number, valueTo: number): void {
    if (!records) return
    const at = fieldCount * 3
    if (at + 3 > fields.length) fields = result.fields = grown(fields)
    fields[at] = keyFrom
    fields[at + 1] = equals
    fields[at + 2] = valueTo
    fieldCount++
  }

  function closeSpan(): void {
    if (records) spans[spanCount * 4 - 1] = fieldCount
  }

  function byteAt(at: number): number {
    return at < to ? bytes[at]! : 0
  }

  function classAt(at: number): number {
    return CLASSES[byteAt(at)]!
  }

  /** The end of a span's name; where it began when there is none. */
  function readName(from: number): number {
    let at = from
    let sum = 0
    let code = byteAt(at)
    if (at >= to || (CLASSES[code]! & LETTER) === 0) return from
    for (;;) {
      sum = (Math.imul(sum, 31) + code) | 0
      at++
      if (at >= to) break
      code = byteAt(at)
      if ((CLASSES[code]! & (LETTER | DIGIT)) !== 0 || code === DOT || code === DASH) continue
      // `FramedWrite::buffer` is one name.
      if (code === COLON && at + 2 < to && byteAt(at + 1) === COLON && classAt(at + 2) & LETTER) {
        sum = (Math.imul(sum, 31) + COLON) | 0
        at++
        continue
      }
      break
    }
    hash = sum
    return at
  }

  /** The place of the `=` after a key that begins here, else -1. */
  function readKey(from: number): number {
    const body = bytes
    const end = to
    let at = from
    let sum = 0
    let needsLetter = true
    for (; at < end; at++) {
      const code = body[at]!
      const kind = CLASSES[code]!
      if ((kind & LETTER) !== 0 || ((kind & DIGIT) !== 0 && at > from && !(needsLetter && at === from))) {
        needsLetter = false
      } else if (code === DOT && !needsLetter) {
        needsLetter = true
      } else {
        if (code !== EQUALS || needsLetter) return -1
        hash = sum
        return at
      }
      sum = (Math.imul(sum, 31) + code) | 0
    }
    return -1
  }

  /** The place after the quote that closes the one here, on the same line; else -1. */
  function closeQuote(from: number): number {
    const body = bytes
    const end = to
    for (let at = from + 1; at < end; at++) {
      const code = body[at]!
      if (code === QUOTE) return at + 1
      if (code === BACKSLASH) at++
      else if (code === NEWLINE) return -1
    }
    return -1
  }

  /**
   * The place where what begins here ends: the blank before the next field, in a span also the `}` before a colon,
   * else the end of the text. Brackets that pair up and quotes that close are read past. `accepts`: the keys
   * that can follow, where only these can; others are part of the text.
   */
  function findEnd(from: number, isInSpan: boolean, accepts: ReadonlySet<number> | undefined): number {
    const body = bytes
    const end = to
    let at = from
    let depth = 0
    while (at < end) {
      const code = body[at]!
      const kind = CLASSES[code]!
      if ((kind & NOTABLE) === 0) {
        at++
      } else if (code === QUOTE) {
        hasLooseText = true
        const closed = closeQuote(at)
        at = closed < 0 ? at + 1 : closed
      } else if ((kind & OPENER) !== 0) {
        hasLooseText = true
        const partner = partners ? partners[at - partnersFrom]! : 0
        if (partner > 0) at = partner + 1
        else {
          if (!partners) depth++
          at++
        }
      } else if ((kind & CLOSER) !== 0) {
        if (depth > 0) depth--
        else if (isInSpan && code === CLOSE_BRACE && byteAt(at + 1) === COLON && at + 1 < to) {
          return at
        }
        at++
      } else {
        if (depth === 0) {
          if (isInSpan && isSpanEnd(at + 1)) return at
          if (readKey(at + 1) >= 0) {
            if (!accepts || accepts.has(hash)) return at
          }
        }
        hasLooseText = true
        at++
      }
    }
    if (depth === 0) return isInSpan ? -1 : to
    pairBrackets(from)
    return findEnd(from, isInSpan, accepts)
  }

  function isSpanEnd(at: number): boolean {
    return at + 1 < to && byteAt(at) === CLOSE_BRACE && byteAt(at + 1) === COLON
  }

  /** Once for a body: finds the brackets that have a partner, so that one without does not hide what follows. */
  function pairBrackets(from: number): void {
    const found = new Int32Array(to - from)
    partnersFrom = from
    const open: number[] = []
    for (let at = from; at < to; at++) {
      const code = byteAt(at)
      const kind = CLASSES[code]!
      if ((kind & NOTABLE) === 0) continue
      if (code === QUOTE) {
        const end = closeQuote(at)
        if (end >= 0) at = end - 1
      } else if ((kind & OPENER) !== 0) open.push(at)
      else if ((kind & CLOSER) !== 0) {
        const opener = open.at(-1)
        // `)` follows `(` by one, `]` and `}` their openers by two.
        if (opener !== undefined && code - byteAt(opener) <= 2 && code > byteAt(opener)) {
          open.pop()
          found[opener - from] = at
        }
      }
    }
    partners = found
  }

  /** The end of a value: of a quoted one its closing quote, if that is where it can end. */
  function findValueEnd(from: number, isInSpan: boolean, accepts: ReadonlySet<number> | undefined): number {
    if (from < to && byteAt(from) === QUOTE) {
      const end = closeQuote(from)
      if (end >= 0) {
        if (end === to) return isInSpan ? -1 : end
        const code = byteAt(end)
        if (isInSpan && isSpanEnd(end)) return end
        if (code === BLANK && (readKey(end + 1) >= 0 || (isInSpan && isSpanEnd(end + 1)))) return end
      }
    }
    return findEnd(from, isInSpan, accepts)
  }

  /**
   * The end of a text in a span, only by known words: ` key=` with a key of the span that did not occur yet, or `}:`
   * with a span that can stand below. A `}: ` ends the chain if nothing better follows.
   */
  function findTextEnd(from: number, span: SpanWords, used: readonly number[]): number {
    let fallback = -1
    let isFallbackUnsure = false
    let wasPassed = false
    const last = Math.min(to, from + LONGEST_PATH)
    for (let at = from; at < last; at++) {
      const code = byteAt(at)
      if (code === BLANK) {
        if (readKey(at + 1) < 0) continue
        if (span.keys.has(hash) && !used.includes(hash)) return settle(at, wasPassed)
        wasPassed = true
      } else if (code === CLOSE_BRACE && at + 2 < to && byteAt(at + 1) === COLON) {
        if (byteAt(at + 2) === BLANK) {
          if (fallback < 0) [fallback, isFallbackUnsure] = [at, wasPassed]
          continue
        }
        const nameTo = readName(at + 2)
        const next = byteAt(nameTo)
        if (nameTo > at + 2 && nameTo < to && (next === COLON || next === OPEN_BRACE)) {
          if (span.below ? span.below.has(hash) : knownSpans.has(hash))
            return settle(at, wasPassed || fallback >= 0)
          if (fallback < 0) [fallback, isFallbackUnsure] = [at, true]
        }
        wasPassed = true
      }
    }
    return fallback < 0 ? -1 : settle(fallback, isFallbackUnsure)
  }

  function settle(end: number, isUnsure: boolean): number {
    if (isUnsure) isGuess = true
    return end
  }

  /** The fields of a span from after its `{`; gives the place after its `}`, else -1. */
  function readSpanFields(from: number, span: SpanWords | undefined, isGuided: boolean): number {
    let at = from
    let used = NONE
    for (;;) {
      const equals = readKey(at)
      if (equals < 0) {
        // A value that wrote nothing leaves a blank, and nothing at all in the braces.
        if (!isSpanEnd(at)) return -1
        addField(at, -1, at)
        return at + 1
      }
      if (!span?.keys.has(hash)) {
        hasUnknown = true
        if (isGuided) return -1
      }
      const isText = span !== undefined && textKeys.has(hash)
      if (isGuided || span?.below) used = [...used, hash]
      const isQuoted = byteAt(equals + 1) === QUOTE
      const end =
        span && (isText || (isGuided && !isQuoted))
          ? findTextEnd(equals + 1, span, used)
          : findValueEnd(equals + 1, true, isGuided ? span?.keys : undefined)
      if (end < 0) return -1
      addField(at, equals, end)
      if (byteAt(end) === CLOSE_BRACE) return end + 1
      at = end + 1
    }
  }

  /**
   * Where the event begins, for the chains that nearly all rows have: each value is quoted without escapes, or has
   * neither quotes, brackets nor blanks. Of all others -1: they are read again with more care. One loop without calls,
   * as this is what each row costs.
   */
  function readPlainChain(from: number): number {
    const body = bytes
    const end = to
    const recorded = records
    let spansAt = 0
    let fieldsAt = 0
    let at = from
    let hasBraces = false
    let code = 0
    // Who asks for the spans gets all of them.
    let knownCount = recorded ? 0 : known.match(body, from, end)
    if (knownCount > 0) {
      at += known.endOf(knownCount)
      hasBraces = known.hasBraces(knownCount)
    }
    for (;;) {
      if (at > from && body[at]! === BLANK) {
        spanCount = spansAt / 4
        fieldCount = fieldsAt / 3
        if (!recorded) known.keep(body, from, knownCount)
        return hasBraces ? at + 1 : -1
      }
      const nameFrom = at
      for (; at < end; at++) {
        code = body[at]!
        if ((CLASSES[code]! & WORD) === 0) break
      }
      if (at === nameFrom || at >= end) return -1
      if ((CLASSES[body[nameFrom]!]! & LETTER) === 0) return -1
      if (recorded) {
        if (spansAt === spans.length) spans = result.spans = grown(spans)
        spans[spansAt] = nameFrom
        spans[spansAt + 1] = at
        spans[spansAt + 2] = fieldsAt / 3
        spansAt += 4
      }
      let hangsOnNext = false
      if (code === OPEN_BRACE) {
        hasBraces = true
        do {
          const keyFrom = ++at
          for (; at < end; at++) {
            code = body[at]!
            if ((CLASSES[code]! & WORD) === 0) break
          }
          if (code !== EQUALS || at === keyFrom || at >= end) return -1
          const equals = at++
          // The words of a key are checked where they can be wrong: after a dot, at its begin and in `a-b`.
          if ((CLASSES[body[keyFrom]!]! & LETTER) === 0) return -1
          code = body[at]!
          if (code === QUOTE) {
            for (at++; at < end; at++) {
              code = body[at]!
              if (code === QUOTE) break
              if (code === BACKSLASH || code === NEWLINE) return -1
            }
            if (++at >= end) return -1
            code = body[at]!
            if (code !== BLANK && code !== CLOSE_BRACE) return -1
          } else {
            for (; at < end; at++) {
              code = body[at]!
              if ((CLASSES[code]! & NOTABLE) !== 0) break
            }
            if (at >= end || (code !== BLANK && code !== CLOSE_BRACE)) return -1
            // Three letters, as `cwd`: a text.
            if (equals - keyFrom === 3) {
              if (!isPlainText(keyFrom, at)) return -1
              hangsOnNext = true
            }
          }
          if (recorded) {
            if (fieldsAt + 3 > fields.length) fields = result.fields = grown(fields)
            fields[fieldsAt] = keyFrom
            fields[fieldsAt + 1] = equals
            fields[fieldsAt + 2] = at
            fieldsAt += 3
          }
        } while (code === BLANK)
        at++
      }
      if (recorded) spans[spansAt - 1] = fieldsAt / 3
      if (at + 1 >= end || body[at]! !== COLON) return -1
      at++
      if (!recorded && !hangsOnNext) knownCount = known.add(knownCount, at - from, hasBraces)
    }
  }

  /** Of a field without blanks and brackets, before a `}`: whether what follows shows that it ends there. */
  function isPlainText(keyFrom: number, end: number): boolean {
    readKey(keyFrom)
    if (!textKeys.has(hash)) return true
    if (byteAt(end) !== CLOSE_BRACE || byteAt(end + 1) !== COLON) return false
    const isKnown = readName(end + 2) > end + 2 && belowText.has(hash)
    return isKnown
  }

  /** Where the event begins; -1 when this is no chain of spans. */
  function readChain(from: number, isGuided: boolean): number {
    let at = from
    let hasBraces = false
    let isKnown = true
    let hasBareRoot = false
    spanCount = 0
    fieldCount = 0
    hasUnknown = false
    hasLooseText = false
    partners = undefined
    for (;;) {
      const nameTo = readName(at)
      if (nameTo === at) return -1
      const span = knownSpans.get(hash)
      if (!span) {
        hasUnknown = true
        isKnown = false
        if (isGuided) return -1
      }
      if (spanCount === 0) hasBareRoot = roots.has(hash)
      addSpan(at, nameTo)
      at = nameTo
      if (byteAt(at) === OPEN_BRACE && at < to) {
        hasBraces = true
        at = readSpanFields(at + 1, span, isGuided)
        if (at < 0) return -1
        closeSpan()
      }
      if (at + 1 >= to || byteAt(at) !== COLON) return -1
      at++
      if (byteAt(at) === BLANK) break
    }
    // A word and a colon is how many messages begin.
    if (!hasBraces && !hasBareRoot && (spanCount === 1 || !isKnown)) return -1
    return at + 1
  }

  /** Where the event begins; the spans are recorded. */
  function readSpans(from: number): number {
    const plain = readPlainChain(from)
    if (plain >= 0) return plain
    let end = readChain(from, false)
    if (end >= 0 && !(hasUnknown && hasLooseText)) return end
    const nameTo = readName(from)
    if (nameTo === from || nameTo >= to || byteAt(nameTo) !== OPEN_BRACE) {
      if (end < 0) spanCount = fieldCount = 0
      return end < 0 ? from : end
    }
    const isKnownRoot = knownSpans.has(hash)
    const wasGuess = isGuess
    if (isKnownRoot) {
      const guided = readChain(from, true)
      if (guided >= 0) {
        if (guided !== end) isGuess = true
        return guided
      }
      isGuess = wasGuess
    }
    if (end >= 0) {
      // The words are new, the grammar holds: a later release's row.
      return readChain(from, false)
    }
    spanCount = fieldCount = 0
    if (readKey(nameTo + 1) < 0) return from
    isGuess = true
    // Cut short, or a text in it that no rule covers: the message most likely begins after the first `}: `.
    end = isKnownRoot ? findChainMark(nameTo) : -1
    if (end < 0) return from
    addSpan(from, nameTo)
    addField(nameTo + 1, -1, end)
    closeSpan()
    return end + 3
  }

  function findChainMark(from: number): number {
    for (let at = from; at + 2 < to; at++) {
      if (bytes[at] === CLOSE_BRACE && bytes[at + 1] === COLON && bytes[at + 2] === BLANK) return at
    }
    return -1
  }

  function readEvent(from: number, target: string | undefined): void {
    result.eventFields = fieldCount
    result.messageEnd = to
    if (target === LOG_CRATE_TARGET || from >= to) return
    const site = target === undefined ? undefined : findSite(target, from)
    if (site?.keys === '') return
    let at = from
    const equals = readKey(from)
    if (equals < 0) {
      at = site?.isTextBeforeFields ? findLastKey(from, site) : findEnd(from, false, site?.keySet)
      result.messageEnd = at
      if (at === to) return
      at++
    } else {
      result.messageEnd = -1
    }
    while (at <= to) {
      const eq = readKey(at)
      if (eq < 0) {
        // Only after a message or a value that was cut by an anchor: cannot be, as both end before a key.
        addField(at, -1, to)
        return
      }
      const key = hash
      if (site && !site.keySet.has(key)) isGuess = true
      const isText = site?.textSet.has(key) ?? false
      let end = -1
      const anchor = site?.endsByHash.get(key)
      if (anchor) end = findLastAnchor(anchor, eq + 1)
      if (end < 0) end = findValueEnd(eq + 1, false, isText ? site?.keySet : undefined)
      addField(at, eq, end)
      if (end >= to) return
      if (!site && !isGuess && hasOpenBlank(eq + 1, end)) isGuess = true
      at = end + 1
    }
  }

  function findSite(target: string, from: number): SiteWords | undefined {
    return sites
      .get(target)
      ?.find(({ headBytes }) => from + headBytes.length <= to && isAt(bytes, headBytes, from))
  }

  /** The blank before the last key of the site. */
  function findLastKey(from: number, site: SiteWords): number {
    for (let at = to - 1; at >= from; at--) {
      if (bytes[at] === BLANK && readKey(at + 1) >= 0 && site.keySet.has(hash)) return at
    }
    return to
  }

  function findLastAnchor(anchor: RegExp, from: number): number {
    const part = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
    let found = -1
    anchor.lastIndex = 0
    for (let match = anchor.exec(part); match; match = anchor.exec(part)) found = match.index
    return found < 0 ? -1 : from + found
  }

  /** A blank before any quote or bracket: the value is no debug output (`Name { a: 1 }`) but a text. */
  function hasOpenBlank(from: number, end: number): boolean {
    for (let at = from; at < end; at++) {
      const code = byteAt(at)
      if (code === BLANK) return (classAt(at + 1) & OPENER) === 0
      if (classAt(at) & NOTABLE) return false
    }
    return false
  }

  return {
    findEvent(newBytes, from, newTo) {
      begin(newBytes, newTo, false)
      return readSpans(from)
    },
    scanEvent(newBytes, from, newTo, target) {
      begin(newBytes, newTo, false)
      const chainEnd = readSpans(from)
      spanCount = fieldCount = 0
      records = true
      return finish(chainEnd, target)
    },
    scan(newBytes, from, newTo, target) {
      begin(newBytes, newTo, true)
      return finish(readSpans(from), target)
    },
  }

  function finish(chainEnd: number, target: string | undefined): BodyScan {
    result.chainEnd = chainEnd
    readEvent(chainEnd, target)
    result.spanCount = spanCount
    result.fieldCount = fieldCount
    result.isGuess = isGuess
    return result
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
