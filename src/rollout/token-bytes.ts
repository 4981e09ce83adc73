import {
  BLANK,
  CARRIAGE_RETURN,
  CLOSE_BRACE,
  COLON,
  COMMA,
  isAt,
  NINE,
  OPEN_BRACE,
  QUOTE,
  UNDERSCORE,
  ZERO,
} from '../model/bytes.js'
import type { TokenUsage } from '../model/turn.js'
import { createTextReader, findPlainEnd } from './bytes.js'
import { skipMember, skipNumber } from './json-bytes.js'
import type { ResponseUsage } from './usage.js'

// Lines of tokens, read from their bytes. Each function answers `undefined` for a line in any form that Codex does not
// write, so that the parser reads it: what is read here is what the parser would have read.

const EVENT_START = Buffer.from('event_msg","payload":{"type":"')
const COUNT_START = Buffer.from('token_count","info":')
const NO_INFO = Buffer.from('null')
const TOTAL_START = Buffer.from('{"total_token_usage":{')
const LAST_START = Buffer.from(',"last_token_usage":{')

export interface CountSums {
  total: TokenUsage
  last: TokenUsage
}

/** Behind what was read last. */
let readEnd = 0

/**
 * Both sums of a `token_count`; `null` where it tells none.
 *
 * @param typeAt where its type stands, behind the quote
 */
export function readCountLine(
  bytes: Buffer,
  start: number,
  end: number,
  typeAt: number,
): CountSums | null | undefined {
  if (!isAt(bytes, COUNT_START, typeAt)) return undefined
  let at = typeAt + COUNT_START.length
  // Whether the rest of such a line is whole changes nothing.
  if (isAt(bytes, NO_INFO, at)) return null
  if (!isAt(bytes, TOTAL_START, at)) return undefined
  if (!readSums(bytes, at + TOTAL_START.length) || !isAt(bytes, LAST_START, readEnd)) return undefined
  const total = { ...read }
  at = readEnd + LAST_START.length
  if (!readSums(bytes, at)) return undefined
  // The object of the line, its payload and `info` are open behind the sums.
  const isWhole = closes(bytes, readEnd, end, 3) && begins(bytes, start, typeAt, EVENT_START)
  return isWhole ? { total, last: { ...read } } : undefined
}

const NOTHING = Buffer.alloc(0)
const RECORD_START = Buffer.from('token_usage_record","payload":{')
const THREAD_ID = Buffer.from('thread_id')
const TURN_ID = Buffer.from('turn_id')
const RESPONSE_ID = Buffer.from('response_id')
const USAGE = Buffer.from('usage')

const readThreadId = createTextReader()
const readTurnId = createTextReader()

/**
 * What a `token_usage_record` tells of its response.
 *
 * @param typeAt where its type stands, behind the quote
 */
export function readRecordLine(
  bytes: Buffer,
  start: number,
  end: number,
  typeAt: number,
): ResponseUsage | undefined {
  if (!isAt(bytes, RECORD_START, typeAt) || !begins(bytes, start, typeAt, NOTHING)) return undefined
  let threadId: string | null = null
  let turnId: string | null = null
  let responseId: string | null = null
  let usage: TokenUsage | undefined
  let at = typeAt + RECORD_START.length
  for (;;) {
    if (bytes[at] !== QUOTE) return undefined
    const key = at + 1
    const keyEnd = findPlainEnd(bytes, key, end)
    if (keyEnd === -1 || bytes[keyEnd + 1] !== COLON) return undefined
    const value = keyEnd + 2
    if (bytes[value] === QUOTE) {
      const textEnd = findPlainEnd(bytes, value + 1, end)
      if (textEnd === -1) return undefined
      if (isText(bytes, key, keyEnd, THREAD_ID)) threadId = readThreadId(bytes, value + 1, textEnd)
      else if (isText(bytes, key, keyEnd, TURN_ID)) turnId = readTurnId(bytes, value + 1, textEnd)
      else if (isText(bytes, key, keyEnd, RESPONSE_ID))
        responseId = bytes.toString('latin1', value + 1, textEnd)
      at = textEnd + 1
    } else if (bytes[value] === OPEN_BRACE) {
      if (!readSums(bytes, value + 1)) return undefined
      if (isText(bytes, key, keyEnd, USAGE)) usage = { ...read }
      at = readEnd
    } else return undefined
    if (bytes[at] === CLOSE_BRACE) break
    if (bytes[at] !== COMMA) return undefined
    at += 1
  }
  if (usage === undefined || !closes(bytes, at, end, 2)) return undefined
  return { usage, threadId, turnId, responseId }
}

