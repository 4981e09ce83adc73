import { openReadOnly } from '../../db/open-read.js'
import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import type { LogFilter, LogRow } from '../../model/log.js'
import { LOG_FIELDS } from '../../model/log-records.js'
import { loadFilterFunctions } from '../../query/logs/filter.js'
import { type LogStore, openLogStore, readNewestTime } from '../../query/logs/store.js'
import { candidatesFor, type DatabaseFile } from '../../schema/files.js'
import { listTables } from '../../schema/inspect.js'
import { type Home, noDatabase, resolveHomeOptions } from '../home-options.js'
import type { Io } from '../io.js'
import { resolveFilter } from './filter-flags.js'
import type { LogsFlags } from './flags.js'
import { type Output, resolveOutput } from './output.js'

/** What both commands make of their flags. */
export interface LogSession {
  home: Home
  filter: LogFilter
  output: Output
  /** The files that may hold the logs now, the one to be read first. */
  list(): DatabaseFile[]
  /** Opens the first of them that holds logs. */
  open(files: readonly DatabaseFile[]): LogStore | undefined
}

export async function openLogSession(flags: LogsFlags, io: Io): Promise<LogSession> {
  const filter = await resolveFilter(flags, io)
  const functions = await loadFilterFunctions(filter)
  const output = await resolveOutput(flags, filter, io)
  const home = resolveHomeOptions(flags, io)
  let isFirst = true
  const told = new Set<string>()
  const noticeOnce = (text: string) => {
    if (!told.has(text)) io.notice(text)
    told.add(text)
  }
  for (const text of home.notices) noticeOnce(text)
  return {
    home,
    filter,
    output,
    list() {
      // The first time as found just now; later the folder is looked at again.
      const { databases } = isFirst ? home : resolveHomeOptions(flags, io)
      isFirst = false
      return candidatesFor('logs', databases)
    },
    open(files) {
      const store = openLogStore(files, { onNotice: noticeOnce, functions })
      if (store) for (const text of describeOddities(store, { files, filter })) noticeOnce(text)
      return store
    },
  }
}

interface Wanted {
  /** Where the logs were looked for: they are read in the first of them that has any. */
  files: readonly DatabaseFile[]
  filter: LogFilter
}

/** What is not as in the layouts that are known here, or not as it is asked for. */
export function* describeOddities(store: LogStore, { files, filter }: Wanted): Generator<string> {
  const { file, columns, missing, unknownColumns } = store
  if (file.age === 'newer') {
    yield `${file.path} is of a newer layout than this version knows; it is read by its columns`
  }
  if (missing.length > 0) {
    const unknown = unknownColumns.map(cleanLine).join(', ')
    const instead = unknown && `; it has columns that are not known here, which --json prints: ${unknown}`
    yield `${file.path} has no column known for: ${missing.map(fieldOf).join(', ')}${instead}`
  }
  const candidates = candidatesFor('logs', files)
  const at = candidates.findIndex(({ path }) => path === file.path)
  for (const { path, role } of candidates.slice(0, Math.max(at, 0))) {
    if (role !== 'logs' || !tryRead(() => hasOtherTables(path))) continue
    yield `${path} has tables, but none of logs that is known here; the logs are read from ${file.path}`
  }
  const { threadIds = [], processes = [], where = [] } = filter
  const asksFor = (name: string) => where.some((one) => one.field === name && one.operator !== '!=')
  if (columns.threadId === undefined && (threadIds.length > 0 || asksFor('thread_id'))) {
    yield `the rows of ${file.path} do not name their thread: none is found by it`
  }
  if (columns.processUuid === undefined && (processes.length > 0 || asksFor('process_uuid'))) {
    yield `the rows of ${file.path} do not name their process: none is found by it`
  }
  const newest = tryRead(() => readNewestTime(store))
  if (newest === 'no row') {
    const older = at < 0 ? undefined : candidates.slice(at + 1).find((one) => tryRead(() => hasRows(one)))
    if (older) yield `${file.path} holds no row; ${older.path} holds older ones: --db reads them`
  } else if (newest?.isTime === false) {
    yield `${file.path}: the time of the newest row, ${cleanLine(newest.text)}, is not in seconds; times, --since and --until cannot be relied on`
  }
}

function hasRows(file: DatabaseFile): boolean {
  const store = openLogStore([file])
  try {
    return store !== undefined && readNewestTime(store) !== 'no row'
  } finally {
    store?.connection.close()
  }
}

/** Codex makes the one of its migrations first: a database that has no other is being made. */
function hasOtherTables(path: string): boolean {
  const connection = openReadOnly(path)
  try {
    return listTables(connection).some((name) => name !== '_sqlx_migrations')
  } finally {
    connection.close()
  }
}

/** What is wrong with a database is said by whoever reads it. */
function tryRead<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return undefined
  }
}

function fieldOf(property: keyof LogRow): string {
  const fields = Object.entries(LOG_FIELDS).filter(([, field]) => field.property === property)
  return fields.find(([, { kind }]) => kind !== 'time')?.[0] ?? property
}

export function noLogs(home: Home): StateError {
  if (home.databases.length === 0) return noDatabase(home)
  const where = home.rule === '--db' ? home.databases[0]!.path : `the databases of ${home.sqliteHome}`
  return new StateError('DB_NO_TABLE', `no table of logs in ${where}`, { hint: 'See codex-logs where.' })
}
