import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Turn, TurnEntry } from '../../src/model/turn.js'
import { listRollouts, parseRolloutName } from '../../src/rollout/list.js'
import { readTurns } from '../../src/rollout/turns.js'
import { fixtureNames, fixturePath } from '../helpers/homes.js'

interface Told {
  asked: { request: string; answer: string; params: string }[]
  autoReviews: {
    thread: string
    turn: string
    item: string
    review: { status: string; rationale: string }
  }[]
}

/** The request's text is cut, so it is no JSON any more. */
function readRequest(params: string) {
  const field = (name: string) => new RegExp(`"${name}":"([^"]*)"`).exec(params)?.[1]
  return {
    threadId: field('threadId')!,
    turnId: field('turnId')!,
    itemId: field('itemId'),
    isMcpCall: field('codex_approval_kind') === 'mcp_tool_call',
  }
}

const counts = { declined: 0, accepted: 0, aborted: 0, unanswered: 0, reviewDenied: 0, reviewAllowed: 0 }

describe('who said no', () => {
  test.each(fixtureNames('items'))(
    'is told from the rollouts of %s as the client and the reviewer decided',
    async (name) => {
      const folder = fixturePath('items', name)
      const { asked, autoReviews } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Told
      const threads = await readThreads(join(folder, 'home'))
      const wrong: unknown[] = []
      for (const { request, answer, params } of asked) {
        const { threadId, turnId, itemId, isMcpCall } = readRequest(params)
        // A question of an MCP server is none of Codex's: what became of it only the server knows.
        if (request === 'mcpServer/elicitation/request' && !isMcpCall) continue
        if (!request.endsWith('requestApproval') && !request.startsWith('mcpServer')) continue
        const calls = callsOf(threads.get(threadId)!, turnId, itemId)
        const call = calls.length === 1 ? calls[0] : undefined
        const outcome = call?.refusal ? `refused by ${call.refusal.by}` : (call?.call?.state ?? 'no call')
        if (answer === 'decline' || (answer === 'cancel' && isMcpCall)) {
          if (outcome === 'refused by user') counts.declined += 1
          else wrong.push([turnId, itemId, answer, outcome])
        } else if (answer === 'cancel' || answer === 'wait') {
          if (outcome === 'aborted' || outcome === 'unanswered') counts[outcome] += 1
          else wrong.push([turnId, itemId, answer, outcome])
        } else if (outcome === 'answered') counts.accepted += 1
        else wrong.push([turnId, itemId, answer, outcome])
      }
      for (const { thread, turn, item, review } of autoReviews) {
        const [call] = callsOf(threads.get(thread)!, turn, item)
        if (review.status === 'denied') {
          expect(call?.refusal).toEqual({ by: 'autoReview', reason: review.rationale })
          counts.reviewDenied += 1
        } else {
          expect(call?.refusal).toBeNull()
          counts.reviewAllowed += 1
        }
      }
      expect(wrong).toEqual([])
    },
  )

  afterAll(() => console.table(counts))
})

async function readThreads(home: string): Promise<Map<string, Turn[]>> {
  const threads = new Map<string, Turn[]>()
  for (const { path } of (await listRollouts(home)).files)
    threads.set(parseRolloutName(path)!.threadId, (await readTurns(path)).turns)
  return threads
}

type CallEntry = Exclude<TurnEntry, { kind: 'note' }>

/** The calls of a turn that wait for an approval; of one item where it is known. */
function callsOf(turns: readonly Turn[], turnId: string, itemId: string | undefined): CallEntry[] {
  const entries = turns
    .filter(({ id }) => id === turnId)
    .flatMap((turn) => turn.entries)
    .filter((entry): entry is CallEntry => entry.kind !== 'note')
  return entries.filter((entry) =>
    itemId === undefined
      ? entry.kind === 'item'
        ? entry.item.type === 'mcpToolCall'
        : entry.call.tool === 'erase' || entry.call.tool.endsWith('__erase')
      : (entry.kind === 'item' && entry.item.id === itemId) || entry.call?.id === itemId,
  )
}
