import { createByteCache, createByteIndex, isWord, signOf } from '../../body/byte-words.js'
import { MEANINGS, textBeforeGroup, type ValuePlace } from '../../body/meanings.js'
import { type BodyScan, createBodyScanner } from '../../body/scan.js'
import type { RecordPiece } from '../../format/encodings.js'
import { FIRST_DATE_SECOND, formatUtcNanos, LAST_DATE_SECOND } from '../../format/time.js'
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isAt,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  ZERO,
} from '../../model/bytes.js'
import type { LogFilter } from '../../model/log.js'
import { LOG_FIELDS } from '../../model/log-records.js'
import type { LogStore } from '../../query/logs/store.js'
import { createWindowCursor, readWindow, type WindowColumns } from '../../query/logs/windows.js'
import { layoutOf, type RecordReader } from './records.js'

/** What of a body is written of its bytes. */
const PARTS = ['message', 'spans', 'event_fields', 'turn_id'] as const
type Part = (typeof PARTS)[number] | 'body'

/** A record in its steps: constant text, what is made of columns, and what is made of the body. */
type Step =
  | { kind: 'text'; text: Buffer }
  | { kind: 'number' | 'string'; column: number }
  | { kind: 'time' }
  | { kind: 'part'; part: Part }

const COLUMNS = {
  numbers: ['id', 'tsSeconds', 'tsNanos', 'line'],
  texts: ['level', 'target', 'threadId', 'processUuid', 'modulePath', 'file', 'body'],
} as const satisfies WindowColumns
const ID = 0
const SECONDS = 1
const NANOS = 2
const TARGET = 1
const BODY = 6

/** `undefined` where a record has other parts of the body than these, or is no JSON. */
export function planParsed(pieces: readonly RecordPiece[]): readonly Step[] | undefined {
  const steps: Step[] = []
  for (const piece of pieces) {
    const step = typeof piece === 'string' ? toText(piece) : toStep(piece)
    if (!step) return undefined
    steps.push(step)
  }
  return steps
}

function toText(text: string): Step {
  return { kind: 'text', text: Buffer.from(text) }
}

function toStep(piece: Exclude<RecordPiece, string>): Step | undefined {
  if (piece.as !== 'json') return undefined
  if ('bodyField' in piece) {
    const part = PARTS.find((name) => name === piece.bodyField)
    return part && { kind: 'part', part }
  }
  const { property, kind } = LOG_FIELDS[piece.field]
  if (kind === 'time') return { kind: 'time' }
  if (property === 'body') return { kind: 'part', part: 'body' }
  const columns: readonly string[] = kind === 'integer' ? COLUMNS.numbers : COLUMNS.texts
  return { kind: kind === 'integer' ? 'number' : 'string', column: columns.indexOf(property) }
}

const LETTER_N = 0x6e
const LETTER_R = 0x72
const LETTER_T = 0x74
const LETTER_Z = 0x5a
const NANO_PLACES = 9

/** What JSON has a short escape for, by its byte. */
const SHORT_ESCAPES = new Uint8Array(32)
for (const [code, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
] as const) {
  SHORT_ESCAPES[code] = letter.charCodeAt(0)
}
const HEX = Buffer.from('0123456789abcdef')
/** Bytes that a JSON text does not hold as they are. */
const ESCAPED = new Uint8Array(256).fill(1, 0, 0x20)
ESCAPED[QUOTE] = ESCAPED[BACKSLASH] = 1

const NULL = Buffer.from('null')
const EMPTY_LIST = Buffer.from('[]')
const EMPTY_OBJECT = Buffer.from('{}')
const CONTROL = Buffer.from('u00')
const NONE = Buffer.from('None')
const SPAN_OPEN = Buffer.from('{"name":"')
const FIELDS_OPEN = Buffer.from('","fields":')
const MOST_FIELDS = 100
const ONES = 0x01010101
const BLANKS = 0x20202020
const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const HIGHEST_BITS = 0x80808080 | 0
/** Fewer bytes are copied sooner one by one. */
const SHORT_COPY = 64
/** Of a record, what is not in the row. */
const ROOM = 4096

