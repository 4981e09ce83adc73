import { StateError } from '../errors.js'
import { scanRolloutLines } from './lines.js'
import { listRollouts, parseRolloutName, type RolloutFile, type RolloutName } from './list.js'
import type { RolloutEnvelope } from './parse.js'
import { type ReadRolloutOptions, type RolloutFileFacts, resolveRolloutFile } from './read.js'
import { ROLLOUT_ROOTS } from './roots.js'
import { parseTimestampMs } from './timestamp.js'
import { isObject, type JsonObject, joinText, readParts, textOrNull } from './values.js'

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

export interface MissingBase {
  rolloutId: string
  /** Whose `history_base` names it. */
  neededBy: string
  reason: 'not found' | 'unreadable' | 'circle'
}

export interface LineageBase {
  rolloutId: string
  file: RolloutFileFacts
  head: RolloutHead
  /** Of its lines those from `startOrdinal` to before `endOrdinal` belong to the history. */
  startOrdinal: number
  endOrdinal: number
}

export interface Lineage {
  file: RolloutFileFacts
  head: RolloutHead
  /** The nearest first. */
  bases: LineageBase[]
  missingBase: MissingBase | null
  /** Before 0.100 no line tells where a copied history ends: the byte at which it does; `null` where lines tell. */
  copiedEnd: number | null
}

/** Follows a chain of forks no further than this. */
const MAX_BASES = 1000

/** Finds rollouts by their id: of a thread, or of one of several rollouts of a thread. */
export type FindRollout = (rolloutId: string) => Promise<string | undefined>

/** The home that a rollout lies in; `undefined` for a file elsewhere. */
export function homeOfRollout(path: string): string | undefined {
  const parts = path.split(/[\\/]/)
  const root = parts.findLastIndex((part) => (ROLLOUT_ROOTS as readonly string[]).includes(part))
  return root > 0 ? parts.slice(0, root).join('/') || '/' : undefined
}

/** The id of a rollout, from the name of its file. */
export function rolloutIdOf(path: string): string | undefined {
  return idInName(parseRolloutName(path))
}

function idInName(name: RolloutName | null): string | undefined {
  return name === null ? undefined : (name.rolloutId ?? name.threadId)
}

/** Rollouts by id; of two files of one id the one in `sessions` counts. */
export function indexByRolloutId(files: readonly RolloutFile[]): Map<string, RolloutFile> {
  const byId = new Map<string, RolloutFile>()
  for (const file of files) {
    const id = idInName(file.name)
    if (id !== undefined && (file.root === 'sessions' || !byId.has(id))) byId.set(id, file)
  }
  return byId
}

/** Finds rollouts of a home, which is listed once, when the first one is asked for. */
export function createHomeIndex(
  codexHome: string | undefined,
  options: ReadRolloutOptions = {},
): FindRollout {
  let index: Promise<Map<string, RolloutFile>> | undefined
  return async (rolloutId) => {
    if (codexHome === undefined) return undefined
    index ??= listRollouts(codexHome, options).then(({ files }) => indexByRolloutId(files))
    return (await index).get(rolloutId)?.path
  }
}

