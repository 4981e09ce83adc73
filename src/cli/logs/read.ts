import { statSync } from 'node:fs'
import { monotonicMs } from '../../db/clock.js'
import { identityOf } from '../../db/files.js'
import { watchChanges } from '../../db/watch.js'
import { StateError } from '../../errors.js'
import type { LogFilter } from '../../model/log.js'
import { LOG_FIELD_NAMES } from '../../model/log-records.js'
import { type FollowOptions, followLogs } from '../../query/logs/follow.js'
import { placeAtEnd } from '../../query/logs/place.js'
import { keyOf } from '../../query/logs/rows.js'
import { type LogStore, openLogStore, readHighestId } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import type { CommandContext } from '../command.js'
import type { Io } from '../io.js'
import { EXIT_BY_SIGNAL } from '../main.js'
import type { ChosenThreads } from './choose-threads.js'
import { type CursorKeeper, createCursorKeeper } from './cursor.js'
import type { LogsFlags } from './flags.js'
import type { Output } from './output.js'
import { layoutOf } from './records.js'
import { resolveThreads } from './resolve-threads.js'
import { selectScreen } from './screen.js'
import { countMatches, type Printed, printSelected, type Reading, selectNewest } from './select.js'
import { type LogSession, noLogs, openLogSession } from './session.js'
import { createTailWatch } from './tail-watch.js'
import { createTeller, describeNothing, tellPruned } from './tell.js'

const TERMINAL_BACKFILL = 20
const PIPE_BACKFILL = 200

export interface TailFlags extends LogsFlags {
  backfill: number | undefined
  pollMs: number
  follow: boolean | undefined
}

export interface QueryFlags extends LogsFlags {
  lines: number | undefined
  reverse: true | undefined
  after: number | undefined
  before: number | undefined
  context: number | undefined
  count: true | undefined
  collapse: true | undefined
}

/** @returns whether anything matches */
export async function runQuery(flags: QueryFlags, { io }: CommandContext): Promise<boolean> {
  if (flags.fields === true) {
    await listFields(io)
    return true
  }
  const session = await openLogSession(flags, io)
  const files = session.list()
  const cursor = createCursor(flags, session, io)
  const readings = cursor.openReadings(files)
  const newest = readings.at(-1)?.store
  if (!newest) throw noLogs(session.home)
  if (newest.connection.isPrivateCopy) await letSignalsIn()
  try {
    const { filter } = await resolveThreads(session, flags, newest, io)
    await nameThread(session, filter)
    for (const { store, place } of readings) tellPruned(store, place, io)
    const asked = forms(flags)
    if (asked.length > 0) {
      const rows = readings.map(({ store, place }) => ({ store, afterId: place.afterId }))
      return await printForm(asked, rows, filter, flags, session, io)
    }
    io.stdout.write(session.output.header)
    const selection = { limit: flags.lines ?? Number.POSITIVE_INFINITY, isReversed: flags.reverse ?? false }
    const wanted = readings.map(({ store, place }) => ({ store, afterId: place.afterId }))
    let isEmpty = true
    for await (const printed of printSelected(wanted, filter, selection, session.output, io)) {
      // Newest first, the first batch has the row to go on from.
      if (isEmpty || !selection.isReversed) recordPrinted(cursor, session.output, printed, io)
      isEmpty = false
    }
    io.stdout.write(session.output.formatter.flush())
    if (isEmpty && io.stderr.isTerminal) {
      io.notice(describeNothing(newest, filter, io.now()))
      hintAtOtherDatabases(newest, files, io)
    }
    return !isEmpty
  } finally {
    for (const { store } of readings) store.connection.close()
  }
}

/** What is printed instead of the rows. */
function forms({
  after,
  before,
  context,
  count,
  collapse,
  lines,
  reverse,
  cursorFile,
}: QueryFlags): string[] {
  const isAround = after !== undefined || before !== undefined || context !== undefined
  const asked = [
    ...(isAround ? ['-A, -B and -C'] : []),
    ...(count ? ['--count'] : []),
    ...(collapse ? ['--collapse'] : []),
  ]
  const [first] = asked
  if (first === undefined) return []
  const others = [
    ...asked.slice(1),
    ...(lines !== undefined && collapse ? ['-n'] : []),
    ...(reverse ? ['--reverse'] : []),
    ...(cursorFile === undefined ? [] : ['--cursor-file']),
  ]
  if (others.length > 0)
    throw new StateError('USAGE', `${first} cannot be combined with ${others.join(', ')}`)
  return asked
}

