import { dirname } from 'node:path'
import type { RowId } from '../../model/log.js'
import {
  checkPlace,
  countNotNewer,
  type DatabaseIdentity,
  identifyDatabase,
  type Place,
  readMarks,
  realPath,
  START,
} from '../../query/logs/place.js'
import type { LogStore } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import { type Cursor, readCursor, writeCursor } from './cursor-file.js'

/** A database to read, and what of it was printed before. */
export interface ResumedReading {
  store: LogStore
  place: Place
}

export interface CursorKeeper {
  /** Whether there is a file to record in. */
  isRecording: boolean
  /** Whether a row was recorded to go on from. */
  isResumed: boolean
  /**
   * The databases to read, in this order: the one of the recorded row, then each newer one. Only the newest without a
   * cursor, or with one of another home.
   */
  openReadings(files: readonly DatabaseFile[]): ResumedReading[]
  /** The recorded place in a database that comes later; `undefined` when the recorded row is none of its. */
  placeIn(store: LogStore): Place | undefined
  record(store: LogStore, id: RowId): void
}

interface CursorOptions {
  cursorFile: string | undefined
  /** Opens the first of the files that holds logs. */
  open: (files: readonly DatabaseFile[]) => LogStore | undefined
  /** Told, in one line each, what the cursor did other than to go on. */
  note: (text: string) => void
}

/** @throws {StateError} `USAGE` when the file is not a cursor file */
export function createCursorKeeper({ cursorFile, open, note }: CursorOptions): CursorKeeper {
  const newestOnly = (files: readonly DatabaseFile[]): ResumedReading[] => {
    const store = open(files)
    return store ? [{ store, place: START }] : []
  }
  if (cursorFile === undefined) {
    return {
      isRecording: false,
      isResumed: false,
      openReadings: newestOnly,
      placeIn: () => undefined,
      record() {},
    }
  }
  const recorded = readCursor(cursorFile)
  if (recorded) recorded.database.path = realPath(recorded.database.path)
  const identities = new Map<LogStore, DatabaseIdentity>()
  const identify = (store: LogStore) => {
    const known = identities.get(store) ?? identifyDatabase(store)
    identities.set(store, known)
    return known
  }
  return {
    isRecording: true,
    isResumed: recorded !== undefined,
    openReadings(files) {
      if (!recorded || files.length === 0) return newestOnly(files)
      const own = files.find(({ path }) => realPath(path) === recorded.database.path)
      const after = newerFiles(recorded, own, files)
      if (!own && after.length === 0) {
        note(`the cursor belongs to another database (${recorded.database.path}); starting anew`)
        return newestOnly(files)
      }
      const readings: ResumedReading[] = []
      const ownStore = own && open([own])
      if (ownStore) readings.push({ store: ownStore, place: resume(ownStore, recorded, identify, note) })
      for (const file of after) {
        const store = open([file])
        if (store) readings.push({ store, place: START })
      }
      if (!ownStore && readings.length > 0) {
        note(
          `${recorded.database.path} is gone, and with it what came after the last row shown; ` +
            `reading ${readings[0]!.store.file.path} from its start`,
        )
      }
      return readings.length > 0 ? readings : newestOnly(files)
    },
    placeIn(store) {
      if (!recorded) return undefined
      const { path, created } = identify(store)
      return path === recorded.database.path && created === recorded.database.created
        ? placeOfCursor(recorded)
        : undefined
    },
    record(store, id) {
      const exact = BigInt(id)
      const [mark] = readMarks(store, exact, exact, 1)
      writeCursor(cursorFile, { database: identify(store), id: exact, mark })
    },
  }
}

function placeOfCursor({ id, mark }: Cursor): Place {
  return { afterId: id, marks: mark ? [mark] : [] }
}

/** The files that came after the cursor's, oldest first. */
function newerFiles(
  { database }: Cursor,
  own: DatabaseFile | undefined,
  files: readonly DatabaseFile[],
): DatabaseFile[] {
  if (own) return files.slice(0, files.indexOf(own)).toReversed()
  const { role, generation } = database
  if (role === undefined || generation === undefined) return []
  return files
    .filter((file) => dirname(realPath(file.path)) === dirname(database.path))
    .filter((file) => (file.role === role ? file.generation > generation : role === 'state'))
    .toReversed()
}

/** Where to go on in the cursor's own database, or what took its place. */
function resume(
  store: LogStore,
  recorded: Cursor,
  identify: (store: LogStore) => DatabaseIdentity,
  note: (text: string) => void,
): Place {
  const { path } = store.file
  const place = placeOfCursor(recorded)
  if (identify(store).created !== recorded.database.created) {
    note(`the cursor belongs to another database (${recorded.database.path}); starting anew`)
    return START
  }
  const { check, repeatedCount } = store.connection.snapshot(() => {
    const found = checkPlace(store, place)
    return { check: found, repeatedCount: found.kind === 'anew' ? countNotNewer(store, place) : 0 }
  })
  if (check.kind !== 'anew') return check.place
  note(`the ids of ${path} began anew; reading it from its start${repeatedText(repeatedCount)}`)
  return START
}

/** What may be seen twice, as the end of a note. */
export function repeatedText(count: number): string {
  if (count === 0) return ''
  return count === 1 ? '; 1 row may be shown twice' : `; up to ${count} rows may be shown twice`
}