/**
 * The files that make up the history of a rollout.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readLineage(
  path: string,
  options: ReadRolloutOptions & { findRollout?: FindRollout | undefined } = {},
): Promise<Lineage> {
  const file = resolveRolloutFile(path)
  const find = options.findRollout ?? createHomeIndex(homeOfRollout(file.path), options)
  const { head, copiedFrom } = await readRolloutHead(file, options)
  const bases: LineageBase[] = []
  const seen = new Set([head.rolloutId])
  let missingBase: MissingBase | null = null
  let endOrdinal = Number.POSITIVE_INFINITY
  for (let current = head; current.base !== null && bases.length < MAX_BASES; ) {
    const { rolloutId } = current.base
    const neededBy = current.rolloutId
    endOrdinal = Math.min(endOrdinal, current.base.endOrdinal)
    if (seen.has(rolloutId)) {
      missingBase = { rolloutId, neededBy, reason: 'circle' }
      break
    }
    seen.add(rolloutId)
    const found = await readBase(rolloutId, find, options)
    if (typeof found === 'string') {
      missingBase = { rolloutId, neededBy, reason: found }
      break
    }
    bases.push({ rolloutId, ...found, startOrdinal: found.head.startOrdinal, endOrdinal })
    current = found.head
  }
  const copiedEnd =
    copiedFrom !== null && head.hasNoTurnLines ? await findCopiedEnd(file, copiedFrom, find, options) : null
  return { file, head, bases, missingBase, copiedEnd }
}

/**
 * Where the copied part of a rollout from before 0.100 ends; `null` when nothing was copied.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function findCopiedEndOf(
  file: RolloutFileFacts,
  options: ReadRolloutOptions & { findRollout?: FindRollout | undefined } = {},
): Promise<number | null> {
  const { copiedFrom } = await readRolloutHead(file, options)
  if (copiedFrom === null) return null
  return findCopiedEnd(
    file,
    copiedFrom,
    options.findRollout ?? createHomeIndex(homeOfRollout(file.path), options),
    options,
  )
}

async function readBase(
  rolloutId: string,
  find: FindRollout,
  options: ReadRolloutOptions,
): Promise<{ file: RolloutFileFacts; head: RolloutHead } | 'not found' | 'unreadable'> {
  const path = await find(rolloutId)
  if (path === undefined) return 'not found'
  try {
    const file = resolveRolloutFile(path)
    return { file, head: (await readRolloutHead(file, options)).head }
  } catch (error) {
    if (error instanceof StateError && error.code === 'ROLLOUT_UNREADABLE') return 'unreadable'
    throw error
  }
}

/**
 * The head of a rollout, and the thread that the second line says the next lines come from.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readRolloutHead(
  file: RolloutFileFacts,
  options: ReadRolloutOptions = {},
): Promise<{ head: RolloutHead; copiedFrom: string | null }> {
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
  return { head, copiedFrom: ids.find((id) => id !== undefined && id !== head.threadId) ?? null }
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

/** A copy is written at once; its lines are no further apart than this. */
const BURST_GAP_MS = 1000

/**
 * Where the copied part of a fork ends: behind its own first line and as many as are those of the source. Without the
 * source, at the instructions with which the fork's own part begins.
 */
async function findCopiedEnd(
  file: RolloutFileFacts,
  sourceId: string,
  find: FindRollout,
  options: ReadRolloutOptions,
): Promise<number> {
  const source = await hashLines(await find(sourceId), options)
  let copiedEnd = 0
  let lastMs: number | null = null
  let instructionsAt: number | undefined
  await scanRolloutLines(
    file,
    (line, { index, offset, endOffset }) => {
      if (index === 0 || source !== undefined) {
        const isRun = index === 0 || source?.[index - 1] === hashLine(line)
        if (isRun) copiedEnd = endOffset
        return isRun
      }
      const ms = parseTimestampMs(line.timestamp)
      if (ms !== null && lastMs !== null && ms - lastMs > BURST_GAP_MS) return false
      lastMs = ms ?? lastMs
      copiedEnd = endOffset
      if (isInstructions(line)) instructionsAt = offset
      return true
    },
    () => {},
    options,
  )
  return source === undefined ? (instructionsAt ?? copiedEnd) : copiedEnd
}

async function hashLines(
  path: string | undefined,
  options: ReadRolloutOptions,
): Promise<string[] | undefined> {
  if (path === undefined) return undefined
  const hashes: string[] = []
  try {
    await scanRolloutLines(
      resolveRolloutFile(path),
      (line) => {
        hashes.push(hashLine(line))
        return true
      },
      () => {},
      options,
    )
  } catch (error) {
    if (error instanceof StateError && error.code === 'ROLLOUT_UNREADABLE') return undefined
    throw error
  }
  return hashes
}

/** Times differ in a copy. */
function hashLine({ type, payload }: RolloutEnvelope): string {
  // Loaded here: few homes have such a fork, and it would be a good part of a thread's start.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha1').update(type).update(JSON.stringify(payload)).digest('base64')
}

function isInstructions({ type, payload }: RolloutEnvelope): boolean {
  return (
    type === 'response_item' &&
    payload.role === 'developer' &&
    joinText(readParts(payload.content), 'input_text').startsWith('<permissions instructions>')
  )
}

/** Threads of automatic reviewers say again what their parents said. */
export function isReviewer(source: unknown): boolean {
  const subagent = (source as { subagent?: { other?: unknown } } | null)?.subagent
  return typeof subagent === 'object' && subagent?.other === 'guardian'
}
