import { createByteCache } from '../../body/byte-words.js'
import { maskBytes, maskedRoom } from '../../body/mask.js'
import { parseBody } from '../../body/parse.js'
import { type BodyScan, createBodyScanner } from '../../body/scan.js'
import { type LogFilter, type StoredLogRow, UNKNOWN_LOG_ROW } from '../../model/log.js'
import type { LogBatch } from '../../query/logs/batches.js'
import { inParts, readLogRows } from '../../query/logs/rows.js'
import type { LogStore } from '../../query/logs/store.js'
import {
  createWindowCursor,
  type RowWindow,
  readWindow,
  type WindowColumns,
} from '../../query/logs/windows.js'
import { batchesOf, layoutOf } from './records.js'

/** Rows of one call site whose messages differ only in ids, numbers and the like. */
export interface RowKind {
  /** The same for rows of the same kind. */
  key: string
  count: number
  message: string
  /** By their times. */
  first: StoredLogRow
  last: Instant
}

type Instant = Pick<StoredLogRow, 'tsSeconds' | 'tsNanos'>

export interface RowKinds {
  kinds: RowKind[]
  /** Rows of kinds that came when there were too many. */
  otherCount: number
}

/** More kinds are those of a log that has no few: the rest is counted as one. */
export const MOST_KINDS = 50_000
/** Of what is said at length only its beginning counts, in bytes. */
const LONGEST_MASKED = 1000
/** Rows that are read together: more do not fit into a processor's cache. */
const WINDOW_IDS = 1024n

const COLUMNS = {
  numbers: ['id', 'tsSeconds', 'tsNanos', 'line'],
  texts: ['level', 'target', 'file', 'body'],
} as const satisfies WindowColumns
const ID = 0
const SECONDS = 1
const NANOS = 2
const LINE = 3
const LEVEL = 0
const TARGET = 1
const FILE = 2
const BODY = 3

const NO_TEXT = 1
const WORD_BYTES = 4

/** The key in words of four bytes, the last one filled up with zeros. */
interface FoundKind {
  words: Int32Array
  length: number
  kind: RowKind
}

