import { monotonicMs } from '../../db/clock.js'
import { identityOf } from '../../db/files.js'
import type { LookReason } from '../../db/watch.js'
import { StateError, type StateErrorCode } from '../../errors.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import type { DatabaseFile } from '../../schema/files.js'
import { type IdWindow, LOWEST_ID, windowsAfter } from './batches.js'
import {
  advance,
  checkPlace,
  countNotNewer,
  identifyDatabase,
  type Place,
  placeAtEnd,
  readMarks,
  START,
} from './place.js'
import { countRows, inParts, readLogRows } from './rows.js'
import { type LogStore, readHighestId } from './store.js'

export type FollowEvent =
  /** New rows that match, in the order of their ids. */
  | { kind: 'rows'; rows: StoredLogRow[]; store: LogStore }
  /** Rows that were passed over before they were asked for. */
  | { kind: 'earlier'; rows: StoredLogRow[]; store: LogStore }
  /** Ids without a row: of rows, matching or not, that were deleted before they could be read. */
  | { kind: 'pruned'; rowCount: bigint }
  /**
   * Another database is read from now on, or the same from its start. `repeatedCount`: rows that are not newer than
   * what was seen, and may be shown a second time.
   */
  | {
      kind: 'switched'
      path: string
      reason: 'replaced' | 'newer' | 'appeared' | 'restarted'
      repeatedCount: number
    }
  /** A database that was left before is read on from where it was left. */
  | { kind: 'returned'; path: string }
  /** Rows that were seen are gone or were changed, and their ids given again: it goes on after this id. */
  | { kind: 'reused'; path: string; afterId: bigint }
  /** There is no database to read; it is waited for. */
  | { kind: 'waiting'; path: string | undefined }
  /** This look failed and will be repeated. */
  | { kind: 'failed'; error: StateError }

export interface FollowOptions {
  /** The files that may hold the logs now, the one to be read first. */
  list: () => readonly DatabaseFile[]
  /** Opens the first of them that holds logs; `undefined` when none does. */
  open: (files: readonly DatabaseFile[]) => LogStore | undefined
  /** The database that is open already, and what was seen of it. */
  start: { store: LogStore; place: Place; identity: string } | undefined
  /** Where to begin in a database that comes later; `undefined` is its start. */
  startIn?: (store: LogStore) => Place | undefined
  /** Looked at anew for each window: it may come to ask for more. */
  filter: LogFilter
  /** Rows through this id that the filter asks for only by now; asked before each look. */
  readEarlier?: (store: LogStore, throughId: bigint) => StoredLogRow[]
  /** Yields whenever it is time to look. */
  changes: AsyncIterable<LookReason>
  /** Milliseconds from any fixed point. */
  now: () => number
  /** Ends the reading between two windows. */
  signal?: AbortSignal
  /**
   * How often to check whether another database took the place of the one that is read, or its name; a change
   * in the folder is reason enough at any time for the latter.
   */
  relocateMs: number
  /**
   * Which files would be read rather than this one, as a text that changes when they do: while it stays the
   * same, none of them is opened to see whether it has logs by now. Without it that is done each time.
   */
  filesBefore?: (path: string) => string
}

interface Follow extends FollowOptions {
  /** What was seen of the databases that were left, by the identity of their files. */
  reached: Map<string, Place>
  /** Whether the last look around met a file that could not be opened. */
  hasFailed: boolean
}

interface Position {
  file: DatabaseFile
  /** `undefined` after a failure: it is opened anew at the next look. */
  store: LogStore | undefined
  place: Place
  /** Of the file. */
  identity: string
  /** Of the database, when all of it up to the place was read. */
  version?: string
  /** When the database was made, as far as it says so; known from the first look on. */
  created?: string
  /** A read has met another file. */
  isReplaced?: boolean
  /** Since when every look has failed. */
  failedSince?: number | undefined
}

/** A file is damaged while another is copied over it. One that stays so for longer is. */
const DAMAGED_MS = 5000
const MAY_PASS: readonly StateErrorCode[] = ['DB_CORRUPT', 'DB_NOT_A_DATABASE', 'DB_UNREADABLE']

