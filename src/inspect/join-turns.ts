import type { JoinedTurn, LogTurn, TurnSource } from '../model/log-turn.js'
import type { Turn } from '../model/turn.js'

type TurnPair = Pick<JoinedTurn, 'rollout' | 'log'>

/** The clocks of the two, and whole seconds in rollouts, lie so far apart at most. */
const SLACK_MS = 2000

/**
 * The rollout's turns with what rows add to them. Turns are the same by their id; where rows have none (to 0.116), by
 * the time in which they began, each once. Rows of a turn that the rollout does not have stand among them by time.
 */
export function joinTurns(rollout: readonly Turn[], log: readonly LogTurn[]): JoinedTurn[] {
  const left = new Set(log)
  const pairs: TurnPair[] = rollout.map((turn) => {
    const match = [...left].find((one) => (one.id === undefined ? isWithin(one, turn) : one.id === turn.id))
    if (match) left.delete(match)
    return { rollout: turn, log: match }
  })
  for (const one of left) pairs.push({ rollout: undefined, log: one })
  // The order of the rollout holds; what it does not have is put where its time is.
  pairs.sort((a, b) => {
    if (a.rollout && b.rollout) return a.rollout.number - b.rollout.number
    return (startOf(a) ?? 0) - (startOf(b) ?? 0)
  })
  return pairs.map(tellTurn)
}

function isWithin({ startMs, isPartial, endMs }: LogTurn, turn: Turn): boolean {
  if (turn.isInherited || turn.firstLineAtMs === null) return false
  const last = turn.lastLineAtMs ?? turn.firstLineAtMs
  if (isPartial) return startMs <= last + SLACK_MS && endMs >= turn.firstLineAtMs - SLACK_MS
  return startMs >= turn.firstLineAtMs - SLACK_MS && startMs <= last + SLACK_MS
}

/** Takes each value from the one of the two that knows it better. */
function tellTurn(pair: TurnPair, index: number): JoinedTurn {
  const { rollout, log } = pair
  const endedLog = endOfLog(pair)
  const outcome = isRolloutOutcome(pair) ? outcomeOf(rollout!) : log!.outcome
  const startMs = startOf(pair)
  const endMs = outcome === 'open' ? undefined : (endedLog?.endMs ?? (rollout && endOf(rollout)))
  const turn: Omit<JoinedTurn, 'sources'> = {
    number: index + 1,
    rollout,
    log,
    id: log?.id ?? (rollout && !rollout.isIdMadeUp ? rollout.id : undefined),
    startMs,
    endMs,
    durationMs:
      endedLog && !endedLog.isPartial
        ? endedLog.endMs - endedLog.startMs
        : (rollout?.durationMs ??
          (startMs === undefined || endMs === undefined ? undefined : Math.max(0, endMs - startMs))),
    outcome,
    error: rollout?.error?.message ?? log?.error,
    model: rollout?.model ?? log?.model,
    firstTokenMs: rollout?.firstTokenMs ?? log?.firstTokenMs,
    callCount: rollout?.calls.total ?? log?.calls.length,
    unseenMs:
      rollout && log?.isPartial && startMs !== undefined ? Math.max(0, log.startMs - startMs) : undefined,
  }
  return { ...turn, sources: sourcesOf(turn) }
}

/** Unix milliseconds: of the row that begins it, else as the rollout tells. */
function startOf({ rollout, log }: TurnPair): number | undefined {
  if (log && !log.isPartial) return log.startMs
  const told =
    rollout && (rollout.startedAtSeconds === null ? rollout.firstLineAtMs : rollout.startedAtSeconds * 1000)
  return told ?? log?.startMs
}

/**
 * A row that ends a turn tells it as the client was told; rollouts do not have every error. What no row ends the
 * rollout may end.
 */
function isRolloutOutcome({ rollout, log }: TurnPair): boolean {
  return rollout !== undefined && (log === undefined || log.outcome === 'open')
}

function outcomeOf({ outcome }: Turn): JoinedTurn['outcome'] {
  return outcome === 'neverEnded' || outcome === 'running' ? 'open' : outcome
}

function endOf({ completedAtSeconds, lastLineAtMs }: Turn): number | undefined {
  return (completedAtSeconds === null ? lastLineAtMs : completedAtSeconds * 1000) ?? undefined
}

function endOfLog({ log }: TurnPair): LogTurn | undefined {
  return log?.outcome === 'open' ? undefined : log
}

/** What only rows tell. */
const OF_LOG = [
  'partial',
  'requests',
  'statuses',
  'server_wait_ms',
  'answer_ms',
  'tool_ms',
  'retries',
  'retry_wait_ms',
  'user_wait_ms',
  'preparing_ms',
  'silence_ms',
  'calls',
  'waits',
  'steps',
]

/** Which of the two each value is taken from, by the name that it is printed under; nothing of what is not known. */
function sourcesOf(turn: Omit<JoinedTurn, 'sources'>): Record<string, TurnSource> {
  const { rollout, log } = turn
  const sources: Record<string, TurnSource> = {}
  const set = (name: string, value: unknown, isOfLog: boolean) => {
    if (value !== undefined) sources[name] = isOfLog ? 'log' : 'rollout'
  }
  const endedLog = endOfLog(turn)
  set('id', turn.id, log?.id !== undefined)
  set('started_at', turn.startMs, log !== undefined && (!log.isPartial || !rollout))
  set('ended_at', turn.endMs, endedLog !== undefined || !rollout)
  set('duration_ms', turn.durationMs, (endedLog !== undefined && !endedLog.isPartial) || !rollout)
  set('outcome', turn.outcome, !isRolloutOutcome(turn))
  set('error', turn.error, !rollout?.error)
  set('prompt', rollout?.prompt, false)
  set('model', turn.model, !rollout?.model)
  set('first_token_ms', turn.firstTokenMs, rollout?.firstTokenMs == null)
  set('calls_count', turn.callCount, !rollout)
  for (const name of OF_LOG) set(name, log, true)
  if (turn.unseenMs !== undefined) sources.unseen_ms = 'both'
  return sources
}
