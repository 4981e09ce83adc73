import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { StateError } from '../errors.js'
import type { Turn, TurnEntry } from '../model/turn.js'
import { rolloutIdOf } from './home-index.js'
import { createLineScanner } from './lines.js'
import { readRolloutChunks, resolveRolloutFile } from './read.js'
import { openTurns } from './turns.js'

export interface FollowTurnsOptions {
  signal: AbortSignal
  /** Time between two looks at the file. */
  pollMs?: number | undefined
  /** The rollout in force by now; asked for once a second. `undefined` where that is not known. */
  findCurrent?: (() => Promise<string | undefined>) | undefined
}

/** What came since the last batch, in the order of the rollout. */
export interface FollowedEntries {
  kind: 'entries'
  entries: { turn: Turn | null; entry: TurnEntry }[]
}

/** Turns that ended. */
export interface FollowedEnds {
  kind: 'ended'
  turn: Turn
}

/** The thread goes on in another rollout: it was reverted. */
export interface FollowedRevert {
  kind: 'reverted'
  path: string
  /** Turns that are left of the one before. */
  keptTurns: number
}

export interface FollowedBadLine {
  kind: 'badLine'
  path: string
  lineNumber: number
  reason: string
}

export type Followed = FollowedEntries | FollowedEnds | FollowedRevert | FollowedBadLine

const DEFAULT_POLL_MS = 20
const FIND_EVERY_MS = 1000
const CHUNK_BYTES = 256 * 1024

/**
 * What is written into a thread's rollout, beginning with what is there: an entry as soon as its line is complete, a
 * call again when its answer is there. Goes on when the rollout is compressed and unpacked again, and, where
 * `findCurrent` is given, in the rollout of a revert. Ends when it is aborted.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`
 */
export async function* followTurns(
  path: string,
  { signal, pollMs = DEFAULT_POLL_MS, findCurrent }: FollowTurnsOptions,
): AsyncGenerator<Followed, void, undefined> {
  let current = path
  for (let isRevert = false; !signal.aborted; isRevert = true) {
    const next = yield* followRollout(current, { signal, pollMs, findCurrent, isRevert })
    if (next === undefined) return
    current = next
  }
}

async function* followRollout(
  path: string,
  { signal, pollMs, findCurrent, isRevert }: FollowTurnsOptions & { pollMs: number; isRevert: boolean },
): AsyncGenerator<Followed, string | undefined, undefined> {
  const bad: FollowedBadLine[] = []
  const open = await openTurns(path, { signal, hasWriter: true })
  const scanner = createLineScanner(open.addLine, ({ lineNumber, reason }) => {
    bad.push({ kind: 'badLine', path: open.file.path, lineNumber, reason })
  })
  const news = createNews(open)
  if (isRevert) {
    yield { kind: 'reverted', path: open.file.path, keptTurns: open.now().turns.length }
    news.skip()
  }
  const plainPath = open.file.path.replace(/\.zst$/, '')
  let offset = 0
  let file: { fd: number; inode: number } | undefined
  try {
    if (open.file.path !== plainPath) {
      // What is compressed is complete; it is unpacked again before more is written.
      for await (const chunk of readRolloutChunks(open.file, { signal })) {
        scanner.push(chunk)
        offset += chunk.length
      }
      yield* take()
    }
    for (let nextFindMs = 0; !signal.aborted; ) {
      file ??= openPlain(plainPath)
      let hasNew = false
      for (let chunk = readMore(); chunk; chunk = readMore()) {
        scanner.push(chunk)
        hasNew = true
      }
      if (hasNew) yield* take()
      const nowMs = performance.now()
      if (nowMs >= nextFindMs) {
        nextFindMs = nowMs + FIND_EVERY_MS
        if (file && inodeOf(plainPath) !== file.inode) {
          // Renamed, compressed or replaced: a file that comes back there goes on behind what was read.
          closeSync(file.fd)
          file = undefined
        }
        const found = await findCurrent?.()
        if (found !== undefined && rolloutIdOf(found) !== rolloutIdOf(path)) return found
      }
      await pause(pollMs, signal)
    }
  } finally {
    if (file) closeSync(file.fd)
  }
  return undefined

  function* take(): Generator<Followed, void, undefined> {
    yield* bad.splice(0)
    yield* news.take()
  }

  function readMore(): Buffer | undefined {
    if (!file || fstatSync(file.fd).size <= offset) return undefined
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, fstatSync(file.fd).size - offset))
    const count = readSync(file.fd, buffer, 0, buffer.length, offset)
    offset += count
    return count === 0 ? undefined : buffer.subarray(0, count)
  }
}

