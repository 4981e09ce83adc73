import { StateError } from '../../errors.js'
import type { LogFilter } from '../../model/log.js'
import { type LogStore, openLogStore, readHighestId } from '../../query/logs/store.js'
import type { DatabaseFile } from '../../schema/files.js'
import { defineTextCommand } from '../command.js'
import { eitherFlag, onFlag, parseCount, parsedFlag } from '../flags.js'
import type { Io } from '../io.js'
import { EXIT_FAILED } from '../main.js'
import { LIMIT_FLAGS } from '../state/output-flags.js'
import { LOGS_FLAGS, type LogsFlags } from './flags.js'
import { letSignalsIn, nameThread, openReadings } from './open-readings.js'
import { listFields } from './output.js'
import { layoutOf } from './records.js'
import { COLLAPSED_JSON, LOG_JSON } from './records-schema.js'
import { resolveThreads } from './resolve-threads.js'
import { countMatches, printSelected, type Reading, recordPrinted, selectNewest } from './select.js'
import { type LogSession, noLogs } from './session.js'
import { describeNothing, tellPruned } from './tell.js'

export const command = defineTextCommand({
  examples: [
    'query --since 1h --min-level warn',
    'query --json --where tool=exec_command -n 20',
    "query -g 'timed? out' --compact",
  ],
  flags: {
    lines: parsedFlag('<count>', 'at most this many rows, the newest (default: all)', parseCount, {
      short: 'n',
    }),
    reverse: onFlag('newest first'),
    follow: eitherFlag('keep printing each new row, as tail does', 'end after the rows (the default)', {
      short: 'f',
    }),
    after: parsedFlag(
      '<count>',
      'also this many rows after each match, of its thread (or its process)',
      parseCount,
      {
        short: 'A',
      },
    ),
    before: parsedFlag('<count>', 'also this many rows before each match', parseCount, { short: 'B' }),
    context: parsedFlag('<count>', 'both', parseCount, { short: 'C' }),
    count: onFlag('only how many rows match'),
    collapse: onFlag('rows by kind: count, first, last and one example of each, the most frequent first'),
    exitCode: LIMIT_FLAGS.exitCode,
    ...LOGS_FLAGS,
  },
  tables: ['logs'],
  jsonForms: [LOG_JSON, COLLAPSED_JSON],
  async run(context, flags) {
    if (!flags.follow) {
      const isEmpty = !(await runQuery(flags, context.io))
      return flags.exitCode && isEmpty ? EXIT_FAILED : 0
    }
    if (flags.exitCode) throw new StateError('USAGE', '--follow does not end, so it has no --exit-code')
    if (flags.reverse) throw new StateError('USAGE', '--follow shows new rows last, --reverse first')
    const backfill = flags.lines ?? Number.POSITIVE_INFINITY
    const { runTail } = await import('./tail.js')
    return runTail({ ...flags, backfill, pollMs: POLL_MS }, context.io)
  },
})

const POLL_MS = 500

interface QueryFlags extends LogsFlags {
  lines: number | undefined
  reverse: true | undefined
  after: number | undefined
  before: number | undefined
  context: number | undefined
  count: true | undefined
  collapse: true | undefined
}

/** @returns whether anything matches */
async function runQuery(flags: QueryFlags, io: Io): Promise<boolean> {
  if (flags.fields === true) {
    await listFields(io)
    return true
  }
  const { session, files, cursor, readings, newest } = await openReadings(flags, io)
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
