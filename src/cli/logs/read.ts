import { statSync } from 'node:fs'
import { monotonicMs } from '../../db/clock.js'
import { watchChanges } from '../../db/watch.js'
import { StateError } from '../../errors.js'
import { escapeForTerminal, escapeJsonForTerminal } from '../../format/escape.js'
import { createRecordFormatter } from '../../format/log-line.js'
import { createTextFormatter } from '../../format/log-text.js'
import type { Palette } from '../../format/palette.js'
import type { LogFilter, RowId, StoredLogRow } from '../../model/log.js'
import {
  headerOf,
  LOG_FIELD_NAMES,
  type LogField,
  type PieceStyles,
  piecesOf,
} from '../../model/log-formats.js'
import { idBatches, matchingBatches, newestFirstBatches, readNewestIds } from '../../query/logs/batches.js'
import { patternFunctions } from '../../query/logs/filter.js'
import { BEFORE_ALL, type FollowEvent, followLogs } from '../../query/logs/follow.js'
import { countRows, keyOf } from '../../query/logs/rows.js'
import { type LogStore, openLogStore, readHighestId, readLowestId } from '../../query/logs/store.js'
import { findLoggedThread } from '../../query/logs/threads.js'
import { candidatesFor, type DatabaseFile } from '../../schema/files.js'
import { type Home, noDatabase, resolveHomeOptions } from '../home-options.js'
import type { Io } from '../io.js'
import { type CommandContext, EXIT_BY_SIGNAL } from '../main.js'
import { loadPalette, resolveColor } from '../options.js'
import { PLACE_HINT } from '../where.js'
import { type Cursor, identifyDatabase, readCursor, writeCursor } from './cursor-file.js'
import type { LogWorkerData } from './log-worker.js'
import {
  type LogsFlags,
  resolveFields,
  resolveFilter,
  resolveFormat,
  resolveHighlight,
  resolveTime,
} from './options.js'
import { createScanProgress, type ScanProgress } from './progress.js'
import { type BatchWork, readBatches } from './read-batches.js'
import { createBytesReader, createRowsReader, type RecordPlan, resizeFor } from './records.js'

export interface TailFlags extends LogsFlags {
  backfill: number
  pollMs: number
  follow: boolean
}

export interface QueryFlags extends LogsFlags {
  lines?: number
  reverse?: true
}

/** How records are printed. */
interface Output {
  header: string
  formatRow: (row: StoredLogRow) => string
  /** How SQLite writes them by itself; `undefined` where the output needs JavaScript's form. */
  plan: RecordPlan | undefined
}

/** Which of the matching rows, and in which order. */
interface Selection {
  /** The newest ones, this many; all when infinite. */
  limit: number
  isReversed: boolean
  /** Only rows with a higher id. */
  afterId: bigint
  /** No rows with a higher id than this. */
  throughId?: bigint
}

export async function runQuery(flags: QueryFlags, { io }: CommandContext): Promise<void> {
  if (flags.fields === true) return listFields(io)
  const session = await openSession(flags, io)
  const store = session.open()
  if (!store) throw noLogs(session.home)
  try {
    const cursor = startCursor(flags, store, io)
    const filter = resolveThreads(session.filter, store)
    const selection = {
      limit: flags.lines ?? Number.POSITIVE_INFINITY,
      isReversed: flags.reverse ?? false,
      afterId: cursor.afterId,
    }
    tellPruned(store, cursor, readHighestId(store), io)
    io.stdout.write(session.output.header)
    // Newest first, the first batch has the row to go on from.
    let highestId: RowId | undefined
    for await (const lastId of printSelected(store, filter, selection, session.output, io)) {
      if (highestId === undefined || lastId > highestId) highestId = lastId
      cursor.record(store, highestId)
    }
    if (highestId === undefined) hintAtOtherDatabases(store, session.home, io)
  } finally {
    store.connection.close()
  }
}

