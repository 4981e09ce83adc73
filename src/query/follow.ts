import { identityOf } from '../db/open.js'
import { StateError } from '../errors.js'
import type { LogFilter, LogRow } from '../model/log.js'
import { windowsAfter } from './log-batches.js'
import { type LogStore, readHighestId } from './log-store.js'
import { countRows, readLogRows } from './logs.js'

export type FollowEvent =
  /** New rows that match, in the order of their ids. */
  | { kind: 'rows'; rows: LogRow[]; store: LogStore }
  /** Rows, matching or not, that Codex deleted before they could be read. */
  | { kind: 'pruned'; rowCount: number }
  /** Another database is read from now on, from its start. */
  | { kind: 'switched'; path: string; reason: 'replaced' | 'newer' | 'appeared' | 'restarted' }
  /** There is no database to read; it is waited for. */
  | { kind: 'waiting'; path: string | undefined }
  /** This look failed and will be repeated. */
  | { kind: 'failed'; error: StateError }

export interface FollowOptions {
  /** Opens the database that holds the logs now; `undefined` when there is none. */
  open: () => LogStore | undefined
  /** The database that is open already, and the id of the last row that was seen in it. */
  start: { store: LogStore; afterId: number } | undefined
  filter: LogFilter
  /** Yields whenever it is time to look. */
  changes: AsyncIterable<void>
  /** Milliseconds from any fixed point. */
  now: () => number
  /** How often it is looked whether another database took the place of the one that is read. */
  relocateMs: number
}

interface Position {
  store: LogStore
  /** Every row up to this one was seen, or is gone. */
  afterId: number
  identity: string
}

/**
 * Everything that is added after a row, each row once and in the order of ids, across checkpoints, pruning,
 * replaced files and new generations. Ends when `changes` ends; closes what it has open.
 *
 * @throws {StateError} when the database that is read turns out to be damaged or unreadable
 */
export async function* followLogs(options: FollowOptions): AsyncGenerator<FollowEvent> {
  let position: Position | undefined = options.start && {
    ...options.start,
    identity: identityOf(options.start.store.file.path),
  }
  let lookedForNewerAt = options.now()
  try {
    if (!position) yield { kind: 'waiting', path: undefined }
    for await (const _ of options.changes) {
      if (position && identityOf(position.store.file.path) !== position.identity) {
        const { path } = position.store.file
        yield* drain(position, options.filter)
        position = undefined
        const found = yield* locate(options)
        if (found) yield { kind: 'switched', path: found.store.file.path, reason: 'replaced' }
        else yield { kind: 'waiting', path }
        position = found
      } else if (!position) {
        position = yield* locate(options)
        if (position) yield { kind: 'switched', path: position.store.file.path, reason: 'appeared' }
      } else if (options.now() - lookedForNewerAt >= options.relocateMs) {
        lookedForNewerAt = options.now()
        const found: Position | undefined = yield* locate(options)
        if (found && found.store.file.path !== position.store.file.path) {
          yield* drain(position, options.filter)
          position = found
          yield { kind: 'switched', path: found.store.file.path, reason: 'newer' }
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

/** The database that is to be read now, from its start. One that is half made is not there yet. */
function* locate({ open }: FollowOptions): Generator<FollowEvent, Position | undefined> {
  try {
    const store = open()
    return store && { store, afterId: 0, identity: identityOf(store.file.path) }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    yield { kind: 'failed', error }
    return undefined
  }
}

/** What can still be read of a database that is left, which is then closed. */
function* drain(position: Position, filter: LogFilter): Generator<FollowEvent> {
  try {
    yield* readAfter(position, filter)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    // Gone with all that could be read of it: whoever left it says so.
    if (error.code !== 'DB_REPLACED' && error.code !== 'DB_NOT_FOUND') yield { kind: 'failed', error }
  } finally {
    position.store.connection.close()
  }
}

function* readNew(position: Position, options: FollowOptions): Generator<FollowEvent, Position | undefined> {
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
        position.store.connection.close()
        const found = yield* locate(options)
        return found?.identity === position.identity ? { ...found, afterId: position.afterId } : found
      }
      default:
        throw error
    }
  }
}

function* readAfter(position: Position, filter: LogFilter): Generator<FollowEvent, Position> {
  const { store } = position
  const highestId = readHighestId(store)
  let { afterId } = position
  if (highestId < afterId) {
    yield { kind: 'switched', path: store.file.path, reason: 'restarted' }
    afterId = 0
  }
  let prunedCount = 0
  for (const window of windowsAfter(afterId, highestId)) {
    // In one snapshot, so that a row is either read or counted as gone.
    const { presentCount, rows } = store.connection.snapshot(() => ({
      presentCount: countRows(store, window.afterId, window.throughId),
      rows: readLogRows(store, window, filter),
    }))
    prunedCount += window.throughId - window.afterId - presentCount
    if (rows.length > 0) yield { kind: 'rows', rows, store }
    // After each window: whoever stops listening in between has seen all up to here.
    position.afterId = window.throughId
  }
  if (prunedCount > 0) yield { kind: 'pruned', rowCount: prunedCount }
  return { ...position, afterId: highestId }
}
