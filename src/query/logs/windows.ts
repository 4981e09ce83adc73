import { isUtf8 } from 'node:buffer'
import { StateError } from '../../errors.js'
import { COMMA, DASH, ZERO } from '../../model/bytes.js'
import type { LogFilter, RowId } from '../../model/log.js'
import { compileBatch, type LogBatch } from './batches.js'
import { qualified } from './rows.js'
import { exactSql, fromExact, keySql, type LogSource } from './store.js'

/** What is read of each row. */
export interface WindowColumns {
  numbers: readonly ('id' | 'tsSeconds' | 'tsNanos' | 'line')[]
  texts: readonly ('level' | 'target' | 'threadId' | 'processUuid' | 'modulePath' | 'file' | 'body')[]
}

/** Longer bodies are not read into a window. */
export const LONGEST_IN_WINDOW = 256 * 1024

/** The rows of a batch in one buffer, row after row; no JavaScript value is made for a row. */
export interface RowWindow {
  bytes: Buffer
  rowCount: number
  /** The highest id among the rows. */
  lastId: RowId
}

/**
 * Reads the rows of a batch that match; `undefined` when none does, `'odd'` where their bytes are not what JavaScript
 * would read: text that is no UTF-8, a NUL in it. A window is read in the order of its ids.
 */
export function readWindow(
  source: LogSource,
  batch: LogBatch,
  { numbers, texts }: WindowColumns,
  filter?: LogFilter,
): RowWindow | 'odd' | undefined {
  const { sql, params } = compileBatch(source, batch, filter)
  // The lengths stand before all texts: a text may hold whatever would part it from the next one.
  const columns = texts.map((name) => qualified(source, name))
  const read = columns.map((column, index) =>
    texts[index] === 'body' ? `iif(octet_length(${column}) > ${LONGEST_IN_WINDOW}, '', ${column})` : column,
  )
  const values = [
    ...numbers.map((name) => `CAST(${qualified(source, name)} AS INTEGER)`),
    ...columns.map((column) => `octet_length(${column})`),
  ].flatMap((value) => [value, `','`])
  const row = orTooBig(() =>
    source.connection.get<{ bytes: Uint8Array | null; rowCount: number; lastId: number | string }>(
      // concat() makes a text of any value, as CAST does, and nothing of a NULL.
      `SELECT CAST(group_concat(concat(${[...values, ...read].join(', ')}), '') AS BLOB) AS bytes,
         count(*) AS rowCount, ${exactSql(`max(${keySql(source)})`)} AS lastId ${sql}`,
      ...params,
    ),
  )
  if (row === 'odd') return row
  if (!row?.bytes) return undefined
  if (row.bytes.includes(0) || !isUtf8(row.bytes)) return 'odd'
  const { buffer, byteOffset, byteLength } = row.bytes
  return {
    bytes: Buffer.from(buffer, byteOffset, byteLength),
    rowCount: row.rowCount,
    lastId: fromExact(row.lastId),
  }
}

function orTooBig<Result>(read: () => Result): Result | 'odd' {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== 'DB_TOO_BIG') throw error
    return 'odd'
  }
}

/** Goes from row to row of a window. */
export interface WindowCursor {
  /** By the order of the columns; not a number where there is none. */
  numbers: Float64Array
  /** Where the digits of each number begin and end. */
  digitsFrom: Int32Array
  digitsTo: Int32Array
  /** Where each text begins, -1 where there is none, and where each ends. */
  from: Int32Array
  to: Int32Array
  open(window: RowWindow): void
  next(): boolean
  /** The row's body is too long to be in a window: no text stands for it. */
  isCut: boolean
}

export function createWindowCursor({ numbers, texts }: WindowColumns): WindowCursor {
  const numberCount = numbers.length
  const textCount = texts.length
  let bytes: Uint8Array = Buffer.alloc(0)
  let at = 0
  /** Of the number that was read last. */
  let isThere = false
  const body = texts.indexOf('body')

  function readNumber(): number {
    let code = bytes[at]!
    const isNegative = code === DASH
    if (isNegative) code = bytes[++at]!
    isThere = code !== COMMA
    let value = 0
    while (code !== COMMA) {
      value = value * 10 + code - ZERO
      code = bytes[++at]!
    }
    at++
    return isNegative ? -value : value
  }

  const cursor: WindowCursor = {
    numbers: new Float64Array(numberCount),
    digitsFrom: new Int32Array(numberCount),
    digitsTo: new Int32Array(numberCount),
    from: new Int32Array(textCount),
    to: new Int32Array(textCount),
    isCut: false,
    open(window) {
      bytes = window.bytes
      at = 0
    },
    next() {
      if (at >= bytes.length) return false
      for (let index = 0; index < numberCount; index++) {
        cursor.digitsFrom[index] = at
        const value = readNumber()
        cursor.digitsTo[index] = at - 1
        cursor.numbers[index] = isThere ? value : Number.NaN
      }
      for (let index = 0; index < textCount; index++) {
        const length = readNumber()
        cursor.to[index] = isThere ? length : -1
      }
      cursor.isCut = body >= 0 && cursor.to[body]! > LONGEST_IN_WINDOW
      if (cursor.isCut) cursor.to[body] = 0
      for (let index = 0; index < textCount; index++) {
        const length = cursor.to[index]!
        cursor.from[index] = length < 0 ? -1 : at
        if (length >= 0) at += length
        cursor.to[index] = at
      }
      return true
    },
  }
  return cursor
}
