import type { TokenGroup } from '../model/inspection.js'
import type { TokenUsage } from '../model/turn.js'
import type { MetResponse, RolloutTokens, TotalDifference } from './tokens.js'
import { addUsageTo, NO_USAGE } from './usage.js'

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
  badLineCount: number
}

/** What the groups of a rollout are that all of its responses have in common. */
type RolloutFacts = Pick<RolloutTokens, 'threadId' | 'provider' | 'source' | 'branch'>

/** Sums the responses of one rollout after another. */
export function createRolloutSummer({ groups, sinceMs, untilMs, isLocal }: TokenQuestion) {
  const isWhole = sinceMs === undefined && untilMs === undefined
  const [fromMs, toMs] = [sinceMs ?? Number.NEGATIVE_INFINITY, untilMs ?? Number.POSITIVE_INFINITY]
  const nameSpan = createSpanNamer(isLocal)
  let sums = createTokenSums()

  return {
    begin(): void {
      sums = createTokenSums()
    },
    add(response: MetResponse): void {
      const { atMs, usage } = response
      // What has no time lies in no span of time.
      if (!isWhole && !(atMs !== null && atMs >= fromMs && atMs <= toMs)) return
      sums.add(
        groups.map((group) => keyOf(group, response, nameSpan)),
        usage,
        1,
      )
    },
    finish: (rollout: RolloutFacts): TokenSum[] =>
      sums.list().map((sum) => ({
        ...sum,
        keys: sum.keys.map((key, index) => commonKey(groups[index]!, rollout) ?? key),
      })),
  }
}

/** Gathers sums of the same keys. */
export function createTokenSums() {
  const byKey = new Map<string, TokenSum>()
  let last: TokenSum | undefined

  function find(keys: TokenSum['keys']): TokenSum {
    // Mostly they are those of the response before.
    if (last?.keys.every((key, index) => key === keys[index])) return last
    const name = JSON.stringify(keys)
    last = byKey.get(name) ?? { keys, usage: { ...NO_USAGE }, responses: 0 }
    byKey.set(name, last)
    return last
  }

  return {
    /** Gives the sum that it went into. */
    add(keys: TokenSum['keys'], usage: TokenUsage, responses: number): TokenSum {
      const sum = find(keys)
      addUsageTo(sum.usage, usage)
      sum.responses += responses
      return sum
    },
    list: () => [...byKey.values()],
  }
}

/** `null` also for what is known when the rollout has been read. */
function keyOf(group: TokenGroup, response: MetResponse, nameSpan: NameSpan): string | null {
  switch (group) {
    case 'turn':
      return response.turnId()
    case 'day':
    case 'week':
    case 'month':
      return response.atMs === null ? null : nameSpan(group, response.atMs)
    case 'model':
      return response.model()
    case 'cwd':
      return response.cwd() || null
    case 'thread':
    case 'provider':
    case 'source':
    case 'branch':
    case 'total':
      return null
    default:
      return group satisfies never
  }
}

function commonKey(group: TokenGroup, rollout: RolloutFacts): string | null {
  switch (group) {
    case 'thread':
      return rollout.threadId
    case 'provider':
      return rollout.provider
    case 'source':
      return rollout.source
    case 'branch':
      return rollout.branch
    case 'total':
      return 'all'
    case 'turn':
    case 'day':
    case 'week':
    case 'month':
    case 'model':
    case 'cwd':
      return null
    default:
      return group satisfies never
  }
}

const DAY_MS = 86_400_000

type NameSpan = (span: 'day' | 'week' | 'month', atMs: number) => string

/** Every zone is some quarters of an hour away from UTC. */
const QUARTER_MS = 15 * 60 * 1000

/** Names each quarter of an hour once. */
function createSpanNamer(isLocal: boolean): NameSpan {
  const names = {
    day: new Map<number, string>(),
    week: new Map<number, string>(),
    month: new Map<number, string>(),
  }
  return (span, atMs) => {
    const quarter = Math.floor(atMs / QUARTER_MS)
    const known = names[span].get(quarter)
    if (known !== undefined) return known
    const name = nameSpan(span, atMs, isLocal)
    names[span].set(quarter, name)
    return name
  }
}

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
