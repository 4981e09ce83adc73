import type { TokenUsage, Turn, TurnEntry } from '../model/turn.js'
import { createLegacyReader } from './legacy-turns.js'
import { type MissingBase, readLineage } from './lineage.js'
import { type BadLine, type LinePlace, scanRolloutLines } from './lines.js'
import { createPaginatedReader } from './paginated-turns.js'
import type { RolloutEnvelope } from './parse.js'
import type { ReadRolloutOptions } from './read.js'
import type { TurnReader } from './turn-lines.js'
import { addUsage } from './usage.js'

/** Details are kept of this many bad lines; all are counted. */
const MAX_BAD_LINES = 100

export interface ReadTurnsOptions extends ReadRolloutOptions {
  /** `summary` leaves the entries of the turns empty, which bounds the memory for long threads. Default: `full`. */
  detail?: 'full' | 'summary' | undefined
  /**
   * A process has the thread, so what is open is running; a function is asked when all is read and something is open.
   * Default: `false`.
   */
  hasWriter?: boolean | (() => boolean) | undefined
  /**
   * Finds the file of a rollout that this one continues. Default: by name, in the home that the path lies in.
   */
  findRollout?: ((rolloutId: string) => Promise<string | undefined>) | undefined
  /** Strings of lines over 1 MiB are cut to this. Default: 1 MiB. */
  maxStringBytes?: number | undefined
}

export interface ThreadTurns {
  threadId: string
  /** Other than the thread's in a thread that was reverted. */
  rolloutId: string
  /** Of the file that was read. */
  path: string
  historyMode: 'legacy' | 'paginated'
  /** Of the release that began the rollout. */
  cliVersion: string
  /** A word or an object, as written. */
  source: unknown
  forkedFromId: string | null
  parentThreadId: string | null
  modelProvider: string | null
  cwd: string
  turns: Turn[]
  /** Turns that were rolled back or reverted: not part of the thread, but they were used and charged. */
  rolledBack: Turn[]
  /** What stands in no turn. */
  outside: TurnEntry[]
  /** Of this rollout's own lines, turns that were rolled back included. */
  usage: TokenUsage
  responses: number
  /** The same with what the thread used before it was reverted, which lies in other rollouts of it. */
  threadUsage: TokenUsage
  threadResponses: number
  /** The rollouts that this one continues, the nearest first. */
  bases: { rolloutId: string; path: string }[]
  missingBase: MissingBase | null
  lineCount: number
  inheritedLineCount: number
  badLineCount: number
  /** The first 100, of all files that were read. */
  badLines: (BadLine & { path: string })[]
  /** Types of lines that are not known here, and how often each occurred. */
  unknownTypes: Record<string, number>
  /** Bytes left out of long strings. */
  elidedBytes: number
}

/**
 * The turns of the thread that a rollout holds, as Codex tells them and with what Codex leaves out.
 *
 * Memory is bounded by what is kept of the turns: the file is read in pieces, and of lines over 1 MiB the long
 * strings are cut. A line that cannot be read is counted and left out; a missing base leaves the rollout's own turns.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readTurns(path: string, options: ReadTurnsOptions = {}): Promise<ThreadTurns> {
  const open = await openTurns(path, options)
  await scanRolloutLines(open.file, open.addLine, open.addBadLine, options)
  return open.finish()
}

/**
 * Begins to read a rollout: what it continues is read, its own lines are to be given.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function openTurns(path: string, options: ReadTurnsOptions = {}) {
  const lineage = await readLineage(path, options)
  const { file, head, bases, missingBase } = lineage
  const badLines: ThreadTurns['badLines'] = []
  let badLineCount = 0
  let lineCount = 0
  let elidedBytes = 0
  const noteBadLine = (at: string) => (line: BadLine) => {
    badLineCount += 1
    if (badLines.length < MAX_BAD_LINES) badLines.push({ ...line, path: at })
  }
  const { hasWriter = false } = options
  const readerOptions = {
    head,
    detail: options.detail ?? 'full',
    hasWriter: typeof hasWriter === 'function' ? hasWriter : () => hasWriter,
    copiedEnd: lineage.copiedEnd,
  }
  const reader: TurnReader =
    head.historyMode === 'paginated'
      ? createPaginatedReader(readerOptions)
      : createLegacyReader(readerOptions)

  /** What a revert put aside: lines of the same thread behind the place at which this rollout goes on. */
  let reverted: TurnReader | undefined
  for (const base of bases.toReversed()) {
    const isOfOther = base.head.threadId !== head.threadId
    await scanRolloutLines(
      base.file,
      (line, place) => {
        const isBehind = line.ordinal !== null && line.ordinal >= base.endOrdinal
        if (isBehind && isOfOther) return false
        if (line.ordinal !== null && line.ordinal < base.startOrdinal) return true
        if (isBehind) reverted ??= createPaginatedReader({ ...readerOptions, hasWriter: () => false })
        const target = isBehind ? reverted! : reader
        target.addLine(line, place, { isBase: true, isOfOther })
        elidedBytes += place.elidedBytes
        return true
      },
      noteBadLine(base.file.path),
      options,
    )
  }

  function addLine(line: RolloutEnvelope, place: LinePlace): boolean {
    lineCount += 1
    elidedBytes += place.elidedBytes
    reader.addLine(line, place, { isBase: false, isOfOther: false })
    return true
  }

  const finish = (): ThreadTurns => ({
    threadId: head.threadId,
    rolloutId: head.rolloutId,
    path: file.path,
    historyMode: head.historyMode,
    cliVersion: head.cliVersion,
    source: head.source,
    forkedFromId: head.forkedFromId,
    parentThreadId: head.parentThreadId,
    modelProvider: head.modelProvider,
    cwd: head.cwd,
    bases: bases.map((base) => ({ rolloutId: base.rolloutId, path: base.file.path })),
    missingBase,
    ...withReverted(reader.finish(), reverted?.finish()),
    lineCount,
    badLineCount,
    badLines,
    elidedBytes,
  })

  return {
    file,
    head,
    addLine,
    addBadLine: noteBadLine(file.path),
    now: reader.now,
    isMerged: reader.isMerged,
    finish,
  }
}

type ReadParts = ReturnType<TurnReader['finish']>

/** Turns that were reverted are not part of the thread; like those that were rolled back they were used. */
function withReverted(own: ReadParts, reverted: ReadParts | undefined): ReadParts {
  if (reverted === undefined) return own
  for (const turn of reverted.turns) turn.isRolledBack = true
  const unknownTypes = new Map(Object.entries(own.unknownTypes))
  for (const [type, count] of Object.entries(reverted.unknownTypes))
    unknownTypes.set(type, (unknownTypes.get(type) ?? 0) + count)
  return {
    ...own,
    rolledBack: [...own.rolledBack, ...reverted.turns],
    threadUsage: addUsage(own.threadUsage, reverted.threadUsage),
    threadResponses: own.threadResponses + reverted.threadResponses,
    unknownTypes: Object.fromEntries(unknownTypes),
  }
}
