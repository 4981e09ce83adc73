import { closeSync, openSync, readSync } from 'node:fs'
import { StateError } from '../errors.js'
import { explainFileError } from '../model/file-error.js'
import type { SearchedRollout, SearchHit, SearchQuery } from '../model/search.js'
import type { Turn, TurnEntry } from '../model/turn.js'
import { isReviewer, readRolloutHead } from './head.js'
import { readRolloutChunks, resolveRolloutFile } from './read.js'
import { type BytesFilter, createBytesFilter, createMatcher, type TextMatcher } from './search-text.js'
import { wordsOf } from './search-words.js'
import { readTurns, type ThreadTurns } from './turns.js'

export interface RolloutSearcher {
  /** What is found in these rollouts, in their order: those of which there is something to tell. */
  searchAll(paths: readonly string[]): Promise<SearchedRollout[]>
}

export interface SearcherHome {
  /** The file of a rollout of this home. */
  findRollout: (rolloutId: string) => Promise<string | undefined>
}

/** Stays in the processor's cache between reading and looking. */
const BUFFER_BYTES = 256 * 1024

/** Of lines over 1 MiB more of their long strings is searched than others show. */
const MAX_STRING_BYTES = 8 * 1024 * 1024

/** As many lines of a rollout that cannot be read are named; all are counted. */
const NAMED_LINES = 3

/** So much of a long line is shown around its match. */
const MAX_LINE_CHARACTERS = 2000

/**
 * Searches rollouts, one after the other. Most have nothing: a look at the bytes tells that. The others are read by
 * the reader of turns, so that what matches has been said, once, and is not a copy, an escape or an instruction.
 *
 * @throws {StateError} `USAGE` for a pattern that is none
 */
export function createRolloutSearcher(query: SearchQuery, { findRollout }: SearcherHome): RolloutSearcher {
  const matcher = createMatcher(query)
  const filter = createBytesFilter(query)
  const lines = filter && createLineWindow(Buffer.allocUnsafeSlow(BUFFER_BYTES), filter)

  async function searchAll(paths: readonly string[]): Promise<SearchedRollout[]> {
    const results: SearchedRollout[] = []
    for (const path of paths) {
      const none: SearchedRollout = {
        path,
        hits: [],
        cwd: null,
        badLineCount: 0,
        badLines: [],
        elidedBytes: 0,
        unknownCount: 0,
        untimedCount: 0,
        failure: null,
      }
      try {
        // Most end here: without waiting for anything, as that would take as long as the look.
        if (lines && !(path.endsWith('.zst') ? await mayPackedMatch(path, lines) : mayMatch(path, lines)))
          continue
        const result = await searchTurns(path, none)
        if (hasSomethingToTell(result)) results.push(result)
      } catch (error) {
        results.push({ ...none, failure: describeFailure(path, error) })
      }
    }
    return results
  }

  async function searchTurns(path: string, none: SearchedRollout): Promise<SearchedRollout> {
    const { head } = await readRolloutHead(resolveRolloutFile(path))
    if (!query.withReviewers && isReviewer(head.source)) return none
    const read = await readTurns(path, { findRollout, maxStringBytes: MAX_STRING_BYTES })
    const isSourceGone = await isCopyOfNothing(read)
    const { hits, untimedCount } = findHits(read, matcher, query, isSourceGone)
    const badLines = read.badLines.filter((line) => line.path === read.path)
    return {
      ...none,
      hits,
      untimedCount,
      cwd: read.cwd,
      badLineCount: read.badLineCount - read.badLines.length + badLines.length,
      badLines: badLines.slice(0, NAMED_LINES).map(({ lineNumber, reason }) => ({ lineNumber, reason })),
      elidedBytes: read.elidedBytes,
      unknownCount: Object.values(read.unknownTypes).reduce((sum, count) => sum + count, 0),
    }
  }

  /** What was copied from a thread whose file is gone is shown where a copy is left. */
  async function isCopyOfNothing({ forkedFromId, parentThreadId }: ThreadTurns): Promise<boolean> {
    const source = forkedFromId ?? parentThreadId
    return source !== null && (await findRollout(source.toLowerCase())) === undefined
  }

  return { searchAll }
}

function hasSomethingToTell({ hits, failure, ...counts }: SearchedRollout) {
  const { untimedCount, badLineCount, elidedBytes, unknownCount } = counts
  return hits.length > 0 || failure !== null || untimedCount + badLineCount + elidedBytes + unknownCount > 0
}

/** Why a rollout cannot be read; what is no matter of the file is thrown on. */
function describeFailure(path: string, error: unknown): string {
  if (error instanceof StateError) {
    if (error.code === 'ROLLOUT_UNREADABLE') return error.message
  } else if (error instanceof Error && 'code' in error)
    return `cannot read rollout ${path}: ${explainFileError(error)}`
  throw error
}

function mayMatch(path: string, lines: LineWindow): boolean {
  lines.begin()
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    // Packed since it was listed: the reader finds it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
    throw error
  }
  try {
    for (;;) {
      const free = lines.free()
      const length = readSync(fd, free)
      if (length > 0 && lines.take(length)) return true
      // A file gives fewer bytes than asked for only at its end.
      if (length < free.length) return lines.finish()
    }
  } finally {
    closeSync(fd)
  }
}

async function mayPackedMatch(path: string, lines: LineWindow): Promise<boolean> {
  lines.begin()
  for await (const chunk of readRolloutChunks(resolveRolloutFile(path)))
    for (let at = 0; at < chunk.length; ) {
      const free = lines.free()
      const length = Math.min(free.length, chunk.length - at)
      chunk.copy(free, 0, at, at + length)
      at += length
      if (lines.take(length)) return true
    }
  return lines.finish()
}

