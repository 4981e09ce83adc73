import {
  BACKSLASH,
  BLANK,
  CARRIAGE_RETURN,
  CLOSE_PAREN,
  DOT,
  isAt,
  QUOTE,
  TAB,
  UNDERSCORE,
} from '../model/bytes.js'
import { type ByteLookup, createByteIndex, isWord, signOf } from './byte-words.js'
import { TURN_ERROR } from './classify-failure.js'
import type { BodyScan } from './scan.js'
import { READY_TEMPLATES, type ReadyTemplate } from './summary.js'
import { EXCERPTS, NEEDLESS_FIELDS } from './templates.js'

/** What is shown of an event, as places in its bytes: what `summarizeRow` makes of it, without a string. */
export interface ToldEvent {
  /** The text is made of these pieces: of some words, or of what is between two places by the same index. */
  words: (Uint8Array | undefined)[]
  pieces: Int32Array
  pieceCount: number
  /** By three: begin of the key, begin and end of the value as it is shown. */
  fields: Int32Array
  fieldCount: number
}

const SUB = Buffer.from('sub')
const OP = Buffer.from('op: ')
const COLON_BLANK = Buffer.from(': ')
const MOST_FIELDS = 60

function isWordByte(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === UNDERSCORE ||
    (code >= 0x61 && code <= 0x7a)
  )
}

const TURN_ERROR_BYTES = Buffer.from(TURN_ERROR)
const NONE = Buffer.from('None')
/** `auth.…` and `auth_…`: see `QUIET_FAMILIES`. */
const QUIET = Buffer.from('auth')
const FALSE = Buffer.from('false')
const SOME = Buffer.from('Some(')
const SUBMISSION = Buffer.from('Submission')

interface ByteTemplate {
  target: string | undefined
  forms: readonly { parts: readonly Buffer[]; keys: readonly Buffer[] }[]
  hides: ByteLookup<true | undefined>
}

function toByteTemplate({ target, forms, hides }: ReadyTemplate): ByteTemplate {
  return {
    target,
    forms: forms.map(({ parts, keys }) => ({
      parts: parts.map((part) => Buffer.from(part)),
      keys: keys.map((key) => Buffer.from(key)),
    })),
    hides: toSet(hides),
  }
}

function toSet(words: ReadonlySet<string>): ByteLookup<true | undefined> {
  return createByteIndex([...words].map((word) => [word, true] as const))
}

const WHOLE = READY_TEMPLATES.filter(({ isPrefix }) => !isPrefix)
const BY_MESSAGE = createByteIndex(
  [...Map.groupBy(WHOLE, ({ message }) => message)].map(
    ([message, templates]) => [message, templates.map(toByteTemplate)] as const,
  ),
)
const PREFIXES = READY_TEMPLATES.filter(({ isPrefix }) => isPrefix).map(({ message }) => Buffer.from(message))
const BYTE_EXCERPTS = EXCERPTS.map(({ message, target, words, marks }) => ({
  message: Buffer.from(message),
  target,
  words: Buffer.from(words),
  marks: marks.map(([before, behind]) => [Buffer.from(before), Buffer.from(behind)] as const),
}))
const ONE_BLANK = Buffer.from(' ')
const isNeedless = toSet(NEEDLESS_FIELDS)
const SUB_ALONE = toSet(new Set(['sub']))

export interface EventTeller {
  told: Readonly<ToldEvent>
  /** `false`: of a kind that only `summarizeRow` tells. */
  tell(bytes: Uint8Array, scan: Readonly<BodyScan>, target: string): boolean
}