function openPlain(path: string): { fd: number; inode: number } | undefined {
  try {
    // A pipe in its place would be waited for.
    resolveRolloutFile(path)
    const fd = openSync(path, 'r')
    return { fd, inode: fstatSync(fd).ino }
  } catch (error) {
    const isGone = error instanceof StateError || (error as NodeJS.ErrnoException).code === 'ENOENT'
    if (isGone) return undefined
    throw error
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    // Aborted: the loop ends.
  }
}

/** Turns that may still change: what is older is not looked at again. */
const LIVE_TURNS = 3

/** Finds what is new among the turns that are read. */
function createNews({ now, isMerged }: Pick<Awaited<ReturnType<typeof openTurns>>, 'now' | 'isMerged'>) {
  /** By turn, how many of its entries were looked at. */
  const seen = new Map<Turn | null, number>()
  /** Calls that were told before they had an answer. */
  const waiting = new Map<object, { turn: Turn | null; entry: TurnEntry }>()
  const told = new WeakSet<object>()
  const ended = new WeakSet<Turn>()
  let firstLive = 0

  function* take(): Generator<Followed, void, undefined> {
    const { turns, outside } = now()
    const lists: [Turn | null, readonly TurnEntry[]][] = [
      [null, outside],
      // A rollback takes turns away.
      ...turns
        .slice(Math.min(firstLive, Math.max(0, turns.length - LIVE_TURNS)))
        .map((turn): [Turn, readonly TurnEntry[]] => [turn, turn.entries]),
    ]
    firstLive = Math.max(0, turns.length - LIVE_TURNS)
    for (const [turn, entries] of lists) {
      const fresh: FollowedEntries['entries'] = []
      for (const [key, held] of waiting) {
        if (held.turn !== turn || !isAnswered(held.entry)) continue
        waiting.delete(key)
        fresh.push(held)
      }
      for (const entry of entries.slice(seen.get(turn) ?? 0)) {
        const key = keyOf(entry)
        const before = waiting.get(key)
        if (before) before.entry = entry
        if (told.has(key) && !before) continue
        if (before && isAnswered(entry)) waiting.delete(key)
        else if (!isAnswered(entry)) waiting.set(key, { turn, entry })
        if (isMerged(entry)) continue
        told.add(key)
        fresh.push({ turn, entry: asRunning(entry) })
      }
      seen.set(turn, entries.length)
      if (fresh.length > 0) yield { kind: 'entries', entries: fresh }
      if (turn && turn.outcome !== 'running' && !ended.has(turn)) {
        ended.add(turn)
        yield { kind: 'ended', turn }
      }
    }
  }

  function skip(): void {
    for (const _ of take());
  }

  return { take, skip }
}

/** A call that has no answer yet runs: nothing else is known of it while its turn goes on. */
function asRunning(entry: TurnEntry): TurnEntry {
  if (entry.kind !== 'call' || isAnswered(entry) || entry.call.state !== 'unanswered') return entry
  return { ...entry, call: { ...entry.call, state: 'running' } }
}

/** A call and the item that it becomes are one. */
function keyOf(entry: TurnEntry): object {
  return entry.kind === 'note' ? entry : (entry.call ?? entry)
}

function isAnswered(entry: TurnEntry): boolean {
  if (entry.kind === 'note' || entry.call === null) return true
  return entry.call.output !== null || entry.kind === 'item'
}
