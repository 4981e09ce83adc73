import type { TurnStatus } from '../model/turn.js'
import { parseEnvelope } from './parse.js'
import { statusAfter } from './projection.js'
import { isObject, textOrNull } from './values.js'

export interface QuickHead {
  isPaginated: boolean
  /** The rollout that it continues. */
  baseId: string | null
}

const REST_BYTES = 1024

/** What the first line says of how its history is kept; `undefined` where the line does not end in these bytes. */
export function readQuickHead(bytes: Buffer): QuickHead | undefined {
  const end = bytes.indexOf(10)
  if (end === -1) return undefined
  const line = bytes.subarray(0, end)
  // Behind the instructions, which are most of the line. Texts of eight bytes and more are looked for slowly.
  const rest = line.subarray(-REST_BYTES)
  // A quote inside of a text would have a backslash before it.
  if (rest.includes('"history_mode":"paginated"') && !line.includes('_base":'))
    return { isPaginated: true, baseId: null }
  return line.includes('history_mode') ? parseHead(line) : { isPaginated: false, baseId: null }
}

function parseHead(line: Buffer): QuickHead | undefined {
  const parsed = parseEnvelope(line.toString())
  if (typeof parsed === 'string' || parsed.type !== 'session_meta') return undefined
  const { history_mode: mode, history_base: base } = parsed.payload
  return {
    isPaginated: mode === 'paginated',
    baseId: isObject(base) ? (textOrNull(base.thread_id)?.toLowerCase() ?? null) : null,
  }
}

/** Where a rollout ends: the ordinal of its last line, and the turn that a line told of last. */
export interface ProjectedEnd {
  ordinal: number
  turnId: string
  status: TurnStatus
}

/**
 * `undefined` where the last bytes of a rollout do not tell all of it.
 *
 * @param length so many of the bytes are the file's
 */
export function readProjectedEnd(
  bytes: Buffer,
  length: number,
  isWholeFile: boolean,
): ProjectedEnd | undefined {
  let end = length - 1
  // What is behind the last line feed is no line yet.
  if (bytes[end] !== 10) return undefined
  let ordinal: number | undefined
  while (end > 0) {
    const feed = bytes.lastIndexOf(10, end - 1)
    if (feed === -1 && !isWholeFile) return undefined
    const parsed = parseEnvelope(bytes.toString('utf8', feed + 1, end))
    if (typeof parsed === 'string' || parsed.ordinal === null) return undefined
    ordinal ??= parsed.ordinal
    const status = parsed.type === 'event_msg' ? statusAfter(parsed.payload) : undefined
    const turnId = textOrNull(parsed.payload.turn_id)
    if (status !== undefined && turnId !== null) return { ordinal, turnId, status }
    end = feed
  }
  return undefined
}
