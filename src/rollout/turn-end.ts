import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { parseEnvelope } from './parse.js'
import { isObject, textOrNull } from './values.js'

/** A turn of today ends in some KB of lines; of one that does not the rollout is not asked. */
const TAIL_BYTES = 256 * 1024
const STARTS = ['task_started', 'turn_started']
const ENDS = ['task_complete', 'turn_complete', 'turn_aborted']
/** No other line is parsed. */
const MARKS = new RegExp(`"(?:${[...STARTS, ...ENDS].join('|')})"`)

/**
 * Whether a rollout tells that a turn ended, or, without an id, that its last one did; `undefined` where its last lines
 * do not tell, or it cannot be read.
 */
export function hasTurnEnded(path: string, turnId: string | undefined): boolean | undefined {
  for (const line of readLastLines(path).reverse()) {
    if (!MARKS.test(line)) continue
    const parsed = parseEnvelope(line)
    if (typeof parsed === 'string' || parsed.type !== 'event_msg' || !isObject(parsed.payload)) continue
    const type = textOrNull(parsed.payload.type) ?? ''
    const id = textOrNull(parsed.payload.turn_id)
    if (turnId !== undefined && id !== null && id !== turnId) continue
    if (ENDS.includes(type)) return true
    if (STARTS.includes(type)) return false
  }
  return undefined
}

/** Complete ones; none of what is compressed, or cannot be read. */
function readLastLines(path: string): string[] {
  if (path.endsWith('.zst')) return []
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return []
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return []
    const from = Math.max(0, stat.size - TAIL_BYTES)
    const bytes = Buffer.allocUnsafe(stat.size - from)
    const lines = bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, from)).split('\n')
    // What is behind the last line feed is no line yet.
    lines.pop()
    if (from > 0) lines.shift()
    return lines
  } catch {
    return []
  } finally {
    closeSync(fd)
  }
}