/** @returns whether anything matches */
async function printForm(
  [form]: readonly string[],
  readings: readonly Reading[],
  filter: LogFilter,
  flags: QueryFlags,
  { output }: LogSession,
  io: Io,
): Promise<boolean> {
  if (form === '--count') {
    const found = await countMatches(readings, filter, io)
    const count = Math.min(found, flags.lines ?? Number.POSITIVE_INFINITY)
    io.stdout.write(`${count}\n`)
    return count > 0
  }
  if (form === '--collapse') {
    const { collapseRows, writeKinds } = await import('./collapse.js')
    const { kinds, otherCount } = await collapseRows(readings, filter, io)
    writeKinds(kinds, flags.json === true, io)
    if (otherCount > 0) io.notice(`${otherCount} more rows are of kinds that came later, and are not shown`)
    return kinds.length > 0
  }
  const { readGroups } = await import('./context.js')
  const around = { before: flags.before ?? flags.context ?? 0, after: flags.after ?? flags.context ?? 0 }
  io.stdout.write(output.header)
  let isFirst = true
  const { lines: limit } = flags
  const matches =
    limit === undefined ? readings : await selectNewest(readings, filter, { limit, isReversed: false }, io)
  for (const reading of matches) {
    const layout = layoutOf(reading.store)
    for (const { rows } of readGroups(reading, filter, around)) {
      const lines =
        rows.map((row) => output.formatter.format(row, layout)).join('') + output.formatter.flush()
      io.stdout.write(`${isFirst || !output.isForPeople ? '' : '--\n'}${lines}`)
      isFirst = false
    }
  }
  return !isFirst
}

/** @returns the exit code */
export async function runTail(flags: TailFlags, { io }: CommandContext): Promise<number> {
  if (flags.fields === true) {
    await listFields(io)
    return 0
  }
  const follows = flags.follow !== false
  const signal = io.interruption()
  const session = await openLogSession(flags, io)
  const cursor = createCursor(flags, session, io)
  const readings = cursor.openReadings(session.list())
  const newest = readings.at(-1)?.store
  if (!newest && !follows) throw noLogs(session.home)
  const identity = newest ? identityOf(newest.file.path) : ''
  if (newest?.connection.isPrivateCopy) await letSignalsIn()
  const { filter, threads } = await resolveThreads(session, flags, newest, io)
  await nameThread(session, filter)
  io.stdout.write(session.output.header)

  const start: FollowOptions['start'] = newest && { store: newest, place: readings.at(-1)!.place, identity }
  try {
    // Before the first rows are read: what comes meanwhile is new. A cursor says by itself where to go on.
    const end = newest && placeAtEnd(newest)
    for (const { store, place } of readings) tellPruned(store, place, io)
    const wanted = readings.map(({ store, place: { afterId } }) => ({
      store,
      afterId,
      throughId: store === newest ? end!.afterId : readHighestId(store),
    }))
    const isScreen = !follows && flags.backfill === undefined && io.stdout.isTerminal && !cursor.isResumed
    const limit =
      cursor.isResumed || isScreen ? Number.POSITIVE_INFINITY : (flags.backfill ?? defaultBackfill(io))
    const selected = isScreen ? await selectScreen(wanted, filter, session.output, io) : wanted
    const selection = { limit, isReversed: false }
    // What follows is told by the same formatter, which knows the rows before then.
    const output = session.output.plan?.isShort ? { ...session.output, plan: undefined } : session.output
    for await (const printed of printSelected(selected, filter, selection, output, io)) {
      recordPrinted(cursor, session.output, printed, io)
      if (start?.store === printed.store) start.place = { afterId: BigInt(printed.lastId), marks: [] }
      // Lets the signals in.
      await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted) break
    }
    if (start && end) start.place = end
  } catch (error) {
    // Whoever follows goes on with what took the place of the file.
    if (!follows || !(error instanceof StateError) || error.code !== 'DB_REPLACED') throw error
  }
  io.stdout.write(session.output.formatter.flush())
  for (const { store } of readings) if (store !== newest) store.connection.close()
  const isOver = filter.to !== undefined && filter.to.seconds * 1000 < io.now()
  if (follows && !isOver && !signal.aborted) {
    await follow(flags, { session, cursor, filter, threads, start, signal }, io)
  } else {
    newest?.connection.close()
  }
  return signal.aborted ? (EXIT_BY_SIGNAL[String(signal.reason)] ?? 1) : 0
}

/** As many as a person can look at; in a pipe as many as Codex's own client shows. */
function defaultBackfill({ stdout }: Io): number {
  return stdout.isTerminal ? TERMINAL_BACKFILL : PIPE_BACKFILL
}

