import { createByteCache } from '../../body/byte-words.js'
import { parseBody } from '../../body/parse.js'
import { createBodyScanner } from '../../body/scan.js'
import { summarizeRow } from '../../body/summary.js'
import { createEventTeller } from '../../body/tell-event.js'
import { formatDayRule } from '../../format/day-rule.js'
import { escapeAt } from '../../format/escape.js'
import { PATCH_MARK } from '../../format/lay-out-row.js'
import { createLineFormatter, LEVEL_WIDTH, shortenTarget, TARGET_WIDTH } from '../../format/short-line.js'
import { createUtcTime, FIRST_DATE_SECOND, LAST_DATE_SECOND } from '../../format/time.js'
import { BLANK, COLON, DELETE, DOT, EQUALS, NEWLINE, ZERO } from '../../model/bytes.js'
import { type LogFilter, type RowId, type StoredLogRow, UNKNOWN_LOG_ROW } from '../../model/log.js'
import { SHORT_ID_LENGTH } from '../../model/uuid.js'
import type { LogBatch } from '../../query/logs/batches.js'
import { inParts, keyOf, readLogRows } from '../../query/logs/rows.js'
import type { LogStore } from '../../query/logs/store.js'
import {
  createWindowCursor,
  type RowWindow,
  readWindow,
  type WindowColumns,
} from '../../query/logs/windows.js'
import { batchesOf, layoutOf, type RecordReader, type Records } from './records.js'

const COLUMNS = {
  numbers: ['tsSeconds', 'tsNanos'],
  texts: ['level', 'threadId', 'target', 'body'],
} as const satisfies WindowColumns
const SECONDS = 0
const NANOS = 1
const LEVEL = 0
const THREAD = 1
const TARGET = 2
const BODY = 3

const ABOVE_ASCII = 0x80808080 | 0

/** Bytes that are shown as they are, white space, begins of characters that may be hidden, and what is escaped. */
const PLAIN = 0
const WHITE = 1
const LEAD = 2
const OTHER = 3
const CLASSES = new Uint8Array(256).fill(OTHER)
CLASSES.fill(PLAIN, 0x21, 0x7f)
CLASSES.fill(PLAIN, 0x80)
for (const lead of [0xc2, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf3]) CLASSES[lead] = LEAD
for (const white of ' \t\r\n') CLASSES[white.charCodeAt(0)] = WHITE

const PATCH_BYTES = Buffer.from(PATCH_MARK)
/** Of a line, what is not in the row. */
const LINE_ROOM = 200
/** Fewer bytes are copied sooner one by one. */
const SHORT_COPY = 64
const DAY_SECONDS = 86_400
/** At least two characters. */
const NEIGHBOUR_BYTES = 8

/** Of the characters that begin so (UTF-8) some are escaped, or are white space: U+0080 to U+00A0, U+00AD, U+2000 … */
function mayBeHidden(lead: number, second: number, third: number): boolean {
  switch (lead) {
    case 0xc2:
      return second <= 0xa0 || second === 0xad
    case 0xd8:
      return second === 0x9c
    case 0xe1:
      return second === 0xa0 || second === 0x9a
    case 0xe2:
      return second === 0x81 || (second === 0x80 && (third <= 0x8f || third >= 0xa8))
    case 0xe3:
      return second === 0x80 && third === 0x80
    case 0xef:
      return second === 0xbb
    default:
      return second === 0xa0
  }
}

interface Target {
  name: string
  /** As it stands in a line; `undefined` where it is to be escaped. */
  cell: Buffer | undefined
}

/**
 * The lines of `short` as a pipe gets them (UTC, no colour, neither cut nor folded), made of a window's bytes; what the
 * bytes alone do not tell, `createLineFormatter` tells row by row. The same lines in any case.
 */
