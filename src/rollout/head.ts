import { scanRolloutLines } from './lines.js'
import { parseRolloutName } from './list.js'
import type { RolloutEnvelope } from './parse.js'
import type { ReadRolloutOptions, RolloutFileFacts } from './read.js'
import { parseTimestampMs } from './timestamp.js'
import { isObject, type JsonObject, textOrNull } from './values.js'

/** What the first line of a rollout says about it. */
export interface RolloutHead {
  threadId: string
  rolloutId: string
  historyMode: 'legacy' | 'paginated'
  /** The rollout that this one continues, up to an ordinal. */
  base: { rolloutId: string; endOrdinal: number } | null
  /** The first ordinal that is the thread's own; what stands before was copied from a parent. */
  startOrdinal: number
  forkedFromId: string | null
  parentThreadId: string | null
  cliVersion: string
  /** A word or an object, as written. */
  source: unknown
  modelProvider: string | null
  gitBranch: string | null
  cwd: string
  /** Unix milliseconds; `null` when neither the line nor the id tells. */
  createdAtMs: number | null
  /** Up to 0.99 no line begins a turn. */
  hasNoTurnLines: boolean
}

/**
 * The head of a rollout, and the thread that the second line says the next lines come from.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readRolloutHead(
  file: RolloutFileFacts,
  options: ReadRolloutOptions = {},
): Promise<{
  head: RolloutHead
  copiedFrom: string | null
  /** The line that tells the format is lost, and the lines behind it are numbered as those of a paginated rollout. */
  hasLostMode: boolean
}> {
  const lines: RolloutEnvelope[] = []
  let isFirstLost = false
  await scanRolloutLines(
    file,
    (line) => {
      lines.push(line)
      return lines.length < 2
    },
    () => {
      isFirstLost ||= lines.length === 0
    },
    options,
  )
  const metaOf = (line: RolloutEnvelope | undefined) => (line?.type === 'session_meta' ? line.payload : null)
  const head = headOfMeta(file.path, metaOf(lines[0]) ?? {}, !isFirstLost)
  const ids = lines.map((line) => textOrNull(metaOf(line)?.id)?.toLowerCase())
  return {
    head,
    copiedFrom: ids.find((id) => id !== undefined && id !== head.threadId) ?? null,
    hasLostMode: isFirstLost && head.historyMode === 'legacy' && (lines[0]?.ordinal ?? null) !== null,
  }
}

/** @param meta payload of the first `session_meta`, or an empty object. */
export function parseRolloutHead(path: string, meta: JsonObject): RolloutHead {
  const name = parseRolloutName(path)
  const threadId = textOrNull(meta.id)?.toLowerCase() ?? name?.threadId ?? ''
  const base = isObject(meta.history_base) ? meta.history_base : {}
  const baseId = textOrNull(base.thread_id)?.toLowerCase()
  const endOrdinal = base.end_ordinal_exclusive
  const startOrdinal = meta.subagent_history_start_ordinal
  const spawn =
    isObject(meta.source) && isObject(meta.source.subagent) ? meta.source.subagent.thread_spawn : null
  return {
    threadId,
    rolloutId: name?.rolloutId ?? threadId,
    historyMode: meta.history_mode === 'paginated' ? 'paginated' : 'legacy',
    base: baseId !== undefined && typeof endOrdinal === 'number' ? { rolloutId: baseId, endOrdinal } : null,
    startOrdinal: typeof startOrdinal === 'number' ? startOrdinal : 0,
    forkedFromId: textOrNull(meta.forked_from_id),
    parentThreadId:
      textOrNull(meta.parent_thread_id) ?? (isObject(spawn) ? textOrNull(spawn.parent_thread_id) : null),
    cliVersion: textOrNull(meta.cli_version) ?? '',
    source: meta.source ?? null,
    modelProvider: textOrNull(meta.model_provider),
    gitBranch: isObject(meta.git) ? textOrNull(meta.git.branch) : null,
    cwd: textOrNull(meta.cwd) ?? '',
    hasNoTurnLines: isBeforeTurnIds(textOrNull(meta.cli_version) ?? ''),
    createdAtMs: timeOfUuid(threadId) ?? parseTimestampMs(textOrNull(meta.timestamp) ?? ''),
  }
}

/**
 * The head of a rollout, from the first `session_meta` that can be read in it. Where that is not the first line, which
 * is the rollout's own, it may be a line that was copied from another thread: then only the name tells whose it is.
 */
export function headOfMeta(path: string, meta: JsonObject, isFirstLine: boolean): RolloutHead {
  const told = textOrNull(meta.id)?.toLowerCase()
  const named = parseRolloutName(path)?.threadId ?? told
  return parseRolloutHead(path, isFirstLine || named === told ? meta : {})
}

/** Unix milliseconds of a UUID of version 7; `null` for other ids, which have no time. */
export function timeOfUuid(id: string): number | null {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : null
}

/**
 * Whether a turn began in this thread, and not in one that it was copied from.
 *
 * @param startedAtSeconds as the line tells it, for ids without a time.
 */
export function isOwnTurn(head: RolloutHead, turnId: string, startedAtSeconds: number | null): boolean {
  if (head.createdAtMs === null) return true
  const turnMs = timeOfUuid(turnId)
  if (turnMs !== null) return turnMs >= head.createdAtMs
  return startedAtSeconds !== null && startedAtSeconds >= Math.floor(head.createdAtMs / 1000)
}

function isBeforeTurnIds(cliVersion: string): boolean {
  const minor = /^0\.(\d+)\./.exec(cliVersion)?.[1]
  return minor !== undefined && Number(minor) < 100
}

/** Threads of automatic reviewers say again what their parents said. */
export function isReviewer(source: unknown): boolean {
  const subagent = (source as { subagent?: { other?: unknown } } | null)?.subagent
  return typeof subagent === 'object' && subagent?.other === 'guardian'
}
