import { StateError } from '../errors.js'
import { CURRENT_RULES } from '../model/releases.js'
import type { TokenUsage } from '../model/turn.js'
import { toStoredSource } from './apply-item.js'
import { findCopiedEndOf } from './copied-end.js'
import { type CopyTracker, createCopyTracker } from './copied-lines.js'
import { headOfMeta, parseRolloutHead, type RolloutHead } from './head.js'
import { createHeldLine } from './held-line.js'
import { type FindRollout, indexByRolloutId, rolloutIdOf } from './home-index.js'
import { parseLineBytes, parseMetaLine } from './line-bytes.js'
import { listRollouts, type UnreadableFolder } from './list.js'
import { type RateLimits, readLimits } from './rate-limits.js'
import { type ReadRolloutOptions, resolveRolloutFile } from './read.js'
import { parseTimestampMs, readLineTimeMs } from './timestamp.js'
import { readCountLine, readRecordLine } from './token-bytes.js'
import { scanTokenLines, type TokenLine } from './token-scan.js'
import { addUsageTo, createUsageCounter, NO_USAGE, type ResponseUsage, readUsage } from './usage.js'
import { isObject, textOrNull } from './values.js'

/** What one response of the server's cost. */
export interface ResponseTokens {
  /** Unix milliseconds, UTC: when the line was written; `null` where it cannot be read. */
  atMs: number | null
  /** `null` before 0.100, and where no line tells. */
  turnId: string | null
  /** From 0.153. */
  responseId: string | null
  model: string | null
  /** Of the turn. */
  cwd: string
  usage: TokenUsage
}

/** What a rollout of a thread cost, response by response. Lines that were copied from another thread do not count. */
export interface RolloutTokens {
  path: string
  threadId: string
  rolloutId: string
  parentThreadId: string | null
  forkedFromId: string | null
  /** A word, or JSON: as the database stores it. */
  source: string
  provider: string | null
  branch: string | null
  cwd: string
  responses: ResponseTokens[]
  usage: TokenUsage
  /** Only where they were asked for. */
  limits: RateLimits[]
  /** The last total that the rollout tells, which is what the database's row says; `null` without one. */
  lastTotal: number | null
  /** Why that total is another than `usage.total`, as far as the rollout tells. */
  differences: TotalDifference[]
  /** Lines that begin as lines of tokens do and cannot be parsed: what they told is missing. */
  badLineCount: number
}

/**
 * `inherited`: it counts on from the thread that this one was forked from; `windowFull`: it was set to the size of the
 * context window; `restarted`: it began at nothing when the thread was resumed.
 */
export const TOTAL_DIFFERENCES = ['inherited', 'windowFull', 'restarted'] as const

export type TotalDifference = (typeof TOTAL_DIFFERENCES)[number]

export interface ReadTokensOptions extends ReadRolloutOptions {
  /** Also gather the rate limits. Default: `false`. */
  withLimits?: boolean | undefined
}

/** A rollout that could not be read. */
export interface UnreadableRollout {
  kind: 'unreadableRollout'
  path: string
  reason: string
}

/**
 * The true tokens of a home, rollout by rollout: archived and compressed ones and those of reverted threads too. What
 * a fork or a sub-agent copied is counted at the thread that used it, and nowhere else. Responses that broke off, and
 * threads that were deleted or never written, are in no file.
 *
 * @throws {StateError} `ABORTED`
 */
export async function* readTokenLedger(
  codexHome: string,
  options: ReadTokensOptions = {},
): AsyncGenerator<RolloutTokens | UnreadableRollout | UnreadableFolder, void, undefined> {
  const { files, unreadable } = await listRollouts(codexHome, options)
  yield* unreadable
  const byId = indexByRolloutId(files)
  const find: FindRollout = async (id) => byId.get(id)?.path
  for (const { path } of files) {
    const id = rolloutIdOf(path)
    // Of a rollout that lies in two places one counts.
    if (id !== undefined && byId.get(id)?.path !== path) continue
    try {
      yield await readListedTokens(path, { ...options, findRollout: find })
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'ROLLOUT_UNREADABLE') throw error
      yield { kind: 'unreadableRollout', path, reason: error.message }
    }
  }
}