export function createEventTeller(): EventTeller {
  const told: ToldEvent = {
    words: [],
    pieces: new Int32Array(64),
    pieceCount: 0,
    fields: new Int32Array(MOST_FIELDS * 3),
    fieldCount: 0,
  }
  const signs = new Int32Array(MOST_FIELDS)
  let bytes: Uint8Array = Buffer.alloc(0)
  let fields: Int32Array = new Int32Array(0)
  let count = 0
  /** Of the value that was looked at last. */
  let valueFrom = 0
  let valueTo = 0

  function addPiece(words: Uint8Array | undefined, from = 0, to = 0): void {
    told.words[told.pieceCount] = words
    told.pieces[told.pieceCount * 2] = from
    told.pieces[told.pieceCount * 2 + 1] = to
    told.pieceCount++
  }

  /** A field by its key, -1 where there is none. */
  function findField(key: Buffer): number {
    const sign = signOf(key, 0, key.length)
    for (let index = 0; index < count; index++) {
      const at = index * 3
      if (signs[index] === sign && isWord(key, bytes, fields[at]!, fields[at + 1]!)) return index
    }
    return -1
  }

  /** What `readValue` says of these bytes; `false` where it would have escapes to read. */
  function openValue(from: number, to: number): boolean {
    valueFrom = from
    valueTo = to
    if (to - from < 2 || bytes[from] !== QUOTE || bytes[to - 1] !== QUOTE) return true
    valueFrom++
    valueTo--
    for (let at = valueFrom; at < valueTo; at++) if (bytes[at] === BACKSLASH) return false
    return true
  }

  function meansSomething(): boolean {
    return valueTo > valueFrom && !isWord(NONE, bytes, valueFrom, valueTo)
  }

  /** Of fields with the same key only `summarizeRow` knows which one holds. */
  function hasTwice(): boolean {
    for (let index = 0; index < count; index++) {
      const at = index * 3
      if (fields[at + 1]! < 0) return true
      const sign = signOf(bytes, fields[at]!, fields[at + 1]!)
      signs[index] = sign
      for (let other = 0; other < index; other++) if (signs[other] === sign) return true
    }
    return false
  }

  /** `undefined`: no form fits; `false`: one does, and its values have escapes to read. */
  function tellForm({ forms }: ByteTemplate): boolean | undefined {
    for (const { parts, keys } of forms) {
      let isWhole = true
      for (const key of keys) {
        const at = findField(key) * 3
        if (at < 0) isWhole = false
        else if (!openValue(fields[at + 1]! + 1, fields[at + 2]!)) return false
        else if (!meansSomething()) isWhole = false
      }
      if (!isWhole) continue
      addPiece(parts[0])
      for (const [index, key] of keys.entries()) {
        const at = findField(key) * 3
        openValue(fields[at + 1]! + 1, fields[at + 2]!)
        // `Some(1)` says 1.
        const isSome =
          valueTo - valueFrom > SOME.length &&
          isAt(bytes, SOME, valueFrom) &&
          bytes[valueTo - 1] === CLOSE_PAREN
        if (isSome && !openValue(valueFrom + SOME.length, valueTo - 1)) return false
        addPiece(undefined, valueFrom, valueTo)
        addPiece(parts[index + 1])
      }
      return true
    }
    return undefined
  }

  /** `op: Word` in the debug output of what was submitted; as `tellSubmission` finds it. */
  function tellOperation(): boolean {
    const at = findField(SUB) * 3
    if (at < 0) return true
    const from = fields[at + 1]! + 1
    const to = fields[at + 2]!
    if (bytes[from] === QUOTE) return false
    for (let index = from; index + OP.length < to; index++) {
      if (bytes[index] !== OP[0] || !isAt(bytes, OP, index)) continue
      if (index > from && isWordByte(bytes[index - 1]!)) continue
      const begin = index + OP.length
      let end = begin
      while (end < to && isWordByte(bytes[end]!)) end++
      if (end === begin) continue
      addPiece(COLON_BLANK)
      addPiece(undefined, begin, end)
      return true
    }
    return true
  }

  /** As `tellExcerpt` of the summary tells it; `false`: the message is shown as it is. */
  function tellExcerpt(target: string, begin: number, end: number): boolean {
    for (const one of BYTE_EXCERPTS) {
      if (one.target !== target || end - begin < one.message.length) continue
      if (!isAt(bytes, one.message, begin)) continue
      addPiece(one.words)
      const last = one.marks.at(-1)
      let at = begin
      for (const mark of one.marks) {
        const [before, behind] = mark
        const found = findWord(before, at, end)
        const from = found + before.length
        at = mark === last ? findWord(behind, end - behind.length, end) : findWord(behind, from, end)
        if (found < 0 || at < from) {
          told.pieceCount = 0
          return false
        }
        addPiece(ONE_BLANK)
        addPiece(undefined, from, at)
      }
      return true
    }
    return false
  }

  function findWord(word: Buffer, from: number, end: number): number {
    for (let at = from; at + word.length <= end; at++) {
      if (bytes[at] === word[0] && isAt(bytes, word, at)) return at
    }
    return -1
  }

  function isShown(at: number, hides: ByteTemplate['hides'] | undefined): boolean {
    const from = fields[at]!
    const to = fields[at + 1]!
    if (hides?.(bytes, from, to) || isNeedless(bytes, from, to)) return false
    const separator = bytes[from + QUIET.length]
    const isQuiet = (separator === DOT || separator === UNDERSCORE) && isAt(bytes, QUIET, from)
    if (!isQuiet || !openValue(to + 1, fields[at + 2]!)) return true
    return meansSomething() && !isWord(FALSE, bytes, valueFrom, valueTo)
  }

  /** Quotes are needless around a text without blanks and quotes; `false` where a blank may be no ASCII. */
  function addField(at: number): boolean {
    const index = told.fieldCount++ * 3
    let from = fields[at + 1]! + 1
    let to = fields[at + 2]!
    if (to - from > 2 && bytes[from] === QUOTE && bytes[to - 1] === QUOTE) {
      let inner = from + 1
      let isAscii = true
      for (; inner < to - 1; inner++) {
        const code = bytes[inner]!
        if (
          code === QUOTE ||
          code === BACKSLASH ||
          code === BLANK ||
          (code >= TAB && code <= CARRIAGE_RETURN)
        )
          break
        if (code > 0x7f) isAscii = false
      }
      if (inner === to - 1) {
        if (!isAscii) return false
        from++
        to--
      }
    }
    told.fields[index] = fields[at]!
    told.fields[index + 1] = from
    told.fields[index + 2] = to
    return true
  }

  return {
    told,
    tell(newBytes, scan, target) {
      bytes = newBytes
      const { chainEnd, messageEnd, eventFields, fieldCount } = scan
      count = fieldCount - eventFields
      if (count > MOST_FIELDS) return false
      fields = eventFields === 0 ? scan.fields : scan.fields.subarray(eventFields * 3)
      told.pieceCount = 0
      told.fieldCount = 0
      const textTo = messageEnd < 0 ? chainEnd : messageEnd
      const length = textTo - chainEnd
      if (length >= TURN_ERROR_BYTES.length && isAt(bytes, TURN_ERROR_BYTES, chainEnd)) return false
      if (hasTwice()) return false
      let hides: ByteTemplate['hides'] | undefined
      const templates = BY_MESSAGE(bytes, chainEnd, textTo)
      if (templates) {
        for (const template of templates) {
          if (template.target !== undefined && template.target !== target) continue
          const isTold = tellForm(template)
          if (isTold === false) return false
          if (isTold) hides = template.hides
          if (isTold) break
        }
      } else {
        for (const prefix of PREFIXES) {
          if (length >= prefix.length && isAt(bytes, prefix, chainEnd)) return false
        }
      }
      if (!hides && !tellExcerpt(target, chainEnd, textTo)) {
        addPiece(undefined, chainEnd, textTo)
        if (isWord(SUBMISSION, bytes, chainEnd, textTo)) {
          hides = SUB_ALONE
          if (!tellOperation()) return false
        }
      }
      for (let index = 0; index < count; index++) {
        if (isShown(index * 3, hides) && !addField(index * 3)) return false
      }
      return true
    },
  }
}