/** Signals are let in at least so often. */
const AT_WORK_MS = 20

/**
 * Everything that is added after a row, each row once and in the order of ids, across checkpoints, pruning,
 * replaced files, ids that begin anew and new generations, one after another. Ends when `changes` ends or at the
 * signal; closes what it has open.
 *
 * @throws {StateError} when the database that is read turns out to be damaged or unreadable
 */
export async function* followLogs(given: FollowOptions): AsyncGenerator<FollowEvent> {
  const options: Follow = { ...given, reached: new Map(), hasFailed: false }
  const { signal } = options
  let position = options.start && createPosition(options.start)
  /** The file that was read last, when there is none to read. */
  let lastFile: DatabaseFile | undefined
  let lookedAroundAt = options.now()
  let seenBefore: string | undefined = ''
  /** Whether there is something to look at that would be read rather than this. */
  const mayHaveNewer = ({ file }: Position): boolean => {
    const before = options.filesBefore?.(file.path)
    const isSame = before !== undefined && before === seenBefore && !options.hasFailed
    seenBefore = before
    return !isSame
  }
  try {
    if (!position) yield { kind: 'waiting', path: undefined }
    for await (const reason of options.changes) {
      const looksAround = options.now() - lookedAroundAt >= options.relocateMs
      if (looksAround) lookedAroundAt = options.now()
      const mayBeReplaced = looksAround || reason === 'change'
      if (position && (position.isReplaced || (mayBeReplaced && !isInPlace(position)))) {
        const left: Position = position
        yield* leave(left, options)
        lastFile = left.file
        position = yield* locate(options, filesAfter(left.file, options.list(), true), left.file)
        if (!position) yield { kind: 'waiting', path: left.file.path }
        else if (position.file.path === left.file.path) yield replaced(position, left)
        else yield switchedTo(position, 'newer')
      } else if (!position) {
        position = yield* locate(options, filesAfter(lastFile, options.list(), true), lastFile)
        if (position) yield switchedTo(position, 'appeared')
      }
      // Every generation that came since, oldest first, each to its end before the next.
      while (position && looksAround && mayHaveNewer(position)) {
        const next: Position | undefined = yield* locate(
          options,
          filesAfter(position.file, options.list(), false),
        )
        if (!next) break
        yield* leave(position, options)
        position = next
        yield switchedTo(next, 'newer')
        seenBefore = ''
      }
      if (position) {
        lastFile = position.file
        if (reason === 'change' || !isRead(position)) position = yield* readNew(position, options)
      }
      if (signal?.aborted) break
    }
  } finally {
    position?.store?.connection.close()
  }
}

