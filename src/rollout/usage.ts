import type { TokenUsage } from '../model/turn.js'
import { isObject, type JsonObject, numberOrNull, textOrNull } from './values.js'

export const NO_USAGE: TokenUsage = { input: 0, cached: 0, output: 0, reasoning: 0, total: 0 }

/** What one response cost. */
export interface ResponseUsage {
  usage: TokenUsage
  /** Told by a record of the response, from 0.153; otherwise by the course of the counts. */
  threadId: string | null
  turnId: string | null
  responseId: string | null
}

/** `null` when it is no usage. */
export function readUsage(value: unknown): TokenUsage | null {
  if (!isObject(value)) return null
  const input = numberOrNull(value.input_tokens)
  const output = numberOrNull(value.output_tokens)
  if (input === null || output === null) return null
  return {
    input,
    cached: numberOrNull(value.cached_input_tokens) ?? 0,
    output,
    reasoning: numberOrNull(value.reasoning_output_tokens) ?? 0,
    total: numberOrNull(value.total_tokens) ?? input + output,
  }
}

export function addUsage(sum: TokenUsage, usage: TokenUsage): TokenUsage {
  return {
    input: sum.input + usage.input,
    cached: sum.cached + usage.cached,
    output: sum.output + usage.output,
    reasoning: sum.reasoning + usage.reasoning,
    total: sum.total + usage.total,
  }
}

/** The same without a new value: of the sums of many responses each one would be garbage. */
export function addUsageTo(sum: TokenUsage, usage: TokenUsage): void {
  sum.input += usage.input
  sum.cached += usage.cached
  sum.output += usage.output
  sum.reasoning += usage.reasoning
  sum.total += usage.total
}

function isSameUsage(one: TokenUsage, other: TokenUsage): boolean {
  return (
    one.total === other.total &&
    one.input === other.input &&
    one.output === other.output &&
    one.cached === other.cached &&
    one.reasoning === other.reasoning
  )
}

/**
 * Finds the responses among the lines of one rollout, in their order.
 *
 * A record tells its response. Before there were records (0.153), and beside them, `token_count` tells the total and
 * the last response: it is a response where the total moved, what it gives as the last one is more than an estimate
 * of the context, and no record has told the same. Totals are never subtracted: they restart after a resume of 0.153
 * and jump when the window is full.
 */
export function createUsageCounter() {
  let total: TokenUsage | undefined
  const unmatched: TokenUsage[] = []
  const seen = new Map<string | null, Set<string>>()

  return {
    /** `token_usage_record`; `undefined` for one that was told before. */
    addRecord(payload: JsonObject): ResponseUsage | undefined {
      const usage = readUsage(payload.usage)
      if (usage === null) return undefined
      const threadId = textOrNull(payload.thread_id)
      const responseId = textOrNull(payload.response_id)
      return this.addTold({ usage, threadId, turnId: textOrNull(payload.turn_id), responseId })
    },

    /** The same, for a record that was read already. */
    addTold(response: ResponseUsage): ResponseUsage | undefined {
      const { usage, threadId, responseId } = response
      if (responseId !== null) {
        const ofThread = seen.get(threadId)
        if (ofThread?.has(responseId)) return undefined
        if (ofThread) ofThread.add(responseId)
        else seen.set(threadId, new Set([responseId]))
      }
      unmatched.push(usage)
      return response
    },

    /** `token_count`; `undefined` when it tells no new response. */
    addCount(payload: JsonObject): ResponseUsage | undefined {
      const info = isObject(payload.info) ? payload.info : {}
      const nowTotal = readUsage(info.total_token_usage)
      return nowTotal === null ? undefined : this.addSums(nowTotal, readUsage(info.last_token_usage))
    },

    /** The same, for sums that were read already. */
    addSums(nowTotal: TokenUsage, last: TokenUsage | null): ResponseUsage | undefined {
      const was = total
      total = nowTotal
      if ((was !== undefined && isSameUsage(was, nowTotal)) || last === null) return undefined
      // An estimate of the context, or the mark of a full window.
      if (last.input === 0 && last.output === 0 && last.cached === 0 && last.reasoning === 0) return undefined
      const match = unmatched.findIndex((usage) => isSameUsage(usage, last))
      if (match !== -1) {
        unmatched.splice(match, 1)
        return undefined
      }
      return { usage: last, threadId: null, turnId: null, responseId: null }
    },
  }
}