/** Reads the kinds of the rows of a batch; a string is made for the first row of a kind alone. */
export function createKindsReader(store: LogStore, filter?: LogFilter): (batch: LogBatch) => RowKinds {
  const layout = layoutOf(store)
  const cursor = createWindowCursor(COLUMNS)
  const { numbers, from, to } = cursor
  const scanner = createBodyScanner()
  const targetOf = createByteCache((word) => word.toString())
  let bytes: Buffer = Buffer.alloc(0)
  /** What a kind is known by: its level and its place, then the mask of its message. */
  let key = Buffer.allocUnsafeSlow(4096)
  let keyWords = new Int32Array(key.buffer)
  let keyLength = 0
  let maskFrom = 0
  let found = new Map<number, FoundKind[]>()
  let kindCount = 0
  let otherCount = 0

  function reserve(more: number): void {
    if (keyLength + more + WORD_BYTES <= key.length) return
    const larger = Buffer.allocUnsafeSlow((keyLength + more) * 2 * WORD_BYTES)
    key.copy(larger, 0, 0, keyLength)
    key = larger
    keyWords = new Int32Array(key.buffer)
  }

  function addText(source: Uint8Array, begin: number, end: number): void {
    reserve(end - begin + 2)
    if (begin < 0) key[keyLength++] = NO_TEXT
    else for (let at = begin; at < end; at++) key[keyLength++] = source[at]!
    key[keyLength++] = 0
  }

  function addMask(source: Uint8Array, begin: number, end: number): void {
    let last = Math.min(end, begin + LONGEST_MASKED)
    // Not within a character.
    while (last < end && last > begin && (source[last]! & 0xc0) === 0x80) last--
    reserve(maskedRoom(last - begin))
    keyLength = maskBytes(source, begin, last, key, keyLength)
  }

  function addLine(line: number): void {
    reserve(8)
    keyLength = key.writeDoubleLE(line, keyLength)
    maskFrom = keyLength
  }

  function count(at: Instant, toRow: () => StoredLogRow): void {
    const wordCount = Math.ceil(keyLength / WORD_BYTES)
    for (let at = keyLength; at < wordCount * WORD_BYTES; at++) key[at] = 0
    const hash = hashWords(keyWords, wordCount)
    const same = found.get(hash)
    const known = same?.find((one) => one.length === keyLength && startsWith(keyWords, one.words))
    if (known) {
      const { kind } = known
      kind.count++
      if (isBefore(at, kind.first)) kind.first = toRow()
      if (!isBefore(at, kind.last)) kind.last = { tsSeconds: at.tsSeconds, tsNanos: at.tsNanos }
      return
    }
    if (kindCount >= MOST_KINDS) {
      otherCount++
      return
    }
    kindCount++
    const words = keyWords.slice(0, wordCount)
    const kind: RowKind = {
      key: key.toString('latin1', 0, keyLength),
      count: 1,
      message: key.toString('utf8', maskFrom, keyLength),
      first: toRow(),
      last: { tsSeconds: at.tsSeconds, tsNanos: at.tsNanos },
    }
    if (same) same.push({ words, length: keyLength, kind })
    else found.set(hash, [{ words, length: keyLength, kind }])
  }

  function textOf(column: number): string | null {
    return from[column]! < 0 ? null : bytes.toString('utf8', from[column], to[column])
  }

  const at = { tsSeconds: 0, tsNanos: 0 }

  function toRow(): StoredLogRow {
    const line = numbers[LINE]!
    return {
      ...UNKNOWN_LOG_ROW,
      id: numbers[ID]!,
      ...at,
      level: textOf(LEVEL)!,
      target: textOf(TARGET)!,
      body: textOf(BODY),
      file: textOf(FILE),
      line: Number.isNaN(line) ? null : line,
    }
  }

  /** An event without a message is told by the names of its fields. */
  function addMessage(begin: number, end: number): void {
    if (begin < 0) return
    const target = from[TARGET]! < 0 ? '' : targetOf(bytes, from[TARGET]!, to[TARGET]!)
    const scan = layout.isMessageOnly ? undefined : scanner.scanEvent(bytes, begin, end, target)
    if (!scan) addMask(bytes, begin, end)
    else if (scan.messageEnd >= 0) addMask(bytes, scan.chainEnd, scan.messageEnd)
    else {
      const names = Buffer.from(namesOf(scan).join(' '))
      addMask(names, 0, names.length)
    }
  }

  function namesOf({ fields, fieldCount }: Readonly<BodyScan>): string[] {
    return Array.from({ length: fieldCount }, (_, index) => {
      const begin = fields[index * 3]!
      return bytes.toString('latin1', begin, Math.max(begin, fields[index * 3 + 1]!))
    })
  }

  function countWindow(window: RowWindow): void {
    bytes = window.bytes
    cursor.open(window)
    while (cursor.next()) {
      if (cursor.isCut) {
        countRows({ kind: 'ids', ids: [numbers[ID]!] })
        continue
      }
      keyLength = 0
      for (let text = LEVEL; text <= FILE; text++) addText(bytes, from[text]!, to[text]!)
      addLine(numbers[LINE]!)
      addMessage(from[BODY]!, to[BODY]!)
      // Where there is no time, as where there is none in a row.
      at.tsSeconds = numbers[SECONDS]! || 0
      at.tsNanos = numbers[NANOS]! || 0
      count(at, toRow)
    }
  }

  function countRows(batch: LogBatch): void {
    for (const part of inParts(store, batchesOf(batch))) {
      for (const row of readLogRows(store, part, filter)) countRow(row)
    }
  }

  function countRow(row: StoredLogRow): void {
    keyLength = 0
    for (const text of [row.level, row.target, row.file]) {
      const part = Buffer.from(text ?? '')
      addText(part, text === null ? -1 : 0, part.length)
    }
    addLine(row.line === null ? Number.NaN : Number(row.line))
    const parsed = parseBody(row.body, { target: row.target ?? '', ...layout })
    const told = Buffer.from(parsed.message ?? parsed.fields.map(({ key: name }) => name).join(' '))
    addMask(told, 0, told.length)
    count(row, () => row)
  }

  return (batch) => {
    found = new Map()
    kindCount = 0
    otherCount = 0
    for (const window of windowsOf(batch)) {
      const read = readWindow(store, window, COLUMNS, filter)
      if (!read) continue
      // An id beyond 2^53 is no number.
      if (read === 'odd' || typeof read.lastId === 'bigint') countRows(window)
      else countWindow(read)
    }
    return { kinds: [...found.values()].flatMap((same) => same.map(({ kind }) => kind)), otherCount }
  }
}

function hashWords(words: Int32Array, count: number): number {
  let hash = count
  for (let at = 0; at < count; at++) {
    hash = Math.imul(hash ^ words[at]!, 0x5bd1e995)
    hash ^= hash >>> 15
  }
  return hash
}

function startsWith(words: Int32Array, known: Int32Array): boolean {
  for (let at = 0; at < known.length; at++) if (known[at] !== words[at]) return false
  return true
}

function* windowsOf(batch: LogBatch): Generator<LogBatch> {
  if (batch.kind === 'ids') {
    yield batch
    return
  }
  for (let low = batch.low; low <= batch.high; low += WINDOW_IDS) {
    const high = low + WINDOW_IDS - 1n
    yield { kind: 'window', low, high: high < batch.high ? high : batch.high }
  }
}

export function isBefore(a: Instant, b: Instant): boolean {
  return a.tsSeconds < b.tsSeconds || (a.tsSeconds === b.tsSeconds && a.tsNanos < b.tsNanos)
}
