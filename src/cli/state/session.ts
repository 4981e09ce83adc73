import type { ReadConnection } from '../../db/connection.js'
import { StateError } from '../../errors.js'
import { formatPlural } from '../../format/quantity.js'
import { describeMemories, type Memories } from '../../inspect/open-memories.js'
import type { ThreadRow } from '../../model/thread.js'
import { type OpenTable, openTable } from '../../query/databases.js'
import { readSessionNames } from '../../query/session-names.js'
import { countStoredRows } from '../../query/stored-rows.js'
import { hasMoreThreads } from '../../query/threads/find.js'
import {
  describeMissingColumns,
  describeThreadTable,
  describeUnknownEdges,
  type ThreadTable,
} from '../../query/threads/table.js'
import { type DatabaseFile, nameOfTable, type TableName } from '../../schema/files.js'
import type { CommandContext } from '../command.js'
import type { HomeFlags } from '../home-flags.js'
import { type Home, noDatabase, resolveHomeOptions } from '../home-options.js'
import type { Io } from '../io.js'
import { EXIT_FAILED } from '../main.js'

/** What a command that reads a home works with. */
export interface Session {
  readonly io: Io
  readonly home: Home
  /** Holds `sessions/`, `archived_sessions/`, `config.toml`; with only `--db` the folder of that file. */
  readonly codexHome: string
  readonly nowMs: number
  /** One line on stderr; after `MAX_NOTICES` they are only counted. */
  notice(text: string): void
  /** Bad news, or an answer that is no: the exit code is 1, or the greatest that was given. */
  fail(exitCode?: number): void
  hasFailed(): boolean
  /** 0 where nothing failed. */
  exitCode(): number
  /** @throws {StateError} `DB_NOT_FOUND` when no database has the table */
  open(table: TableName): OpenTable
  tryOpen(table: TableName): OpenTable | undefined
  /** Closes a connection when the command ends. */
  keep<Connection extends ReadConnection>(connection: Connection): Connection
  openThreads(): ThreadTable
  tryOpenThreads(): ThreadTable | undefined
  names(): ReadonlyMap<string, string>
  /** Whether `names` has all that users gave. */
  areNamesWhole(): boolean
  /** What its user called a thread. */
  nameOf(thread: ThreadRow): string | null
  memories(): Memories
}

const WHERE_HINT = `'codex-state where' lists the databases of this home; name another one with --codex-home or --db.`

const MAX_NOTICES = 20

/** Runs a command's work and closes every database that it opened. */
export async function withSession<Result>(
  { io }: CommandContext,
  flags: HomeFlags,
  work: (session: Session) => Promise<Result> | Result,
): Promise<Result> {
  const home = resolveHomeOptions(flags, io)
  const codexHome =
    home.codexHome ??
    (flags.codexHome === undefined
      ? home.sqliteHome
      : (resolveHomeOptions({ codexHome: flags.codexHome }, io).codexHome ?? home.sqliteHome))
  const kept: ReadConnection[] = []
  let threads: ThreadTable | undefined
  let names: ReadonlyMap<string, string> | undefined
  let areNamesWhole = true
  const notices = new Set<string>()
  let hiddenNotices = 0
  let exitCode = 0

  function notice(text: string): void {
    if (notices.has(text)) return
    if (notices.size >= MAX_NOTICES) {
      hiddenNotices += 1
      return
    }
    notices.add(text)
    io.notice(text)
  }

  function tryOpen(table: TableName, files: readonly DatabaseFile[] = home.databases): OpenTable | undefined {
    const found = openTable(table === 'threads' || table === 'logs' ? files : withoutRetired(files), table, {
      onNotice: notice,
    })
    if (found) kept.push(found.connection)
    if (found?.file.age === 'newer') {
      notice(`${found.file.path} is of a newer layout than this version knows; it is read by its columns`)
    }
    return found
  }

  /** An older state database is no longer written to: what it has beside threads says nothing of today. */
  function withoutRetired(files: readonly DatabaseFile[]): readonly DatabaseFile[] {
    if (files.filter(({ role }) => role === 'state').length < 2) return files
    const path = session.tryOpenThreads()?.connection.path
    return path === undefined ? files : files.filter((file) => file.role !== 'state' || file.path === path)
  }

  function open(table: TableName): OpenTable {
    const found = tryOpen(table)
    if (found) return found
    if (home.databases.length === 0) throw noDatabase(home)
    throw new StateError(
      'DB_NOT_FOUND',
      flags.db !== undefined
        ? `${home.databases[0]?.path} has no table ${nameOfTable(table)}`
        : `no database in ${home.sqliteHome} has a table ${nameOfTable(table)}`,
      { hint: WHERE_HINT },
    )
  }

  function describe({ connection, columns, file }: OpenTable): ThreadTable {
    const table = describeThreadTable(connection, columns)
    for (const text of [describeMissingColumns(table, columns), describeUnknownEdges(table)])
      if (text !== undefined) notice(text)
    const others = home.databases.filter(({ role, path }) => role === 'state' && path !== file.path)
    const [newest] = others
    if (newest && newest.generation > file.generation) {
      notice(`${newest.path} has no table threads, so ${file.path} is read`)
    }
    if (!hasMoreThreads(table, 0)) tellOlderThreads(file, others)
    return table
  }

  /** A new database that is not filled yet, or was emptied, beside the one that has the threads. */
  function tellOlderThreads(file: DatabaseFile, others: readonly DatabaseFile[]): void {
    try {
      const older = openTable(others, 'threads', { onNotice: notice })
      if (!older) return
      const count = countStoredRows(older.connection, 'threads')
      older.connection.close()
      if (count === 0) return
      const threads = formatPlural(count, 'thread')
      notice(`${file.path} holds no thread; ${older.file.path} holds ${threads}: --db shows them`)
    } catch (error) {
      // It is not the one that was asked about.
      if (!(error instanceof StateError)) throw error
    }
  }

  for (const text of home.notices) notice(text)
  const session: Session = {
    io,
    home,
    codexHome,
    nowMs: io.now(),
    notice,
    fail(code = EXIT_FAILED) {
      exitCode = Math.max(exitCode, code)
    },
    hasFailed: () => exitCode > 0,
    exitCode: () => exitCode,
    open,
    tryOpen,
    keep(connection) {
      kept.push(connection)
      return connection
    },
    openThreads() {
      threads ??= describe(open('threads'))
      return threads
    },
    tryOpenThreads() {
      const found = threads ? undefined : tryOpen('threads')
      threads ??= found && describe(found)
      return threads
    },
    names() {
      names ??= readSessionNames(codexHome, (text) => {
        areNamesWhole = false
        notice(text)
      })
      return names
    },
    areNamesWhole() {
      session.names()
      return areNamesWhole
    },
    nameOf: (thread) => thread.name ?? session.names().get(thread.id) ?? null,
    memories() {
      return describeMemories({
        codexHome,
        databases: home.databases,
        threads: session.tryOpenThreads(),
        nowMs: session.nowMs,
        open: tryOpen,
        onNotice: notice,
      })
    },
  }
  try {
    return await work(session)
  } finally {
    for (const connection of kept) connection.close()
    if (hiddenNotices > 0)
      io.notice(`and ${hiddenNotices} more notice${hiddenNotices === 1 ? '' : 's'} like these`)
  }
}

/**
 * The databases of the home.
 *
 * @throws {StateError} `DB_NOT_FOUND` when there is none
 */
export function requireDatabases({ home }: Session): readonly DatabaseFile[] {
  if (home.databases.length > 0) return home.databases
  throw noDatabase(home)
}