type LineWindow = ReturnType<typeof createLineWindow>

/** Whole lines of a file, as many as the buffer holds at once; a line that it does not hold in overlapping parts. */
function createLineWindow(buffer: Buffer, filter: BytesFilter) {
  let filled = 0
  /** The line that begins the buffer began before it. */
  let isInLine = false

  return {
    begin(): void {
      filled = 0
      isInLine = false
    },
    /** Where the next bytes of the file belong. */
    free: () => buffer.subarray(filled),
    /** Whether a line may match that ends in these bytes, or is too long for the buffer. */
    take(length: number): boolean {
      filled += length
      if (filled < buffer.length) return false
      const end = buffer.lastIndexOf(10) + 1
      // What stands in one line may lie in several parts of it.
      const bytes = end > 0 ? buffer.subarray(0, end) : buffer
      if (isInLine || end === 0 ? filter.mayMatchPart(bytes) : filter.mayMatch(bytes)) return true
      isInLine = end === 0
      const from = end > 0 ? end : filled - filter.overlapBytes
      buffer.copyWithin(0, from, filled)
      filled -= from
      return false
    },
    finish(): boolean {
      if (filled === 0) return false
      const bytes = buffer.subarray(0, filled)
      return isInLine ? filter.mayMatchPart(bytes) : filter.mayMatch(bytes)
    },
  }
}

function findHits(
  read: ThreadTurns,
  matcher: TextMatcher,
  query: SearchQuery,
  isSourceGone: boolean,
): { hits: SearchHit[]; untimedCount: number } {
  const places = new Set(query.places)
  const hits: SearchHit[] = []
  let untimedCount = 0
  const addAll = (entries: readonly TurnEntry[], turn: Turn | null, isRolledBack: boolean): void => {
    // A review says the same up to three times: as prompt, as result and as answer.
    const toldInReview = entries.some(isReviewResult) ? new Set<string>() : undefined
    for (const entry of entries) {
      // What stands in another rollout is found there.
      if (entry.isOfBase || (entry.isInherited && !isSourceGone)) continue
      const atMs = entry.atMs ?? (turn && !turn.isInherited ? turn.firstLineAtMs : null)
      const told = new Set<string>()
      for (const { place, text, otherwise } of wordsOf(entry)) {
        if (!places.has(place)) continue
        const lines = findLines(text, matcher, query.contextLines)
        if (lines.length === 0 && otherwise !== undefined)
          lines.push(...findLines(otherwise, matcher, query.contextLines))
        if (lines.length === 0) continue
        const known = place === 'user' || place === 'assistant' ? (toldInReview ?? told) : told
        // What two texts have is told once; what one text has several times, each time.
        const before = new Set(known)
        for (const found of lines) {
          const key = `${place} ${found.text}`
          if (before.has(key)) continue
          known.add(key)
          if (!isInTime(atMs, query)) {
            if (atMs === null) untimedCount += 1
            continue
          }
          hits.push({
            turn: turn === null || isRolledBack ? null : turn.number,
            turnId: turn === null ? null : turn.id,
            isRolledBack,
            isInherited: entry.isInherited,
            atMs,
            place,
            lineNumber: entry.lineNumber,
            ...found,
          })
          if (query.onlyFirst) return
        }
      }
    }
  }
  for (const [turns, isRolledBack] of [
    [read.turns, false],
    [read.rolledBack, true],
  ] as const)
    for (const turn of turns) {
      if (query.onlyFirst && hits.length > 0) break
      addAll(turn.entries, turn, isRolledBack)
    }
  if (!query.onlyFirst || hits.length === 0) addAll(read.outside, null, false)
  return { hits, untimedCount }
}

function isReviewResult(entry: TurnEntry): boolean {
  return entry.kind === 'item' && entry.item.type === 'exitedReviewMode'
}

function isInTime(atMs: number | null, { sinceMs, untilMs }: SearchQuery): boolean {
  if (sinceMs === undefined && untilMs === undefined) return true
  return atMs !== null && atMs >= (sinceMs ?? atMs) && atMs <= (untilMs ?? atMs)
}

type FoundLine = Pick<SearchHit, 'text' | 'matchStart' | 'matchLength' | 'before' | 'after'>

/** The lines of a text that match. */
export function findLines(text: string, matcher: TextMatcher, contextLines: number): FoundLine[] {
  if (!matcher.mayFind(text)) return []
  const lines = text.split(/\r?\n/)
  const found: FoundLine[] = []
  for (const [index, line] of lines.entries()) {
    const match = matcher.find(line)
    if (match === undefined) continue
    const from =
      line.length <= MAX_LINE_CHARACTERS
        ? 0
        : Math.max(0, Math.min(match.start - MAX_LINE_CHARACTERS / 2, line.length - MAX_LINE_CHARACTERS))
    const cut = line.slice(from, from + MAX_LINE_CHARACTERS)
    const start = from > 0 ? '…' : ''
    found.push({
      text: `${start}${cut}${from + cut.length < line.length ? '…' : ''}`.toWellFormed(),
      matchStart: match.start - from + start.length,
      matchLength: match.length,
      before: lines.slice(Math.max(0, index - contextLines), index).map(shorten),
      after: lines.slice(index + 1, index + 1 + contextLines).map(shorten),
    })
  }
  return found
}

function shorten(line: string): string {
  return line.length <= MAX_LINE_CHARACTERS ? line : `${line.slice(0, MAX_LINE_CHARACTERS)}…`.toWellFormed()
}