export function createShortReader(store: LogStore, filter: LogFilter | undefined): RecordReader {
  const layout = layoutOf(store)
  const time = createUtcTime()
  const formatRow = createLineFormatter({ time, palette: undefined, width: undefined })
  const cursor = createWindowCursor(COLUMNS)
  const { numbers, from, to } = cursor
  const scanner = createBodyScanner()
  const teller = createEventTeller()
  const { told } = teller
  const targetOf = createByteCache((word): Target => {
    const name = word.toString()
    const shown = Buffer.from(shortenTarget(name).padEnd(TARGET_WIDTH))
    return { name, cell: /^[\x21-\x7e]*$/.test(name) ? shown : undefined }
  })
  const isLevel = createByteCache((word) => /^[\x21-\x7e]{1,5}$/.test(word.toString()))

  let bytes: Buffer = Buffer.alloc(0)
  let view: DataView = new DataView(new ArrayBuffer(0))
  let out: Buffer = Buffer.alloc(0)
  let length = 0
  let hasNewline = false
  let day = Number.NaN
  let rule: Records['rule']
  let ruleDay = Number.NaN
  let ruleText = ''

  function reserve(more: number): void {
    if (length + more <= out.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(out.length * 2, length + more))
    out.copy(larger, 0, 0, length)
    out = larger
  }

  function append(text: string): void {
    reserve(text.length * 3)
    length += out.write(text, length)
  }

  /** Before the first row of a day; the first of a batch is left out where the rows before are of the same day. */
  function addRule(seconds: number): void {
    const current = Math.floor(seconds / DAY_SECONDS)
    if (current === day) return
    day = current
    const begin = length
    if (ruleDay !== day) ruleText = formatDayRule(time.full(seconds, 0).slice(0, 10), 'Z')
    ruleDay = day
    append(ruleText)
    rule ??= { from: begin, to: length, key: String(day) }
  }

  /**
   * A text on one line: white space is one blank, and none at the begin. `false`: white space in it that is not ASCII.
   * Printable ASCII with single blanks, which nearly all is, is looked at by four bytes together.
   */
  function writeText(begin: number, end: number): boolean {
    const source = bytes
    const words = view
    let run = begin
    let index = begin
    while (index < end) {
      // Each four begin at the last byte of those before, so that every byte is seen beside its neighbour.
      if (index > run) index--
      if (source[index] !== BLANK || index > run) {
        for (const last = end - 4; index <= last; index += 3) {
          const four = words.getInt32(index, true)
          if (((four | (four - 0x20202020) | (four + 0x01010101)) & ABOVE_ASCII) !== 0) break
          const blanks = four ^ 0x20202020
          const pairs = blanks | (blanks >>> 8)
          if (((pairs - 0x010101) & ~pairs & 0x808080) !== 0) break
        }
      }
      for (const stop = Math.min(index + 4, end); index < stop; index++) {
        const code = source[index]!
        const kind = CLASSES[code]!
        if (kind === PLAIN || (code === BLANK && index > run && source[index - 1] !== BLANK)) continue
        if (kind === LEAD && !mayBeHidden(code, source[index + 1]!, source[index + 2]!)) continue
        if (kind !== WHITE) {
          copy(run, index)
          run = writeEscaped(begin, index, end)
          if (run < 0) return false
          index = run - 1
          continue
        }
        if (code === NEWLINE) hasNewline = true
        copy(run, index)
        if (out[length - 1] !== BLANK) out[length++] = BLANK
        run = index + 1
      }
    }
    copy(run, end)
    return true
  }

  /** The character at `index` as a terminal may have it; gives the place after it, -1 where it is white space. */
  function writeEscaped(begin: number, index: number, end: number): number {
    // What it becomes can hang on the characters beside it.
    let first = Math.max(begin, index - NEIGHBOUR_BYTES)
    while (isWithinCharacter(first)) first++
    let last = index + 1
    while (last < end && (last < index + NEIGHBOUR_BYTES || isWithinCharacter(last))) last++
    const before = bytes.toString('utf8', first, index)
    const text = before + bytes.toString('utf8', index, last)
    if (/\s/.test(text[before.length]!)) return -1
    const shown = escapeAt(text, before.length)
    reserve(LINE_ROOM + 2 * (end - index))
    length += out.write(shown, length)
    let next = index + 1
    while (next < end && isWithinCharacter(next)) next++
    return next
  }

  function isWithinCharacter(at: number): boolean {
    return (bytes[at]! & 0xc0) === 0x80
  }

  function copy(begin: number, end: number): void {
    if (end - begin > SHORT_COPY) length += bytes.copy(out, length, begin, end)
    else for (let index = begin; index < end; index++) out[length++] = bytes[index]!
  }

  /** Of a template: they are fit to be shown. */
  function writeWords(words: Uint8Array): void {
    for (let index = 0; index < words.length; index++) {
      const code = words[index]!
      if (code !== BLANK || out[length - 1] !== BLANK) out[length++] = code
    }
  }

  function writePadded(begin: number, end: number, width: number): void {
    const target = out
    const last = Math.min(end, begin + width)
    for (let index = begin; index < last; index++) target[length++] = bytes[index]!
    for (let missing = width - (last - begin); missing > 0; missing--) target[length++] = BLANK
  }

  function writeTwo(value: number): void {
    const tens = (value / 10) | 0
    out[length++] = ZERO + tens
    out[length++] = ZERO + value - tens * 10
  }

  function writeClock(seconds: number, nanos: number): void {
    const second = seconds - Math.floor(seconds / DAY_SECONDS) * DAY_SECONDS
    const hour = (second / 3600) | 0
    const minute = ((second - hour * 3600) / 60) | 0
    writeTwo(hour)
    out[length++] = COLON
    writeTwo(minute)
    out[length++] = COLON
    writeTwo(second - hour * 3600 - minute * 60)
    out[length++] = DOT
    const millis = (nanos / 1e6) | 0
    const hundreds = (millis / 100) | 0
    out[length++] = ZERO + hundreds
    writeTwo(millis - hundreds * 100)
    out[length++] = BLANK
  }

  /** Adds the line of a row; `false` where its bytes do not tell it. */
  function writeLine(seconds: number, nanos: number): boolean {
    const begin = from[BODY]!
    const end = to[BODY]!
    if (from[LEVEL]! < 0 || from[TARGET]! < 0 || begin < 0) return false
    if (!isLevel(bytes, from[LEVEL]!, to[LEVEL]!)) return false
    const { name, cell } = targetOf(bytes, from[TARGET]!, to[TARGET]!)
    if (!cell) return false
    reserve(LINE_ROOM + cell.length + 2 * (end - begin))
    writeClock(seconds, nanos)
    writePadded(from[LEVEL]!, to[LEVEL]!, LEVEL_WIDTH)
    out[length++] = BLANK
    const thread = Math.max(from[THREAD]!, 0)
    const threadEnd = from[THREAD]! < 0 ? thread : to[THREAD]!
    for (let at = thread; at < threadEnd; at++) if (bytes[at]! <= BLANK || bytes[at]! >= DELETE) return false
    writePadded(thread, threadEnd, SHORT_ID_LENGTH)
    out[length++] = BLANK
    for (let at = 0; at < cell.length; at++) out[length++] = cell[at]!
    out[length++] = BLANK
    return writeBody(begin, end, name)
  }

  function writeBody(begin: number, end: number, target: string): boolean {
    const start = length
    hasNewline = false
    const scan = scanner.scanEvent(bytes, begin, end, target)
    if (!teller.tell(bytes, scan, target)) return false
    const { pieces, words, pieceCount, fields, fieldCount } = told
    for (let index = 0; index < pieceCount; index++) {
      const own = words[index]
      if (own) writeWords(own)
      else if (!writeText(pieces[index * 2]!, pieces[index * 2 + 1]!)) return false
    }
    // A patch keeps its lines.
    if (hasNewline && out.subarray(start, length).includes(PATCH_BYTES)) return false
    trim(start)
    if (length > start) out[length++] = BLANK
    const own = length
    for (let index = 0; index < fieldCount; index++) {
      const at = index * 3
      if (index > 0 && out[length - 1] !== BLANK) out[length++] = BLANK
      const key = fields[at]!
      for (let next = key; ; next++) {
        out[length++] = bytes[next]!
        if (bytes[next] === EQUALS) break
      }
      if (!writeText(fields[at + 1]!, fields[at + 2]!)) return false
    }
    trim(own)
    if (length === own) trim(start)
    if (length === start) length += out.write('–', length)
    out[length++] = NEWLINE
    return true
  }

  function trim(start: number): void {
    while (length > start && out[length - 1] === BLANK) length--
  }

  function textOf(column: number): string | null {
    return from[column]! < 0 ? null : bytes.toString('utf8', from[column], to[column])
  }

  function addRow(row: StoredLogRow): void {
    append(formatRow(summarizeRow(row, parseBody(row.body, { target: row.target ?? '', ...layout }))))
  }

  /** `false`: the batch has rows that only `readRows` can tell. */
  function readBytes(window: RowWindow): boolean {
    bytes = window.bytes
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    cursor.open(window)
    while (cursor.next()) {
      const seconds = numbers[SECONDS]!
      const nanos = numbers[NANOS]!
      // An event whose text was not kept is told by what is not in the window.
      if (!isShowable(seconds, nanos) || from[BODY]! < 0 || cursor.isCut) return false
      addRule(seconds)
      const begin = length
      if (!layout.isMessageOnly && writeLine(seconds, nanos)) continue
      length = begin
      addRow({
        ...UNKNOWN_LOG_ROW,
        tsSeconds: seconds,
        tsNanos: nanos,
        level: textOf(LEVEL)!,
        target: textOf(TARGET)!,
        body: textOf(BODY),
        threadId: textOf(THREAD),
      })
    }
    return true
  }

  function readRows(batch: LogBatch): RowId | undefined {
    let lastId: RowId | undefined
    for (const part of inParts(store, batchesOf(batch))) {
      for (const row of readLogRows(store, part, filter)) {
        const { tsSeconds, tsNanos } = row
        if (isShowable(tsSeconds ?? 0, tsNanos ?? 0)) addRule(tsSeconds ?? 0)
        addRow(row)
        const id = keyOf(row)
        if (lastId === undefined || id > lastId) lastId = id
      }
    }
    return lastId
  }

  function begin(size: number): void {
    // A new one each time: the records of several batches can wait for their turn.
    out = Buffer.allocUnsafeSlow(size)
    length = 0
    day = Number.NaN
    rule = undefined
  }

  return (batch) => {
    const window = readWindow(store, batch, COLUMNS, filter)
    if (!window) return undefined
    let lastId: RowId | undefined
    if (window !== 'odd') {
      begin(window.bytes.length + LINE_ROOM)
      if (readBytes(window)) lastId = window.lastId
    }
    if (lastId === undefined) {
      begin(LINE_ROOM)
      lastId = readRows(batch)
    }
    if (lastId === undefined) return undefined
    return { bytes: out.subarray(0, length), lastId, rule, lastKey: String(day) }
  }
}

function isShowable(seconds: number, nanos: number): boolean {
  return nanos >= 0 && nanos <= 999_999_999 && seconds >= FIRST_DATE_SECOND && seconds <= LAST_DATE_SECOND
}