function isText(bytes: Buffer, from: number, end: number, text: Buffer): boolean {
  return end - from === text.length && isAt(bytes, text, from)
}

const TIME = Buffer.from('{"timestamp":"')
const ORDINAL = Buffer.from(',"ordinal":')
const TYPE = Buffer.from(',"type":"')

/** Whether a line begins as Codex begins it, up to `end`, where `rest` stands in front of. */
function begins(bytes: Buffer, start: number, end: number, rest: Buffer): boolean {
  if (!isAt(bytes, TIME, start)) return false
  let at = findPlainEnd(bytes, start + TIME.length, end) + 1
  if (at === 0) return false
  if (isAt(bytes, ORDINAL, at)) at = skipNumber(bytes, at + ORDINAL.length)
  return (
    at !== -1 &&
    isAt(bytes, TYPE, at) &&
    isAt(bytes, rest, at + TYPE.length) &&
    at + TYPE.length + rest.length === end
  )
}

/**
 * Whether a line goes on and ends as JSON does, so many objects being open behind a value at `from`: one that was cut
 * off, or written over, does not.
 */
function closes(bytes: Buffer, from: number, lineEnd: number, open: number): boolean {
  let end = lineEnd
  while (end > from && (bytes[end - 1] === CARRIAGE_RETURN || bytes[end - 1] === BLANK)) end -= 1
  let at = from
  for (let depth = open; depth > 0; depth -= 1) {
    while (bytes[at] === COMMA) {
      at = skipMember(bytes, at + 1)
      if (at === -1) return false
    }
    if (bytes[at] !== CLOSE_BRACE) return false
    at += 1
  }
  return at === end
}

const MAX_DIGITS = 15

/** The sums that were read last. */
const read: TokenUsage = { input: 0, cached: 0, output: 0, reasoning: 0, total: 0 }

/** `"input_tokens":1,"cached_input_tokens":0,…}`, into `read`; keys are told by their length and first letter. */
function readSums(bytes: Buffer, from: number): boolean {
  let input = -1
  let output = -1
  let cached = 0
  let reasoning = 0
  let total = -1
  for (let at = from; bytes[at] === QUOTE; at += 1) {
    const key = at + 1
    at = key
    while ((bytes[at]! >= 0x61 && bytes[at]! <= 0x7a) || bytes[at] === UNDERSCORE) at += 1
    if (bytes[at] !== QUOTE || bytes[at + 1] !== COLON) return false
    const length = at - key
    const digits = at + 2
    let value = 0
    for (at = digits; bytes[at]! >= ZERO && bytes[at]! <= NINE; at += 1)
      value = value * 10 + bytes[at]! - ZERO
    const count = at - digits
    if (count === 0 || count > MAX_DIGITS || (count > 1 && bytes[digits] === ZERO)) return false
    const first = bytes[key]
    if (length === 12 && first === 0x69) input = value
    else if (length === 12 && first === 0x74) total = value
    else if (length === 13 && first === 0x6f) output = value
    else if (length === 19 && first === 0x63) cached = value
    else if (length === 23 && first === 0x72) reasoning = value
    // `cache_write_input_tokens` is part of no sum.
    else if (length !== 24 || first !== 0x63) return false
    if (bytes[at] === CLOSE_BRACE) {
      readEnd = at + 1
      read.input = input
      read.cached = cached
      read.output = output
      read.reasoning = reasoning
      read.total = total < 0 ? input + output : total
      return input >= 0 && output >= 0
    }
    if (bytes[at] !== COMMA) return false
  }
  return false
}
