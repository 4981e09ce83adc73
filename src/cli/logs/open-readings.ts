import type { LogFilter } from '../../model/log.js'
import type { LogStore } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import type { Io } from '../io.js'
import { type CursorKeeper, createCursorKeeper, type ResumedReading } from './cursor.js'
import type { LogsFlags } from './flags.js'
import { type LogSession, openLogSession } from './session.js'

/** What query and tail begin with: the databases that hold the rows, and the place in each to go on from. */
export interface OpenReadings {
  session: LogSession
  files: DatabaseFile[]
  cursor: CursorKeeper
  readings: ResumedReading[]
  /** The last of them; `undefined` where no database has logs. */
  newest: LogStore | undefined
}

export async function openReadings(flags: LogsFlags, io: Io): Promise<OpenReadings> {
  const session = await openLogSession(flags, io)
  const files = session.list()
  const cursor = createCursorKeeper({ cursorFile: flags.cursorFile, open: session.open, note: io.notice })
  const readings = cursor.openReadings(files)
  return { session, files, cursor, readings, newest: readings.at(-1)?.store }
}

/** They are held back while a copy is made, until the event loop turns. */
export function letSignalsIn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Rows of one thread are told under its title, where a state database knows it. */
export async function nameThread(
  { home, output }: LogSession,
  { threadIds = [], includesThreadless, threadlessOf }: LogFilter,
): Promise<void> {
  const [id, ...others] = threadIds
  if (!output.summary || id === undefined || others.length > 0 || includesThreadless || threadlessOf) return
  const { findTitle } = await import('./thread-title.js')
  output.summary.showThread({ id, ...findTitle(home, id) })
}