/** Nothing is wrong yet with a file that cannot be read just now. */
function createPosition(start: NonNullable<FollowOptions['start']>): Position {
  const position: Position = { ...start, file: start.store.file }
  try {
    position.created = identifyDatabase(start.store).created
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
  return position
}

/**
 * The files to look into after one, in order: those that came after it, oldest first; then, when it may be gone
 * itself, what is under its name and whatever is left. All, newest first, when there was none before.
 */
function filesAfter(
  file: DatabaseFile | undefined,
  files: readonly DatabaseFile[],
  mayBeGone: boolean,
): DatabaseFile[] {
  if (!file) return [...files]
  const isSame = ({ path }: DatabaseFile) => path === file.path
  const at = files.findIndex(isSame)
  const isNewer = (other: DatabaseFile, index: number) =>
    at === -1 ? other.role === file.role && other.generation > file.generation : index < at
  const newer = files.filter(isNewer).toReversed()
  return mayBeGone
    ? [...files.filter(isSame), ...newer, ...files.filter((one) => !newer.includes(one))]
    : newer
}

function switchedTo({ file, place }: Position, reason: 'replaced' | 'newer' | 'appeared'): FollowEvent {
  const { path } = file
  return place.afterId >= LOWEST_ID
    ? { kind: 'returned', path }
    : { kind: 'switched', path, reason, repeatedCount: 0 }
}

/** Whether the file is of an older generation. */
function isBefore(file: DatabaseFile, last: DatabaseFile | undefined): boolean {
  if (!last || file.path === last.path) return false
  return file.role === last.role ? file.generation < last.generation : last.role === 'logs'
}

/** Rows that both files have are shown a second time. */
function replaced(position: Position, left: Position): FollowEvent {
  const event = switchedTo(position, 'replaced')
  if (event.kind !== 'switched' || position.created !== left.created || !position.store) return event
  try {
    return { ...event, repeatedCount: countNotNewer(position.store, left.place) }
  } catch (error) {
    // What is wrong with it is reported when it is read.
    if (!(error instanceof StateError)) throw error
    return event
  }
}

/**
 * The first of the files that holds logs, from where it was left. One that is half made is not there yet. In one that
 * came before `last` and was never read, only what is new is: the rest is what came before the follow.
 */
function* locate(
  options: Follow,
  files: readonly DatabaseFile[],
  last?: DatabaseFile,
): Generator<FollowEvent, Position | undefined> {
  const { open, reached, startIn } = options
  options.hasFailed = false
  try {
    const store = open(files)
    if (!store) return undefined
    // Only the first database can be the one that was read before the follow began.
    const before = reached.size === 0 ? startIn?.(store) : undefined
    const identity = identityOf(store.file.path)
    const place = reached.get(identity) ?? before ?? (isBefore(store.file, last) ? placeAtEnd(store) : START)
    return { file: store.file, store, place, identity, created: identifyDatabase(store).created }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    options.hasFailed = true
    yield { kind: 'failed', error }
    return undefined
  }
}

/** What can still be read of a database that is left, which is then closed. */
async function* leave(position: Position, options: Follow): AsyncGenerator<FollowEvent> {
  try {
    yield* readAll(position, options)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    // Gone with all that could be read of it: whoever left it says so.
    if (error.code !== 'DB_REPLACED' && error.code !== 'DB_NOT_FOUND') yield { kind: 'failed', error }
  } finally {
    // The file that is there by now can have come before its identity was looked at.
    if (!position.isReplaced || !isInPlace(position)) options.reached.set(position.identity, position.place)
    position.store?.connection.close()
  }
}

/** Whether the file is still the one that was opened. */
function isInPlace({ file, identity }: Position): boolean {
  return identityOf(file.path) === identity
}

/** Whether nothing was written since the last look: most of what an idle follow does is to find that out. */
function isRead({ store, version }: Position): boolean {
  try {
    return version !== undefined && store?.connection.version() === version
  } catch (error) {
    // Told by the look.
    if (!(error instanceof StateError)) throw error
    return false
  }
}

async function* readNew(
  position: Position,
  options: Follow,
): AsyncGenerator<FollowEvent, Position | undefined> {
  try {
    yield* readAll(position, options)
    position.failedSince = undefined
    return position
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    // What is under its name by now is found at the next look around.
    if (error.code === 'DB_NOT_FOUND') return position
    if (error.code === 'DB_REPLACED') {
      position.isReplaced = true
      return position
    }
    const now = options.now()
    position.failedSince ??= now
    if (error.code === 'DB_NO_TABLE') {
      // Migrated or rebuilt under us: the columns are looked at again.
      options.reached.set(position.identity, position.place)
      closeStore(position)
      return yield* locate(options, [position.file])
    }
    if (error.code === 'DB_BUSY') {
      yield { kind: 'failed', error }
      return position
    }
    const mayPass = MAY_PASS.includes(error.code) && now - position.failedSince < DAMAGED_MS
    if (!mayPass) throw error
    closeStore(position)
    return position
  }
}

/** A table that turned out to be another one may do so again, while somebody works on it. */
const MOST_TURNS = 3

async function* readAll(position: Position, options: Follow): AsyncGenerator<FollowEvent> {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    // What is under the name by now is looked at when it is located.
    if (!position.store && !isInPlace(position)) return
    position.store ??= options.open([position.file])
    if (!position.store) {
      throw new StateError('DB_NO_TABLE', `${position.file.path} no longer has a table of logs`)
    }
    if (yield* readAfter(position, position.store, options)) return
  }
}