/** The records of `--json --parse`, of a window's bytes: what JSON says of a body is written where the body is read. */
export function createParsedReader(
  store: LogStore,
  filter: LogFilter | undefined,
  steps: readonly Step[],
  readRows: RecordReader,
): RecordReader {
  const parses = steps.some((step) => step.kind === 'part' && step.part !== 'body')
  const { isMessageOnly } = layoutOf(store)
  const cursor = createWindowCursor(COLUMNS)
  const { numbers, digitsFrom, digitsTo, from, to } = cursor
  const scanner = createBodyScanner()
  const targetOf = createByteCache((word) => word.toString())
  let bytes: Buffer = Buffer.alloc(0)
  let view: DataView = new DataView(bytes.buffer)
  let out: Buffer = Buffer.alloc(0)
  let outView: DataView = view
  let length = 0

  function begin(size: number): void {
    out = Buffer.allocUnsafeSlow(size)
    outView = new DataView(out.buffer)
  }

  function reserve(more: number): void {
    if (length + more <= out.length) return
    const written = out.subarray(0, length)
    begin(Math.max(out.length * 2, length + more))
    out.set(written)
  }

  /** Of the window. */
  function copy(begin: number, end: number): void {
    if (end - begin > SHORT_COPY) {
      length += bytes.copy(out, length, begin, end)
      return
    }
    const source = bytes
    const target = out
    let at = length
    for (let index = begin; index < end; index++) target[at++] = source[index]!
    length = at
  }

  function writeWords(words: Uint8Array): void {
    const target = out
    let at = length
    for (let index = 0; index < words.length; index++) target[at++] = words[index]!
    length = at
  }

  function writeEscape(code: number): void {
    out[length++] = BACKSLASH
    if (code === QUOTE || code === BACKSLASH) out[length++] = code
    else if (SHORT_ESCAPES[code] !== 0) out[length++] = SHORT_ESCAPES[code]!
    else {
      writeWords(CONTROL)
      out[length++] = HEX[code >> 4]!
      out[length++] = HEX[code & 15]!
    }
  }

  /** A text as a JSON string. */
  function writeText(begin: number, end: number): void {
    out[length++] = QUOTE
    for (let index = begin; index < end; ) {
      index = copyPlain(index, end)
      if (index < end) writeEscape(bytes[index++]!)
    }
    out[length++] = QUOTE
  }

  /**
   * Copies up to what JSON does not hold as it is, and gives its place. Four bytes are looked at and copied together:
   * of none of them the highest bit is set by what it would take to be below a blank, a quote or a backslash.
   */
  function copyPlain(begin: number, end: number): number {
    const source = bytes
    const target = out
    const words = view
    const outWords = outView
    let at = length
    let index = begin
    for (const last = Math.min(end, begin + out.length - at) - 4; index <= last; index += 4) {
      const four = words.getInt32(index, true)
      const quotes = four ^ QUOTES
      const slashes = four ^ BACKSLASHES
      const found = ((four - BLANKS) & ~four) | ((quotes - ONES) & ~quotes) | ((slashes - ONES) & ~slashes)
      if ((found & HIGHEST_BITS) !== 0) break
      outWords.setInt32(at, four, true)
      at += 4
    }
    for (; index < end; index++) {
      const code = source[index]!
      if (ESCAPED[code] !== 0) break
      target[at++] = code
    }
    length = at
    return index
  }

  /** What `readValue` says of a raw value; `false` where an escape has another form in JSON. */
  function writeValue(begin: number, end: number): boolean {
    if (end - begin < 2 || bytes[begin] !== QUOTE || bytes[end - 1] !== QUOTE) {
      writeText(begin, end)
      return true
    }
    out[length++] = QUOTE
    const last = end - 1
    for (let index = begin + 1; index < last; ) {
      index = copyPlain(index, last)
      if (index >= last) break
      const code = bytes[index++]!
      if (code !== BACKSLASH) {
        writeEscape(code)
        continue
      }
      // Rust and JSON have these in common.
      if (index >= last || !isSameEscape(bytes[index]!)) return false
      out[length++] = BACKSLASH
      out[length++] = bytes[index++]!
    }
    out[length++] = QUOTE
    return true
  }

  const signs = new Int32Array(MOST_FIELDS)

  /** Of fields with the same key the last holds, where the first one stands. */
  function writeFields(fields: Int32Array, first: number, end: number): boolean {
    if (end - first > MOST_FIELDS) return false
    const isRepeated = signKeys(fields, first, end)
    out[length++] = OPEN_BRACE
    const begin = length
    for (let index = first; index < end; index++) {
      if (isRepeated && findSame(fields, first, index, index) >= 0) continue
      const last = isRepeated ? Math.max(index, findSame(fields, index + 1, end, index)) : index
      const at = index * 3
      if (length > begin) out[length++] = COMMA
      out[length++] = QUOTE
      copy(fields[at]!, Math.max(fields[at]!, fields[at + 1]!))
      out[length++] = QUOTE
      out[length++] = COLON
      const equals = fields[last * 3 + 1]!
      if (!writeValue(equals < 0 ? fields[last * 3]! : equals + 1, fields[last * 3 + 2]!)) return false
    }
    out[length++] = CLOSE_BRACE
    return true
  }

  function signKeys(fields: Int32Array, first: number, end: number): boolean {
    let isRepeated = false
    for (let index = first; index < end; index++) {
      const begin = fields[index * 3]!
      const sign = signOf(bytes, begin, Math.max(begin, fields[index * 3 + 1]!))
      for (let other = 0; other < index - first; other++) if (signs[other] === sign) isRepeated = true
      signs[index - first] = sign
    }
    return isRepeated
  }

  /** The last of the fields with the key of another one; -1 where there is none. */
  function findSame(fields: Int32Array, first: number, end: number, wanted: number): number {
    const key = keyOf(fields, wanted)
    for (let index = end - 1; index >= first; index--) if (keyOf(fields, index).equals(key)) return index
    return -1
  }

  function keyOf(fields: Int32Array, index: number): Buffer {
    const begin = fields[index * 3]!
    return bytes.subarray(begin, Math.max(begin, fields[index * 3 + 1]!))
  }

  function writeSpans({ spans, spanCount, fields }: Readonly<BodyScan>): boolean {
    out[length++] = OPEN_BRACKET
    for (let index = 0; index < spanCount; index++) {
      const at = index * 4
      if (index > 0) out[length++] = COMMA
      writeWords(SPAN_OPEN)
      copy(spans[at]!, spans[at + 1]!)
      writeWords(FIELDS_OPEN)
      if (!writeFields(fields, spans[at + 2]!, spans[at + 3]!)) return false
      out[length++] = CLOSE_BRACE
    }
    out[length++] = CLOSE_BRACKET
    return true
  }

  function writePart(part: Part, begin: number, end: number, scan: Readonly<BodyScan> | undefined): boolean {
    switch (part) {
      case 'body':
        if (begin < 0) writeNull()
        else writeText(begin, end)
        return true
      case 'message':
        if (!scan) {
          if (begin < 0) writeNull()
          else writeText(begin, end)
        } else if (scan.messageEnd < 0) writeNull()
        else writeText(scan.chainEnd, scan.messageEnd)
        return true
      case 'spans':
        if (scan) return writeSpans(scan)
        writeWords(EMPTY_LIST)
        return true
      case 'event_fields':
        if (scan) return writeFields(scan.fields, scan.eventFields, scan.fieldCount)
        writeWords(EMPTY_OBJECT)
        return true
      case 'turn_id':
        return writeTurn(scan, begin, end)
      default:
        return part satisfies never
    }
  }

  function writeNull(): void {
    writeWords(NULL)
  }

  const turnFrom = new Int32Array(TURN_PLACES.length)
  const turnTo = new Int32Array(TURN_PLACES.length)

  function noteTurn(
    { fields }: Readonly<BodyScan>,
    first: number,
    end: number,
    keys: readonly TurnKey[],
  ): void {
    for (let index = first; index < end; index++) {
      const equals = fields[index * 3 + 1]!
      for (const { place, key } of keys) {
        if (equals >= 0 && isWord(key, bytes, fields[index * 3]!, equals)) {
          turnFrom[place] = equals + 1
          turnTo[place] = fields[index * 3 + 2]!
        }
      }
    }
  }

  /** As `readMeaning`: of the places the first that has a value, and there the innermost. */
  function writeTurn(scan: Readonly<BodyScan> | undefined, begin: number, end: number): boolean {
    const textFrom = scan ? scan.chainEnd : begin
    const textTo = scan ? scan.messageEnd : end
    turnFrom.fill(-1)
    if (scan) {
      for (let index = 0; index < scan.spanCount; index++) {
        const at = index * 4
        const keys = TURN_SPANS(bytes, scan.spans[at]!, scan.spans[at + 1]!)
        if (keys) noteTurn(scan, scan.spans[at + 2]!, scan.spans[at + 3]!, keys)
      }
      noteTurn(scan, scan.eventFields, scan.fieldCount, TURN_FIELDS)
    }
    for (let place = 0; place < TURN_PLACES.length; place++) {
      const { head, message } = TURN_PLACES[place]!
      if (head) {
        // Its value stands within the message.
        if (textTo - textFrom >= head.length && isAt(bytes, head, textFrom)) return false
        continue
      }
      const from = turnFrom[place]!
      if (from < 0) continue
      if (message && !message.test(textTo < textFrom ? '' : bytes.toString('utf8', textFrom, textTo)))
        continue
      const valueTo = turnTo[place]!
      const isQuoted = valueTo - from >= 2 && bytes[from] === QUOTE && bytes[valueTo - 1] === QUOTE
      const inner = isQuoted ? 1 : 0
      if (valueTo - from === 2 * inner || isWord(NONE, bytes, from + inner, valueTo - inner)) continue
      return writeValue(from, valueTo)
    }
    writeNull()
    return true
  }

  let second = Number.NaN
  let secondText = NULL

  /** `false` where it is no time of a calendar. */
  function writeTime(): boolean {
    const seconds = numbers[SECONDS]!
    const nanos = numbers[NANOS]! || 0
    if (Number.isNaN(seconds)) {
      writeNull()
      return true
    }
    if (seconds !== second) {
      if (seconds < FIRST_DATE_SECOND || seconds > LAST_DATE_SECOND) return false
      second = seconds
      secondText = Buffer.from(`"${formatUtcNanos(seconds, 0).slice(0, -NANO_PLACES - 1)}`)
    }
    if (nanos < 0 || nanos > 999_999_999) return false
    writeWords(secondText)
    length += NANO_PLACES
    for (let place = 1, rest = nanos; place <= NANO_PLACES; place++) {
      const tenth = (rest / 10) | 0
      out[length - place] = ZERO + rest - tenth * 10
      rest = tenth
    }
    out[length++] = LETTER_Z
    out[length++] = QUOTE
    return true
  }

  function writeStep(step: Step, scan: Readonly<BodyScan> | undefined): boolean {
    switch (step.kind) {
      case 'text':
        writeWords(step.text)
        return true
      case 'number': {
        const { column } = step
        if (digitsFrom[column] === digitsTo[column]) writeNull()
        else copy(digitsFrom[column]!, digitsTo[column]!)
        return true
      }
      case 'string':
        if (from[step.column]! < 0) writeNull()
        else writeText(from[step.column]!, to[step.column]!)
        return true
      case 'time':
        return writeTime()
      case 'part':
        return writePart(step.part, from[BODY]!, to[BODY]!, scan)
      default:
        return step satisfies never
    }
  }

  function writeRow(): boolean {
    if (cursor.isCut) return false
    const begin = from[BODY]!
    const name = from[TARGET]! < 0 ? '' : targetOf(bytes, from[TARGET]!, to[TARGET]!)
    const scan =
      begin < 0 || isMessageOnly || !parses ? undefined : scanner.scan(bytes, begin, to[BODY]!, name)
    for (let index = 0; index < steps.length; index++) if (!writeStep(steps[index]!, scan)) return false
    return true
  }

  return (batch) => {
    const window = readWindow(store, batch, COLUMNS, filter)
    if (!window) return undefined
    if (window === 'odd' || typeof window.lastId === 'bigint') return readRows(batch)
    bytes = window.bytes
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    begin(3 * bytes.length + ROOM)
    length = 0
    cursor.open(window)
    while (cursor.next()) {
      const begin = length
      let isWritten = writeRow()
      // What goes beyond the end is not written, but counted.
      while (length >= out.length) {
        const needed = length + ROOM
        length = begin
        reserve(needed)
        isWritten = writeRow()
      }
      if (isWritten) continue
      length = begin
      const own = readRows({ kind: 'ids', ids: [numbers[ID]!] })?.bytes
      if (!own) continue
      reserve(own.length)
      out.set(own, length)
      length += own.length
    }
    return { bytes: out.subarray(0, length), lastId: window.lastId }
  }
}

interface TurnKey {
  place: number
  key: Buffer
}

/** Where `turn_id` may stand, in its order. */
const TURN_PLACES = (MEANINGS.turn_id as readonly ValuePlace[]).map((place) => ({
  place,
  head: 'group' in place ? Buffer.from(textBeforeGroup(place.message.source)) : undefined,
  message: 'field' in place ? place.message : undefined,
}))
const TURN_FIELDS = TURN_PLACES.flatMap(({ place }, index): TurnKey[] =>
  'field' in place ? [{ place: index, key: Buffer.from(place.field) }] : [],
)
const TURN_SPANS = createByteIndex(
  [
    ...Map.groupBy(
      TURN_PLACES.flatMap(({ place }, index) => ('span' in place ? [{ ...place, index }] : [])),
      ({ span }) => span,
    ),
  ].map(
    ([span, places]) =>
      [span, places.map(({ key, index }) => ({ place: index, key: Buffer.from(key) }))] as const,
  ),
)

function isSameEscape(code: number): boolean {
  return code === QUOTE || code === BACKSLASH || code === LETTER_N || code === LETTER_R || code === LETTER_T
}
