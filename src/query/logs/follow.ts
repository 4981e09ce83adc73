import { identityOf } from '../../db/files.js'
import type { LookReason } from '../../db/watch.js'
import { StateError } from '../../errors.js'
import type { LogFilter, StoredLogRow } from '../../model/log.js'
import { type IdWindow, LOWEST_ID, windowsAfter } from './batches.js'
import { countRows, readLogRows } from './rows.js'
import { type LogStore, readHighestId } from './store.js'

export type FollowEvent =
  /** New rows that match, in the order of their ids. */
  | { kind: 'rows'; rows: StoredLogRow[]; store: LogStore }
  /** Rows, matching or not, that Codex deleted before they could be read. */
  | { kind: 'pruned'; rowCount: bigint }
  /** Another database is read from now on, from its start. */
  | { kind: 'switched'; path: string; reason: 'replaced' | 'newer' | 'appeared' | 'restarted' }
  /** A database that was left before is read on from where it was left. */
  | { kind: 'returned'; path: string }
  /** There is no database to read; it is waited for. */
  | { kind: 'waiting'; path: string | undefined }
  /** This look failed and will be repeated. */
  | { kind: 'failed'; error: StateError }

export interface FollowOptions {
  /** Opens the database that holds the logs now; `undefined` when there is none. */
  open: () => LogStore | undefined
  /** The database that is open already, and the id of the last row that was seen in it. */
  start: { store: LogStore; afterId: bigint } | undefined
  /** After which row to begin in a database that comes later; `undefined` is its start. */
  startIn?: (store: LogStore) => bigint | undefined
  filter: LogFilter
  /** Yields whenever it is time to look. */
  changes: AsyncIterable<LookReason>
  /** Milliseconds from any fixed point. */
  now: () => number
  /**
   * How often it is looked whether another database took the place of the one that is read, or its name; a change
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
  /** How far the databases that were left have been read, by the identity of their files. */
  reached: Map<string, bigint>
}

interface Position {
  store: LogStore
  /** Every row up to this one was seen, or is gone. */
  afterId: bigint
  identity: string
}

/**
 * Everything that is added after a row, each row once and in the order of ids, across checkpoints, pruning,
 * replaced files and new generations. Ends when `changes` ends; closes what it has open.
 *
 * @throws {StateError} when the database that is read turns out to be damaged or unreadable
 */
export async function* followLogs(given: FollowOptions): AsyncGenerator<FollowEvent> {
  const options: Follow = { ...given, reached: new Map() }
  let position: Position | undefined = options.start && {
    ...options.start,
    identity: identityOf(options.start.store.file.path),
  }
  let lookedAroundAt = options.now()
  let seenBefore: string | undefined = ''
  /** Whether there is something to look at that would be read rather than this. */
  const mayHaveNewer = ({ store }: Position): boolean => {
    const before = options.filesBefore?.(store.file.path)
    const isSame = before !== undefined && before === seenBefore
    seenBefore = before
    return !isSame
  }
  try {
    if (!position) yield { kind: 'waiting', path: undefined }
    for await (const reason of options.changes) {
      const looksAround = options.now() - lookedAroundAt >= options.relocateMs
      if (looksAround) lookedAroundAt = options.now()
      const mayBeReplaced = looksAround || reason === 'change'
      if (position && mayBeReplaced && identityOf(position.store.file.path) !== position.identity) {
        const { path } = position.store.file
        yield* leave(position, options)
        position = undefined
        const found = yield* locate(options)
        yield found ? switchedTo(found, 'replaced') : { kind: 'waiting', path }
        position = found
      } else if (!position) {
        position = yield* locate(options)
        if (position) yield switchedTo(position, 'appeared')
      } else if (looksAround && mayHaveNewer(position)) {
        const found: Position | undefined = yield* locate(options)
        if (found && found.store.file.path !== position.store.file.path) {
          yield* leave(position, options)
          position = found
          yield switchedTo(found, 'newer')
        } else {
          found?.store.connection.close()
        }
      }
      if (position) position = yield* readNew(position, options)
    }
  } finally {
    position?.store.connection.close()
  }
}

function switchedTo({ store, afterId }: Position, reason: 'replaced' | 'newer' | 'appeared'): FollowEvent {
  const { path } = store.file
  return afterId >= LOWEST_ID ? { kind: 'returned', path } : { kind: 'switched', path, reason }
}

/** The database that is to be read now, from where it was left. One that is half made is not there yet. */
function* locate({ open, reached, startIn }: Follow): Generator<FollowEvent, Position | undefined> {
  try {
    const store = open()
    if (!store) return undefined
    const identity = identityOf(store.file.path)
    return { store, afterId: reached.get(identity) ?? startIn?.(store) ?? BEFORE_ALL, identity }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    yield { kind: 'failed', error }
    return undefined
  }
}

/** What can still be read of a database that is left, which is then closed. */
function* leave(position: Position, { filter, reached }: Follow): Generator<FollowEvent> {
  try {
    position = yield* readAfter(position, filter)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    // Gone with all that could be read of it: whoever left it says so.
    if (error.code !== 'DB_REPLACED' && error.code !== 'DB_NOT_FOUND') yield { kind: 'failed', error }
  } finally {
    reached.set(position.identity, position.afterId)
    position.store.connection.close()
  }
}

function* readNew(position: Position, options: Follow): Generator<FollowEvent, Position | undefined> {
  try {
    return yield* readAfter(position, options.filter)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    switch (error.code) {
      case 'DB_REPLACED':
        return position
      case 'DB_BUSY':
        yield { kind: 'failed', error }
        return position
      case 'DB_NO_TABLE': {
        // Migrated under us: the columns are looked at again.
        options.reached.set(position.identity, position.afterId)
        position.store.connection.close()
        return yield* locate(options)
      }
      default:
        throw error
    }
  }
}

/** The position of who has seen nothing of a database. */
export const BEFORE_ALL = LOWEST_ID - 1n

function* readAfter(position: Position, filter: LogFilter): Generator<FollowEvent, Position> {
  const { store } = position
  const highestId = readHighestId(store)
  let { afterId } = position
  if (highestId < afterId) {
    yield { kind: 'switched', path: store.file.path, reason: 'restarted' }
    afterId = BEFORE_ALL
  }
  const gaps = createGapCount(afterId)
  for (const window of windowsAfter(store, afterId, highestId)) {
    // In one snapshot, so that a row is either read or counted as gone.
    const { presentCount, rows } = store.connection.snapshot(() => ({
      presentCount: countRows(store, window),
      rows: readLogRows(store, window, filter),
    }))
    gaps.add(window, presentCount)
    if (rows.length > 0) yield { kind: 'rows', rows, store }
    // After each window: whoever stops listening in between has seen all up to here.
    position.afterId = window.high
  }
  const rowCount = gaps.end(highestId)
  if (rowCount > 0n) yield { kind: 'pruned', rowCount }
  return { ...position, afterId: highestId }
}

/** Counts the ids that have no row; who has seen nothing has missed what was there from 1 on. */
function createGapCount(afterId: bigint) {
  let seenThrough = afterId
  let count = 0n
  return {
    add({ low, high }: IdWindow, presentCount: number): void {
      if (seenThrough < LOWEST_ID) seenThrough = low > 0n ? 0n : low - 1n
      count += high - seenThrough - BigInt(presentCount)
      seenThrough = high
    },
    end(highestId: bigint): bigint {
      if (seenThrough < LOWEST_ID) seenThrough = 0n
      return highestId > seenThrough ? count + highestId - seenThrough : count
    },
  }
}