function closeStore(position: Position): void {
  position.store?.connection.close()
  position.store = undefined
}

/** `false` when the table turned out to be another one, to be read from where the position is now. */
async function* readAfter(
  position: Position,
  store: LogStore,
  { filter, signal, readEarlier }: Follow,
): AsyncGenerator<FollowEvent, boolean> {
  position.created ??= identifyDatabase(store).created
  // Before the look, which sees what came until then.
  const version = store.connection.version()
  const checked = store.connection.snapshot(() => ({
    check: checkPlace(store, position.place),
    highestId: readHighestId(store),
  }))
  if (!(yield* takePlace(position, store, checked.check))) return false
  const { highestId } = checked
  const earlier = readEarlier?.(store, position.place.afterId) ?? []
  if (earlier.length > 0) yield { kind: 'earlier', rows: earlier, store }
  const gaps = createGapCount(position.place.afterId)
  let pausedAt = monotonicMs()
  const windows = inParts(store, windowsAfter(store, position.place.afterId, highestId))
  for (const window of windows) {
    // In one snapshot, so that a row is either read or counted as gone, and is one of the table that was read so far.
    const read = store.connection.snapshot(() => {
      const check = checkPlace(store, position.place)
      return check.kind === 'same'
        ? {
            check,
            presentCount: countRows(store, window),
            rows: readLogRows(store, window, filter),
            marks: readMarks(store, window.low, window.high),
          }
        : { check, presentCount: 0, rows: [], marks: [] }
    })
    // Looked at once more, what became of it is told.
    if (read.check.kind !== 'same') return false
    gaps.add(window, read.presentCount)
    if (read.rows.length > 0) yield { kind: 'rows', rows: read.rows, store }
    // After each window: whoever stops listening in between has seen all up to here.
    position.place = advance(position.place, window.high, read.marks)
    if (monotonicMs() - pausedAt > AT_WORK_MS) {
      await new Promise((resolve) => setImmediate(resolve))
      if (signal?.aborted) return true
      pausedAt = monotonicMs()
    }
  }
  const rowCount = gaps.end(highestId)
  if (rowCount > 0n) yield { kind: 'pruned', rowCount }
  if (highestId > position.place.afterId) position.place = { ...position.place, afterId: highestId }
  position.version = version
  return true
}

/** Tells what became of the place, and goes there; `false` when the table is to be looked at anew first. */
function* takePlace(
  position: Position,
  store: LogStore,
  check: ReturnType<typeof checkPlace>,
): Generator<FollowEvent, boolean> {
  const { path } = store.file
  switch (check.kind) {
    case 'same':
      position.place = check.place
      return true
    case 'reused':
      position.place = check.place
      yield { kind: 'reused', path, afterId: check.place.afterId }
      break
    case 'anew': {
      const { created } = identifyDatabase(store)
      const isOther = created !== position.created
      const repeatedCount = isOther ? 0 : countNotNewer(store, position.place)
      position.created = created
      position.place = START
      yield { kind: 'switched', path, reason: isOther ? 'replaced' : 'restarted', repeatedCount }
      break
    }
    default:
      check satisfies never
  }
  // It may have other columns, indexes and rules for its ids now.
  closeStore(position)
  return false
}

/**
 * Counts the ids that have no row, from 1 on, which is the first that is ever given; who has seen nothing has missed
 * what was there before the first row.
 */
function createGapCount(afterId: bigint) {
  let seenThrough = afterId > 0n ? afterId : 0n
  let count = 0n
  return {
    add({ low, high }: IdWindow, presentCount: number): void {
      if (low > 0n) count += high - seenThrough - BigInt(presentCount)
      if (high > seenThrough) seenThrough = high
    },
    end: (highestId: bigint): bigint => (highestId > seenThrough ? count + highestId - seenThrough : count),
  }
}
