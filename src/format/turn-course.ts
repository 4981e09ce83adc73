import type { Turn, TurnEntry } from '../model/turn.js'
import { describeEntry } from './turn-entry.js'

/** A call on the course of a turn; Unix milliseconds. */
export interface CallSpan {
  fromMs: number
  toMs: number
  label: string
  isBad: boolean
}

/** When what of a turn ran. What is no call and not the wait for the first token is the model's. */
export interface TurnCourse {
  number: number
  fromMs: number
  toMs: number
  /** As the rollout tells it: the wait for the first token of the answer. */
  waitMs: number
  calls: CallSpan[]
}

/** `undefined` where the rollout tells no times: in copied turns. */
export function traceTurn(turn: Turn): TurnCourse | undefined {
  const { firstLineAtMs: fromMs, lastLineAtMs } = turn
  if (fromMs === null || lastLineAtMs === null) return undefined
  const calls = turn.entries.flatMap((entry) => spanOf(entry) ?? [])
  const toMs = Math.max(lastLineAtMs, fromMs + (turn.durationMs ?? 0), ...calls.map((call) => call.toMs))
  return { number: turn.number, fromMs, toMs, waitMs: turn.firstTokenMs ?? 0, calls }
}

function spanOf(entry: TurnEntry): CallSpan | undefined {
  if (entry.kind === 'note') return undefined
  const { call } = entry
  const item = entry.kind === 'item' ? entry.item : undefined
  const itemSpan =
    item?.startedAtMs && item.completedAtMs && 'status' in item
      ? { fromMs: item.startedAtMs, toMs: item.completedAtMs }
      : undefined
  const fromMs = call?.startedAtMs ?? itemSpan?.fromMs
  const toMs = call?.endedAtMs ?? itemSpan?.toMs
  if (fromMs === undefined || fromMs === null || toMs === undefined || toMs === null || toMs < fromMs)
    return undefined
  const { kind, text } = describeEntry(entry)
  const exitCode = (item && 'exitCode' in item ? item.exitCode : null) ?? call?.exitCode ?? null
  const hasFailed = item !== undefined && 'status' in item && item.status === 'failed'
  return {
    fromMs,
    toMs,
    label: kind === 'ran' || kind === 'call' ? text : `${kind} ${text}`,
    isBad: hasFailed || entry.refusal !== null || (exitCode !== null && exitCode !== 0),
  }
}