/**
 * What one rollout cost.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readRolloutTokens(
  path: string,
  options: ReadTokensOptions & { findRollout?: FindRollout | undefined } = {},
): Promise<RolloutTokens> {
  return readListedTokens(resolveRolloutFile(path).path, options)
}

async function readListedTokens(
  path: string,
  options: ReadTokensOptions & { findRollout?: FindRollout | undefined },
): Promise<RolloutTokens> {
  let responses: ResponseTokens[] = []
  const told = await readLedger(path, {
    ...options,
    onBegin() {
      responses = []
    },
    onResponse({ atMs, responseId, usage, turnId, model, cwd }) {
      responses.push({ atMs, turnId: turnId(), responseId, model: model(), cwd: cwd(), usage })
    },
  })
  return {
    path,
    threadId: told.threadId,
    rolloutId: told.rolloutId,
    parentThreadId: told.parentThreadId,
    forkedFromId: told.forkedFromId,
    source: told.source,
    provider: told.provider,
    branch: told.branch,
    cwd: told.cwd,
    responses,
    usage: told.usage,
    limits: told.limits,
    lastTotal: told.lastTotal,
    differences: told.differences,
    badLineCount: told.badLineCount,
  }
}

/** A response as it is met: an object that is used again for the next one. */
export interface MetResponse {
  atMs: number | null
  responseId: string | null
  usage: TokenUsage
  /** Each is looked for in its line only when it is asked for. */
  turnId: () => string | null
  model: () => string | null
  cwd: () => string
}

export interface ReadLedgerOptions extends ReadTokensOptions {
  findRollout?: FindRollout | undefined
  onResponse: (response: MetResponse) => void
  /** Called before the first response, and again where a rollout has to be read anew. */
  onBegin: () => void
}

/**
 * Gives each response of a listed rollout to `onResponse`, in file order, and in the end all that is told beside them.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readLedger(
  path: string,
  options: ReadLedgerOptions,
): Promise<Omit<RolloutTokens, 'path' | 'responses'>> {
  const ledger = createLedger(path, options, null)
  options.onBegin()
  try {
    await scanTokenLines(path, ledger, options)
  } catch (error) {
    const now =
      error instanceof StateError && error.code === 'ROLLOUT_UNREADABLE' ? findMoved(path) : undefined
    if (now === undefined) throw error
    return readLedger(now, options)
  }
  if (!ledger.needsCopiedEnd()) return ledger.finish()
  // Before 0.100 only the source tells which lines were copied.
  const copiedEnd = await findCopiedEndOf(resolveRolloutFile(path), options)
  const again = createLedger(path, options, copiedEnd)
  options.onBegin()
  await scanTokenLines(path, again, options)
  return again.finish()
}

/** Where a rollout is that was packed, or unpacked, since it was listed. */
function findMoved(path: string): string | undefined {
  const now = resolveRolloutFile(path).path
  return now === path ? undefined : now
}

