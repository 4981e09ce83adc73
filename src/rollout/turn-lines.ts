import type { TokenUsage, Turn, TurnEntry, TurnError, TurnStatus } from '../model/turn.js'
import type { RolloutHead } from './head.js'
import type { LinePlace } from './lines.js'
import type { RolloutEnvelope } from './parse.js'
import { parseTimestampMs } from './timestamp.js'
import type { OpenTurn } from './turn-book.js'
import { camelCase, isObject, type JsonObject, numberOrNull, textOrNull } from './values.js'

export interface TurnReaderOptions {
  head: RolloutHead
  detail: 'full' | 'summary'
  hasWriter: () => boolean
  /** Before 0.100: where the copied part ends. */
  copiedEnd: number | null
}

/** The file that a line stands in. */
export interface LineFile {
  /** One that the rollout continues. */
  isBase: boolean
  /** Of another thread; the base of a rollout can also be one of the same thread, which was reverted. */
  isOfOther: boolean
}

/** What reads the lines of one format. */
export interface TurnReader {
  addLine(line: RolloutEnvelope, place: LinePlace, file: LineFile): void
  /** The turns so far, for who reads on while the rollout is written; what they hold goes on changing. */
  now(): { turns: readonly Turn[]; outside: readonly TurnEntry[] }
  /** Whether a call of `now` stands in an item as well. */
  isMerged(entry: TurnEntry): boolean
  finish(): {
    turns: Turn[]
    rolledBack: Turn[]
    outside: TurnEntry[]
    usage: TokenUsage
    responses: number
    threadUsage: TokenUsage
    threadResponses: number
    inheritedLineCount: number
    unknownTypes: Record<string, number>
  }
}

/** What `task_started` says. */
export function startTurn({ turn }: OpenTurn, event: JsonObject): void {
  turn.startedAtSeconds = numberOrNull(event.started_at)
  turn.rootTurnId = textOrNull(event.root_turn_id)
  const attribution = isObject(event.turn_attribution) ? event.turn_attribution : {}
  turn.trigger = textOrNull(attribution.turn_trigger)
  turn.parentTurnId = textOrNull(attribution.parent_turn_id)
}

/** What `task_complete` and `turn_aborted` say. A turn that has ended is not ended again, but for an interruption. */
export function endTurn(open: OpenTurn, event: JsonObject, status: TurnStatus): void {
  const { turn } = open
  if (open.status === 'inProgress' || status === 'interrupted') open.status = status
  const error = readError(event.error)
  if (error) {
    turn.error = error
    turn.isErrorHidden = false
    if (status === 'failed') open.status = status
  }
  if (status === 'interrupted') turn.abortReason = textOrNull(event.reason)
  turn.completedAtSeconds = numberOrNull(event.completed_at) ?? turn.completedAtSeconds
  turn.durationMs = numberOrNull(event.duration_ms) ?? turn.durationMs
  turn.firstTokenMs = numberOrNull(event.time_to_first_token_ms) ?? turn.firstTokenMs
  turn.rootTurnId ??= textOrNull(event.root_turn_id)
}

export function readError(value: unknown): TurnError | null {
  if (!isObject(value) || typeof value.message !== 'string') return null
  const info = value.codex_error_info
  return {
    message: value.message.toWellFormed(),
    info: typeof info === 'string' ? camelCase(info) : isObject(info) ? camelKeys(info) : null,
  }
}

function camelKeys(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [camelCase(key), isObject(inner) ? camelKeys(inner) : inner]),
  )
}

/** Whether an item of the turn has these words; messages of the model's may hold more than their item. */
export function saysSame(open: OpenTurn | undefined, text: string): boolean {
  for (const { item } of open?.items.values() ?? []) {
    if (item.type === 'userMessage') {
      if (item.content.some((part) => part.type === 'text' && isTwin(String(part.text), text))) return true
    } else if (item.type === 'agentMessage' || item.type === 'plan') {
      if (isTwin(item.text, text)) return true
    } else if (item.type === 'hookPrompt') return true
  }
  return false
}

/** A review's words are also an answer, in another turn. */
export function reviewsOf({ items }: OpenTurn): string[] {
  return [...items.values()].flatMap(({ item }) => (item.type === 'exitedReviewMode' ? [item.review] : []))
}

function isTwin(said: string, sent: string): boolean {
  const [a, b] = [said.trim(), sent.trim()]
  return a === b || (a !== '' && (b.includes(a) || a.includes(b)))
}

/** `null` for the time of a copied line, which is the time of the copy. */
export function timeOfLine(line: RolloutEnvelope, isCopy: boolean): number | null {
  return isCopy ? null : parseTimestampMs(line.timestamp)
}