export async function runTail(flags: TailFlags, context: CommandContext): Promise<void> {
  const { io } = context
  if (flags.fields === true) return listFields(io)
  const signal = io.interruption()
  const session = await openSession(flags, io)
  const store = session.open()
  if (!store && !flags.follow) throw noLogs(session.home)
  const cursor = startCursor(flags, store, io)
  const filter = resolveThreads(session.filter, store)
  io.stdout.write(session.output.header)

  let start: { store: LogStore; afterId: bigint } | undefined
  if (store) {
    // Before the first rows are read: what comes meanwhile is new. A cursor says by itself where to go on.
    const highestId = readHighestId(store)
    tellPruned(store, cursor, highestId, io)
    const limit = cursor.isResumed ? Number.POSITIVE_INFINITY : flags.backfill
    const selection = { limit, isReversed: false, afterId: cursor.afterId, throughId: highestId }
    for await (const lastId of printSelected(store, filter, selection, session.output, io)) {
      cursor.record(store, lastId)
      // Lets the signals in.
      await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted) break
    }
    start = { store, afterId: highestId }
  }
  const isOver = filter.to !== undefined && filter.to.seconds * 1000 < io.now()
  if (flags.follow && !isOver && !signal.aborted) {
    const events = followLogs({
      open: () => session.open(),
      start,
      startIn: cursor.startIn,
      filter,
      changes: watchChanges({
        folder: session.home.sqliteHome,
        isRelevant: (name) => name.includes('.sqlite') || session.home.rule === '--db',
        pollMs: flags.pollMs,
        signal,
      }),
      now: monotonicMs,
      relocateMs: Math.max(RELOCATE_POLLS * flags.pollMs, SHORTEST_RELOCATE_MS),
      // A database that is named is read whatever else there is.
      filesBefore: (path) =>
        session.home.rule === '--db'
          ? ''
          : describeFilesBefore(path, resolveHomeOptions(flags, io).databases),
    })
    const tell = createTeller(session.home, io)
    for await (const event of events) {
      if (event.kind === 'rows') {
        io.stdout.write(event.rows.map(session.output.formatRow).join(''))
        cursor.record(event.store, keyOf(event.rows.at(-1)!))
      } else {
        tell(event)
      }
      if (signal.aborted) break
    }
  } else {
    store?.connection.close()
  }
  if (signal.aborted) context.exitCode = EXIT_BY_SIGNAL[String(signal.reason)] ?? 1
}

/** It is looked around less often than for new rows: that costs more than all the rest. */
const RELOCATE_POLLS = 4
const SHORTEST_RELOCATE_MS = 250