/** Only what stands there is recorded as printed. */
function recordPrinted(
  cursor: CursorKeeper,
  { formatter }: Output,
  { store, lastId }: Printed,
  io: Io,
): void {
  if (!cursor.isRecording) return
  io.stdout.write(formatter.flush())
  cursor.record(store, lastId)
}

/** They are held back while a copy is made, until the event loop turns. */
function letSignalsIn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

interface FollowParts {
  session: LogSession
  cursor: CursorKeeper
  filter: LogFilter
  /** Where more of them may come. */
  threads: ChosenThreads | undefined
  start: FollowOptions['start']
  signal: AbortSignal
}

async function follow(
  flags: TailFlags,
  { session, cursor, filter, threads, start, signal }: FollowParts,
  io: Io,
): Promise<void> {
  const isNamed = session.home.rule === '--db'
  const watch = createTailWatch({ home: session.home, filter, threads }, io)
  const events = followLogs({
    list: () => session.list(),
    open: (files) => session.open(files),
    start,
    startIn: cursor.placeIn,
    filter,
    readEarlier: (store, throughId) => watch.readEarlier(store, throughId),
    changes: watch.changes(
      watchChanges({
        folder: session.home.sqliteHome,
        isRelevant: (name) => name.includes('.sqlite') || isNamed,
        pollMs: flags.pollMs,
        signal,
      }),
    ),
    now: monotonicMs,
    signal,
    relocateMs: Math.max(RELOCATE_POLLS * flags.pollMs, SHORTEST_RELOCATE_MS),
    // A database that is named is read whatever else there is.
    filesBefore: (path) => (isNamed ? '' : describeFilesBefore(path, session.list())),
  })
  const tell = createTeller(session.home, io)
  for await (const event of events) {
    if (event.kind === 'rows' || event.kind === 'earlier') {
      watch.noteRows(event.store)
      const { format, flush } = session.output.formatter
      const layout = layoutOf(event.store)
      const lines = event.rows.map((row) => format(row, layout)).join('')
      io.stdout.write(lines + flush())
      if (event.kind === 'rows') cursor.record(event.store, keyOf(event.rows.at(-1)!))
    } else {
      tell(event)
    }
    if (signal.aborted) break
  }
}

/** It is looked around less often than for new rows: that costs more than all the rest. */
const RELOCATE_POLLS = 4
const SHORTEST_RELOCATE_MS = 250

/** The databases that would be read rather than the one at the path, and whether they were written to. */
function describeFilesBefore(path: string, candidates: readonly DatabaseFile[]): string {
  const before = candidates.slice(
    0,
    Math.max(
      0,
      candidates.findIndex((file) => file.path === path),
    ),
  )
  return before
    .flatMap((file) => [file.path, `${file.path}-wal`])
    .map((name) => {
      const stat = statSync(name, { throwIfNoEntry: false })
      return `${name}:${stat?.ino}:${stat?.size}:${stat?.mtimeMs}`
    })
    .join()
}

function createCursor({ cursorFile }: LogsFlags, session: LogSession, io: Io): CursorKeeper {
  return createCursorKeeper({
    cursorFile,
    open: session.open,
    note: io.notice,
  })
}

/** Rows of one thread are told under its title, where a state database knows it. */
async function nameThread(
  { home, output }: LogSession,
  { threadIds = [], includesThreadless, threadlessOf }: LogFilter,
): Promise<void> {
  const [id, ...others] = threadIds
  if (!output.summary || id === undefined || others.length > 0 || includesThreadless || threadlessOf) return
  const { findTitle } = await import('./thread-title.js')
  output.summary.showThread({ id, ...findTitle(home, id) })
}

/** Older generations can hold the only copy of old logs: nothing is shown of them, but it is said. */
function hintAtOtherDatabases(store: LogStore, files: readonly DatabaseFile[], io: Io): void {
  if (!io.stderr.isTerminal) return
  for (const file of files.filter(({ path }) => path !== store.file.path)) {
    try {
      const other = openLogStore([file])
      if (other && readHighestId(other) > 0n) {
        io.notice(`no row matched in ${store.file.path}; older logs may be in ${file.path} (see --db)`)
      }
      other?.connection.close()
    } catch (error) {
      if (!(error instanceof StateError)) throw error
    }
  }
}

async function listFields(io: Io): Promise<void> {
  const { BODY_FIELD_NAMES } = await import('../../body/meanings.js')
  const names = [...LOG_FIELD_NAMES, ...BODY_FIELD_NAMES, 'field.<name>', 'span.<name>.<field>']
  io.stdout.write(names.map((name) => `${name}\n`).join(''))
}
