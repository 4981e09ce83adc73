import { statSync } from 'node:fs'
import { monotonicMs } from '../../db/clock.js'
import { identityOf } from '../../db/files.js'
import { StateError } from '../../errors.js'
import type { LogFilter } from '../../model/log.js'
import { type FollowOptions, followLogs } from '../../query/logs/follow.js'
import { placeAtEnd } from '../../query/logs/place.js'
import { keyOf } from '../../query/logs/rows.js'
import { readHighestId } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import { defineTextCommand } from '../command.js'
import { eitherFlag, parsedFlag, parsePositive } from '../flags.js'
import type { Io } from '../io.js'
import { EXIT_BY_SIGNAL } from '../main.js'
import type { ChosenThreads } from './choose-threads.js'
import type { CursorKeeper } from './cursor.js'
import { LOGS_FLAGS, type LogsFlags } from './flags.js'
import { letSignalsIn, nameThread, openReadings } from './open-readings.js'
import { listFields } from './output.js'
import { layoutOf } from './records.js'
import { LOG_JSON } from './records-schema.js'
import { resolveThreads } from './resolve-threads.js'
import { selectScreen } from './screen.js'
import { printSelected, recordPrinted } from './select.js'
import { type LogSession, noLogs } from './session.js'
import { createTailWatch, watchLogFiles } from './tail-watch.js'
import { createTeller, tellPruned } from './tell.js'

export const command = defineTextCommand({
  examples: ['tail --min-level info', 'tail -n 50 --thread-id last'],
  flags: {
    backfill: parsedFlag(
      '<count>',
      'rows to show first: a number or "all" (default: 20 on a terminal, with --no-follow what fills it; else 200)',
      parseBackfill,
      {
        short: 'n',
        alias: 'lines',
        completes: { kind: 'words', words: ['all', '0', '50', '200', '1000'] },
      },
    ),
    pollMs: parsedFlag(
      '<ms>',
      'look at least this often (where the system reports changes they are seen at once)',
      parsePositive,
      { initial: 500 },
    ),
    follow: {
      ...eitherFlag('keep printing new rows (the default)', 'end after the first rows', { short: 'f' }),
      initial: true,
    },
    ...LOGS_FLAGS,
  },
  tables: ['logs'],
  jsonForms: [LOG_JSON],
  run: ({ io }, flags) => runTail(flags, io),
})

function parseBackfill(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new StateError('USAGE', 'It must be a whole number, 0 or more, or "all"')
}

interface TailFlags extends LogsFlags {
  backfill: number | undefined
  pollMs: number
  follow: boolean | undefined
}

/** @returns the exit code */
export async function runTail(flags: TailFlags, io: Io): Promise<number> {
  if (flags.fields === true) {
    await listFields(io)
    return 0
  }
  const follows = flags.follow !== false
  const signal = io.interruption()
  const { session, cursor, readings, newest } = await openReadings(flags, io)
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

const TERMINAL_BACKFILL = 20
const PIPE_BACKFILL = 200

/** As many as a person can look at; in a pipe as many as Codex's own client shows. */
function defaultBackfill({ stdout }: Io): number {
  return stdout.isTerminal ? TERMINAL_BACKFILL : PIPE_BACKFILL
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
  const watch = createTailWatch({ home: session.home, filter, threads }, io)
  const events = followLogs({
    list: () => session.list(),
    open: (files) => session.open(files),
    start,
    startIn: cursor.placeIn,
    filter,
    readEarlier: (store, throughId) => watch.readEarlier(store, throughId),
    changes: watch.changes(watchLogFiles(session.home, { pollMs: flags.pollMs, signal })),
    now: monotonicMs,
    signal,
    relocateMs: Math.max(RELOCATE_POLLS * flags.pollMs, SHORTEST_RELOCATE_MS),
    // A database that is named is read whatever else there is.
    filesBefore: (path) => (session.home.rule === '--db' ? '' : describeFilesBefore(path, session.list())),
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

/** Checking for a newer database costs more than polling, so it runs less often. */
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
