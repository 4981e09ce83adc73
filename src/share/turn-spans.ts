import type { EndedTurn, LogStep, LogTurn } from '../model/log-turn.js'
import type { AttributeValue, TraceSpan } from './otlp.js'

/** What a step is called; tools and retries have spans of their own. */
const STEP_NAMES: Partial<Record<LogStep['kind'], string>> = {
  preparing: 'prepare',
  request: 'request',
  stream: 'answer',
  compacting: 'compact',
}

/**
 * The spans of a turn: the turn, and below it the steps of its requests, its retries and its tool calls. Their ids are
 * made of what they are, so that the same turn sent twice is the same spans twice.
 */
export function spansOfTurn({ threadId, processUuid, turn }: EndedTurn): TraceSpan[] {
  const traceId = traceIdOf(threadId, turn)
  // Rows of an agent can name the turn of the thread that began it, and of a turn whose begin is gone there can be pieces.
  const owner = turn.isPartial ? `${threadId} ${turn.startMs}` : threadId
  const rootId = spanIdOf(traceId, `turn ${owner}`)
  const child = (
    key: string,
    span: Pick<TraceSpan, 'name' | 'startMs' | 'endMs' | 'attributes' | 'error'>,
  ) => ({
    traceId,
    spanId: spanIdOf(traceId, `${key} ${owner}`),
    parentSpanId: rootId,
    processUuid,
    ...span,
  })
  const steps = turn.steps.flatMap(({ kind, fromMs, toMs }) => {
    const name = STEP_NAMES[kind]
    if (name === undefined) return []
    return [child(`${kind} ${fromMs}`, { name, startMs: fromMs, endMs: toMs, attributes: {} })]
  })
  const retries = turn.retries.map(({ atMs, attempt, most, waitMs, cause }) =>
    child(`retry ${atMs}`, {
      name: 'retry',
      startMs: atMs,
      endMs: atMs + waitMs,
      error: cause ?? 'the stream was disconnected',
      attributes: { 'codex.retry.attempt': attempt, 'codex.retry.most': most },
    }),
  )
  const calls = turn.calls.map((call) => {
    const { name, callId, startMs, endMs, durationMs, hasFailed, error, userWaitMs } = call
    return child(`call ${callId ?? `${name} ${startMs}`}`, {
      name: name || 'tool',
      startMs,
      // Of one whose end no row tells, until the turn ended.
      endMs: endMs ?? turn.endMs,
      ...(hasFailed && { error: error ?? 'the call failed' }),
      attributes: {
        'gen_ai.tool.name': name,
        ...(callId !== undefined && { 'gen_ai.tool.call.id': callId }),
        ...(durationMs !== undefined && { 'codex.duration_ms': durationMs }),
        ...(userWaitMs > 0 && { 'codex.user_wait_ms': userWaitMs }),
        ...(endMs === undefined && { 'codex.end_unknown': true }),
      },
    })
  })
  return [
    {
      traceId,
      spanId: rootId,
      name: 'turn',
      startMs: turn.startMs,
      endMs: turn.endMs,
      processUuid,
      ...(turn.outcome === 'failed' && { error: turn.error ?? 'the turn failed' }),
      attributes: attributesOfTurn(threadId, turn),
    },
    ...[...steps, ...retries, ...calls].sort((a, b) => a.startMs - b.startMs),
  ]
}

function attributesOfTurn(threadId: string, turn: LogTurn): Record<string, AttributeValue> {
  const { id, model, outcome, isPartial, requestCount, statuses, firstTokenMs } = turn
  const failedStatus = statuses.find((status) => status >= 400)
  return {
    'codex.thread.id': threadId,
    ...(id !== undefined && { 'codex.turn.id': id }),
    'codex.turn.outcome': outcome,
    ...(model !== undefined && { 'gen_ai.request.model': model }),
    'codex.request.count': requestCount,
    ...(failedStatus !== undefined && { 'http.response.status_code': failedStatus }),
    ...(firstTokenMs !== undefined && { 'codex.first_token_ms': firstTokenMs }),
    // Its first rows are gone: it began before.
    ...(isPartial && { 'codex.partial': true }),
  }
}

/** A turn's own id where it has one (from 0.120); else of its thread and its end, which pruning leaves. */
function traceIdOf(threadId: string, { id, endMs }: LogTurn): string {
  const digits = id?.replaceAll('-', '').toLowerCase() ?? ''
  return /^[0-9a-f]{32}$/.test(digits) ? digits : hashOf(`${threadId} ${id ?? endMs}`).slice(0, 32)
}

function spanIdOf(traceId: string, key: string): string {
  return hashOf(`${traceId} ${key}`).slice(0, 16)
}

function hashOf(text: string): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex')
}
