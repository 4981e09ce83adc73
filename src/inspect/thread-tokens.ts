import type { ThreadRow } from '../model/thread.js'
import type { TokenUsage } from '../model/turn.js'
import { rolloutIdOf } from '../rollout/home-index.js'
import type { RolloutSums, TokenSum } from '../rollout/token-sums.js'
import { addUsageTo, NO_USAGE } from '../rollout/usage.js'

/**
 * Why a thread's row says another number than its rollouts. `inherited`, `windowFull` and `restarted`: the last total
 * in the rollout is another one; `reverted`: the row has only the newest rollout; `behind`: the row is not what the
 * rollout says last; `unknown`: nothing of that.
 */
export const ROW_DIFFERENCES = [
  'inherited',
  'windowFull',
  'restarted',
  'reverted',
  'behind',
  'unknown',
] as const

export type RowDifference = (typeof ROW_DIFFERENCES)[number]

/** What the rollouts of one thread add up to. */
export interface ThreadTokens {
  threadId: string
  parentThreadId: string | null
  /** Of what was asked for. */
  usage: TokenUsage
  responses: number
  rollouts: RolloutSums[]
}

export function gatherThreads(rollouts: readonly RolloutSums[]): Map<string, ThreadTokens> {
  const threads = new Map<string, ThreadTokens>()
  for (const [threadId, own] of Map.groupBy(rollouts, (rollout) => rollout.threadId)) {
    const { usage, responses } = addUp(own.flatMap(({ sums }) => sums))
    const parentThreadId = own.find((rollout) => rollout.parentThreadId !== null)?.parentThreadId ?? null
    threads.set(threadId, { threadId, parentThreadId, usage, responses, rollouts: own })
  }
  return threads
}

export function addUp(sums: readonly TokenSum[]): { usage: TokenUsage; responses: number } {
  const all = { usage: { ...NO_USAGE }, responses: 0 }
  for (const { usage, responses } of sums) {
    addUsageTo(all.usage, usage)
    all.responses += responses
  }
  return all
}

/** None when the row says what was used. */
export function explainRow(
  { tokensUsed, rolloutPath }: Pick<ThreadRow, 'tokensUsed' | 'rolloutPath'>,
  { rollouts }: ThreadTokens,
): RowDifference[] {
  const total = rollouts.reduce((sum, { wholeTotal }) => sum + wholeTotal, 0)
  if (tokensUsed === total) return []
  const recorded = rolloutIdOf(rolloutPath)
  const current =
    rollouts.find(({ rolloutId }) => rolloutId === recorded) ??
    rollouts.reduce((newest, other) => (other.rolloutId > newest.rolloutId ? other : newest))
  const reasons: RowDifference[] = [...current.differences]
  if (rollouts.length > 1) reasons.push('reverted')
  if (current.lastTotal !== null && current.lastTotal !== tokensUsed) reasons.push('behind')
  return reasons.length > 0 ? reasons : ['unknown']
}