function createLedger(path: string, { withLimits, onResponse }: ReadLedgerOptions, copiedEnd: number | null) {
  const counter = createUsageCounter()
  const limits: RateLimits[] = []
  const differences = new Set<TotalDifference>()
  const usage = { ...NO_USAGE }
  const context = createHeldLine()
  const start = createHeldLine()
  let head: RolloutHead | undefined
  let copies: CopyTracker | undefined
  let lastTotal: number | null = null
  let hasOwnTotal = false
  let badLineCount = 0
  let toldTurnId: string | null = null
  const met: MetResponse = {
    atMs: null,
    responseId: null,
    usage: NO_USAGE,
    turnId: () => toldTurnId ?? start.field(TURN_ID, 'turn_id') ?? null,
    model: () => context.field(MODEL, 'model') ?? null,
    cwd: () => context.field(CWD, 'cwd') ?? head?.cwd ?? '',
  }

  function onLine(line: TokenLine): void {
    switch (line.kind) {
      case 'sessionMeta':
        addMeta(line)
        return
      case 'turnContext':
        context.set(line)
        return
      case 'taskStarted':
        start.set(line)
        copies?.addTurn(() => start.parse()?.payload)
        return
      case 'tokenCount':
        addCount(line, isInheritedLine(line))
        return
      case 'tokenRecord':
        addRecord(line, isInheritedLine(line))
        return
      default:
        line.kind satisfies never
    }
  }

  function addMeta(line: TokenLine): void {
    const meta = parseMetaLine(bytesOf(line))
    if (meta === undefined) {
      badLineCount += 1
      return
    }
    head ??= headOfMeta(path, meta.payload, line.offset === 0)
    copies ??= createCopyTracker(head, copiedEnd)
    copies.addMeta(textOrNull(meta.payload.id))
  }

  function isInheritedLine(line: TokenLine): boolean {
    return copies?.isCopy(line) ?? false
  }

  function addRecord(line: TokenLine, isInherited: boolean): void {
    const { bytes, start: from, end, typeAt } = line
    const quick = typeAt === -1 ? undefined : readRecordLine(bytes, from, end, typeAt)
    if (quick) {
      addResponse(counter.addTold(quick), line, isInherited)
      return
    }
    const parsed = parseLineBytes(bytesOf(line))
    if (parsed === undefined) badLineCount += 1
    else addResponse(counter.addRecord(parsed.payload), parsed.timestamp, isInherited)
  }

  function addCount(line: TokenLine, isInherited: boolean): void {
    const { bytes, start: from, end, typeAt } = line
    const quick = withLimits || typeAt === -1 ? undefined : readCountLine(bytes, from, end, typeAt)
    if (quick === null) return
    if (quick) {
      addSums(quick.total, quick.last, line, isInherited)
      return
    }
    const parsed = parseLineBytes(bytesOf(line))
    if (parsed === undefined) {
      badLineCount += 1
      return
    }
    if (!isInherited && withLimits) {
      const told = readLimits(parsed)
      if (told) limits.push(told)
    }
    const info = isObject(parsed.payload.info) ? parsed.payload.info : {}
    const total = readUsage(info.total_token_usage)
    if (total === null) return
    addSums(total, readUsage(info.last_token_usage), parsed.timestamp, isInherited)
  }

  function addSums(
    total: TokenUsage,
    last: TokenUsage | null,
    time: TokenLine | string,
    isInherited: boolean,
  ): void {
    if (!isInherited && total.input === 0 && total.total > 0) differences.add('windowFull')
    if (!isInherited && lastTotal !== null && total.total < lastTotal) differences.add('restarted')
    addResponse(counter.addSums(total, last), time, isInherited)
    // The first total that is the thread's own: what it has more than was used by then is what it began with.
    if (!hasOwnTotal && !isInherited && total.total > usage.total && !differences.has('windowFull'))
      differences.add('inherited')
    hasOwnTotal ||= !isInherited
    lastTotal = total.total
  }

  function addResponse(
    response: ResponseUsage | undefined,
    time: TokenLine | string,
    isInherited: boolean,
  ): void {
    if (response === undefined || isInherited) return
    if (response.threadId !== null && response.threadId !== (head ?? parseRolloutHead(path, {})).threadId)
      return
    met.atMs = typeof time === 'string' ? parseTimestampMs(time) : readLineTimeMs(time.bytes, time.start)
    met.responseId = response.responseId
    met.usage = response.usage
    toldTurnId = response.turnId
    onResponse(met)
    addUsageTo(usage, response.usage)
  }

  function finish(): Omit<RolloutTokens, 'path' | 'responses'> {
    const told = head ?? parseRolloutHead(path, {})
    return {
      threadId: told.threadId,
      rolloutId: told.rolloutId,
      parentThreadId: told.parentThreadId,
      forkedFromId: told.forkedFromId,
      source: toStoredSource(told.source, CURRENT_RULES),
      provider: told.modelProvider,
      branch: told.gitBranch,
      cwd: told.cwd,
      usage,
      limits,
      lastTotal,
      differences: lastTotal === null || lastTotal === usage.total ? [] : reasons(),
      badLineCount,
    }
  }

  function reasons(): TotalDifference[] {
    // A fork that was never used has only totals of the other thread.
    return hasOwnTotal ? [...differences] : ['inherited']
  }

  return {
    onLine,
    onOverwrite() {
      context.keep()
      start.keep()
    },
    finish,
    needsCopiedEnd: () => copies?.hasCopy() === true && copiedEnd === null && head?.hasNoTurnLines === true,
  }
}

function bytesOf({ bytes, start, end }: TokenLine): Buffer {
  return bytes.subarray(start, end)
}

const TURN_ID = Buffer.from('"turn_id":"')
const MODEL = Buffer.from('"model":"')
const CWD = Buffer.from('"cwd":"')