/** The databases that would be read rather than the one at the path, and whether they were written to. */
function describeFilesBefore(path: string, databases: readonly DatabaseFile[]): string {
  const candidates = candidatesFor('logs', databases)
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

interface Session {
  home: Home
  filter: LogFilter
  output: Output
  /** Opens the database that holds the logs now, wherever that is by now. */
  open(): LogStore | undefined
}

async function openSession(flags: LogsFlags, io: Io): Promise<Session> {
  const filter = await resolveFilter(flags, io)
  const output = await resolveOutput(flags, filter, io)
  const home = resolveHomeOptions(flags, io)
  let isFirst = true
  const warned = new Set<string>()
  const warnOnce = (text: string) => {
    if (!warned.has(text)) io.stderr.write(`warning: ${text}\n`)
    warned.add(text)
  }
  for (const text of home.warnings) warnOnce(text)
  return {
    home,
    filter,
    output,
    open() {
      // The first time as found just now; later the folder is looked at again.
      const { databases } = isFirst ? home : resolveHomeOptions(flags, io)
      isFirst = false
      const store = openLogStore(databases, { onNotice: warnOnce, functions: patternFunctions(filter) })
      if (store?.file.age === 'newer') {
        warnOnce(`${store.file.path} is of a newer layout than this version knows; it is read by its columns`)
      }
      return store
    },
  }
}

async function resolveOutput(flags: LogsFlags, filter: LogFilter, io: Io): Promise<Output> {
  const format = resolveFormat(flags)
  const fields = typeof flags.fields === 'string' ? resolveFields(flags.fields) : undefined
  const { time, isUtc } = await resolveTime(flags, io)
  const isRaw = flags.raw ?? false
  const isTerminal = io.stdout.isTerminal
  const pieces = piecesOf(format, fields)
  const header = headerOf(format, fields)
  if (format === 'json' || format === 'csv' || format === 'logfmt') {
    const formatRecord = createRecordFormatter(pieces, { time, isRaw })
    if (!isTerminal || isRaw)
      return { header, formatRow: formatRecord, plan: { pieces, isRaw, styles: undefined } }
    const clean = format === 'csv' ? escapeForTerminal : escapeJsonForTerminal
    return { header, formatRow: (row) => clean(formatRecord(row)), plan: undefined }
  }
  const palette = await loadPalette(resolveColor(flags.color, io))
  const highlight = palette && resolveHighlight(filter)
  const indent = format === 'cat' && !fields ? '' : BODY_INDENT
  const options = { time, palette, isMultiline: isTerminal, indent, isRaw, highlight }
  const canPlan = isUtc && !isTerminal && !highlight
  const plan = canPlan ? { pieces, isRaw, styles: palette && pickStyles(palette) } : undefined
  return { header, formatRow: createTextFormatter(pieces, options), plan }
}

const BODY_INDENT = '    '

/** Prints the rows, a batch at a time, and yields the highest id of each batch. */
async function* printSelected(
  store: LogStore,
  filter: LogFilter,
  selection: Selection,
  { formatRow, plan }: Output,
  io: Io,
): AsyncGenerator<RowId> {
  const { isReversed } = selection
  const progress = createScanProgress(io)
  const isWhole = selection.limit === Number.POSITIVE_INFINITY
  const ids = isWhole ? [] : await findNewestIds(store, filter, selection, io, progress)
  const batches = isWhole
    ? matchingBatches(store, filter, selection)
    : idBatches(isReversed ? ids : ids.reverse())
  // The ids that were found match already.
  const remaining = isWhole ? filter : {}
  // SQLite writes a window in the order of its ids.
  const usablePlan = isWhole && isReversed ? undefined : plan
  const results = readBatches({
    batches: progress.watch(batches, () => countIds(store)),
    read: usablePlan
      ? createBytesReader(store, remaining, usablePlan)
      : createRowsReader(store, remaining, formatRow, isReversed),
    resize: resizeFor,
    workers:
      usablePlan && inWorkers(io, store, { filter: remaining, job: { kind: 'records', plan: usablePlan } }),
  })
  for await (const records of results) {
    if (!records) continue
    progress.clear()
    io.stdout.write(records.bytes)
    yield records.lastId
  }
  progress.clear()
}

/** How many ids there are to look at, those of deleted rows in between included. */
function countIds(store: LogStore): number {
  const highest = readHighestId(store)
  return Number(highest - (readLowestId(store) ?? highest)) + 1
}

/** The ids of the newest rows that match, newest first. */
async function findNewestIds(
  store: LogStore,
  filter: LogFilter,
  { limit, afterId, throughId }: Selection,
  io: Io,
  progress: ScanProgress,
): Promise<RowId[]> {
  const ids: RowId[] = []
  if (limit === 0) return ids
  const sizes = { windowSize: Math.max(2000, limit), listSize: limit }
  const batches = newestFirstBatches(store, filter, { afterId, throughId, ...sizes })
  const results = readBatches({
    batches: progress.watch(batches, () => countIds(store)),
    read: (batch) => readNewestIds(store, batch, filter, limit - ids.length),
    resize: () => 'grow',
    workers: inWorkers(io, store, { filter, job: { kind: 'ids', limit } }),
  })
  for await (const found of results) {
    for (const id of found.slice(0, limit - ids.length)) ids.push(id)
    if (ids.length === limit) break
  }
  progress.clear()
  return ids
}

function inWorkers(
  { startWorker, now }: Io,
  { connection, file }: LogStore,
  data: Omit<LogWorkerData, 'file'>,
): BatchWork<never>['workers'] {
  // One copy is enough, and its files have no names by which another thread could open them.
  if (connection.isPrivateCopy) return undefined
  return startWorker && { start: startWorker, data: { ...data, file }, now }
}

function pickStyles(palette: Palette): PieceStyles {
  const { time, thread, target, TRACE, DEBUG, INFO, WARN, ERROR, otherLevel } = palette
  return { time, thread, target, TRACE, DEBUG, INFO, WARN, ERROR, otherLevel }
}

/** Thread ids as typed, made whole. In a home without logs yet only whole ids can be meant. */
function resolveThreads(filter: LogFilter, store: LogStore | undefined): LogFilter {
  if (!filter.threadIds) return filter
  return { ...filter, threadIds: filter.threadIds.map((typed) => findLoggedThread(store, typed)) }
}

interface CursorKeeper {
  afterId: bigint
  /** Whether a row was recorded to go on from. */
  isResumed: boolean
  /** The same for a database that comes later; `undefined` when the recorded row is none of its. */
  startIn(store: LogStore): bigint | undefined
  record(store: LogStore, id: RowId): void
}

function startCursor({ cursorFile }: LogsFlags, store: LogStore | undefined, io: Io): CursorKeeper {
  if (cursorFile === undefined) {
    return { afterId: BEFORE_ALL, isResumed: false, startIn: () => undefined, record() {} }
  }
  let recorded: Cursor | undefined = readCursor(cursorFile)
  const startIn = (current: LogStore) => {
    if (!recorded) return undefined
    const { path, created } = identifyDatabase(current)
    return recorded.database.path === path && recorded.database.created === created
      ? BigInt(recorded.id)
      : undefined
  }
  if (recorded && store && startIn(store) === undefined) {
    io.stderr.write(
      `note: the cursor belongs to another database (${recorded.database.path}); starting anew\n`,
    )
    recorded = undefined
  }
  const identified = new Map<LogStore, Cursor['database']>()
  return {
    afterId: recorded ? BigInt(recorded.id) : BEFORE_ALL,
    isResumed: recorded !== undefined,
    startIn,
    record(current, id) {
      const database = identified.get(current) ?? identifyDatabase(current)
      identified.set(current, database)
      writeCursor(cursorFile, { database, id: Number(id) })
    },
  }
}

/** What was deleted since the row that is gone on from, which nobody can read any more. */
function tellPruned(store: LogStore, { isResumed, afterId }: CursorKeeper, highestId: bigint, io: Io): void {
  if (!isResumed || highestId <= afterId) return
  const presentCount = countRows(store, { low: afterId + 1n, high: highestId })
  const rowCount = highestId - afterId - BigInt(presentCount)
  if (rowCount > 0n) io.stderr.write(prunedNote(rowCount))
}

function prunedNote(rowCount: bigint): string {
  return `note: ${rowCount} rows were deleted by Codex before they could be read\n`
}

function createTeller(home: Home, io: Io): (event: Exclude<FollowEvent, { kind: 'rows' }>) => void {
  let lastFailure = ''
  return (event) => {
    switch (event.kind) {
      case 'pruned':
        io.stderr.write(prunedNote(event.rowCount))
        break
      case 'switched': {
        const { path, reason } = event
        const texts = {
          replaced: `the database was replaced; reading ${path} from its start`,
          newer: `a newer database appeared; reading ${path} from its start`,
          appeared: `reading ${path}`,
          restarted: `the ids of ${path} began anew; reading it from its start`,
        }
        io.stderr.write(`note: ${texts[reason]}\n`)
        break
      }
      case 'returned':
        io.stderr.write(`note: going on with ${event.path}\n`)
        break
      case 'waiting':
        io.stderr.write(
          event.path === undefined
            ? `note: no log database in ${home.sqliteHome} yet; waiting for one\n`
            : `note: ${event.path} is gone; waiting for a log database in ${home.sqliteHome}\n`,
        )
        break
      case 'failed':
        if (event.error.message !== lastFailure)
          io.stderr.write(`warning: ${event.error.message}; trying again\n`)
        lastFailure = event.error.message
        break
      default:
        event satisfies never
    }
  }
}

function noLogs(home: Home): StateError {
  if (home.databases.length === 0) return noDatabase(home, PLACE_HINT)
  const where = home.rule === '--db' ? home.databases[0]!.path : `the databases of ${home.sqliteHome}`
  return new StateError('DB_NO_TABLE', `no table of logs in ${where}`, { hint: 'See codex-logs where.' })
}

/** Older generations can hold the only copy of old logs: nothing is shown of them, but it is said. */
function hintAtOtherDatabases(store: LogStore, home: Home, io: Io): void {
  if (!io.stderr.isTerminal) return
  const others = candidatesFor('logs', home.databases).filter((file) => file.path !== store.file.path)
  for (const file of others) {
    try {
      const other = openLogStore([file])
      if (other && readHighestId(other) > 0n) {
        io.stderr.write(
          `note: no row matched in ${store.file.path}; older logs may be in ${file.path} (see --db)\n`,
        )
      }
      other?.connection.close()
    } catch (error) {
      if (!(error instanceof StateError)) throw error
    }
  }
}

function listFields(io: Io): void {
  io.stdout.write(LOG_FIELD_NAMES.map((name: LogField) => `${name}\n`).join(''))
}
