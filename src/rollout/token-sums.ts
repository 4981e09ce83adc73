import type { TokenGroup } from '../model/inspection.js'
import type { TokenUsage } from '../model/turn.js'
import type { ResponseTokens, RolloutTokens, TotalDifference } from './tokens.js'
import { addUsage, NO_USAGE } from './usage.js'

/** What is asked of a ledger; plain data, so that a worker thread can be asked. */
export interface TokenQuestion {
  /** None: one sum. */
  groups: readonly TokenGroup[]
  /** By when the tokens were used: Unix milliseconds, both inclusive. */
  sinceMs?: number | undefined
  untilMs?: number | undefined
  /** Days, weeks and months in the zone of the process, else in UTC. */
  isLocal: boolean
}

export interface TokenSum {
  /** One for each group that was asked for; `null` where the rollout does not say. */
  keys: (string | null)[]
  usage: TokenUsage
  responses: number
}

/** What one rollout adds to the answer. */
export interface RolloutSums {
  kind: 'sums'
  path: string
  threadId: string
  rolloutId: string
  parentThreadId: string | null
  forkedFromId: string | null
  sums: TokenSum[]
  /** Of the whole rollout, whatever was asked for. */
  wholeTotal: number
  lastTotal: number | null
  differences: TotalDifference[]
}

export function sumRollout(rollout: RolloutTokens, question: TokenQuestion): RolloutSums {
  const { path, threadId, rolloutId, parentThreadId, forkedFromId, lastTotal, differences } = rollout
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = question
  const isWhole = question.sinceMs === undefined && question.untilMs === undefined
  const sums = createTokenSums()
  for (const response of rollout.responses) {
    // What has no time lies in no span of time.
    if (!isWhole && !(response.atMs !== null && response.atMs >= sinceMs && response.atMs <= untilMs))
      continue
    const keys = question.groups.map((group) => keyOf(group, response, rollout, question.isLocal))
    sums.add({ keys, usage: response.usage, responses: 1 })
  }
  return {
    kind: 'sums',
    path,
    threadId,
    rolloutId,
    parentThreadId,
    forkedFromId,
    sums: sums.list(),
    wholeTotal: rollout.usage.total,
    lastTotal,
    differences,
  }
}

/** Gathers sums of the same keys. */
export function createTokenSums() {
  const byKey = new Map<string, TokenSum>()
  return {
    add({ keys, usage, responses }: TokenSum): void {
      const key = JSON.stringify(keys)
      const sum = byKey.get(key)
      if (sum === undefined) {
        byKey.set(key, { keys, usage: addUsage(NO_USAGE, usage), responses })
        return
      }
      sum.usage = addUsage(sum.usage, usage)
      sum.responses += responses
    },
    list: () => [...byKey.values()],
  }
}

function keyOf(
  group: TokenGroup,
  { atMs, turnId, model, cwd }: ResponseTokens,
  { threadId, provider, source, branch }: RolloutTokens,
  isLocal: boolean,
): string | null {
  switch (group) {
    case 'thread':
      return threadId
    case 'turn':
      return turnId
    case 'day':
    case 'week':
    case 'month':
      return atMs === null ? null : nameSpan(group, atMs, isLocal)
    case 'model':
      return model
    case 'provider':
      return provider
    case 'source':
      return source
    case 'cwd':
      return cwd === '' ? null : cwd
    case 'branch':
      return branch
    case 'total':
      return 'all'
    default:
      return group satisfies never
  }
}

const DAY_MS = 86_400_000

/** `2026-11-25`, `2026-W48` (ISO 8601: Monday to Sunday), `2026-11`. */
function nameSpan(span: 'day' | 'week' | 'month', atMs: number, isLocal: boolean): string {
  const at = new Date(atMs)
  // As if the date of the zone were one of UTC: from there on there is only arithmetic of dates.
  const day = isLocal ? new Date(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate())) : at
  if (span !== 'week') return day.toISOString().slice(0, span === 'day' ? 10 : 7)
  const thursday = new Date(day.getTime() + (3 - ((day.getUTCDay() + 6) % 7)) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const week = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS)) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}
