import { StateError } from '../../errors.js'
import { type OpenTable, openTable } from '../../query/databases.js'
import { readSessionNames } from '../../query/session-names.js'
import { describeThreadTable, type ThreadTable } from '../../query/thread-list.js'
import type { TABLE_HOMES } from '../../schema/files.js'
import { type Home, type HomeFlags, resolveHomeOptions } from '../home-options.js'
import type { Io } from '../io.js'
import type { CommandContext } from '../main.js'

/** What every command of `codex-state` works with. */
export interface Session {
  readonly io: Io
  readonly home: Home
  /** Holds `sessions/`, `archived_sessions/`, `config.toml`; with `--db` alone the folder of that file. */
  readonly codexHome: string
  readonly nowMs: number
  /** One line on stderr; after `MAX_NOTICES` they are only counted. */
  notice(text: string): void
  /** Bad news, told by the exit code. */
  fail(exitCode: number): void
  /** @throws {StateError} `DB_NOT_FOUND` when no database has the table */
  open(table: keyof typeof TABLE_HOMES): OpenTable
  tryOpen(table: keyof typeof TABLE_HOMES): OpenTable | undefined
  openThreads(): ThreadTable
  names(): ReadonlyMap<string, string>
}

const MAX_NOTICES = 20

/** Runs a command's work and closes every database that it opened. */
export async function withSession(
  context: CommandContext,
  flags: HomeFlags,
  work: (session: Session) => Promise<void> | void,
): Promise<void> {
  const { io } = context
  const home = resolveHomeOptions(flags, io)
  const codexHome =
    home.codexHome ??
    (flags.codexHome === undefined
      ? home.sqliteHome
      : (resolveHomeOptions({ codexHome: flags.codexHome }, io).codexHome ?? home.sqliteHome))
  const opened: OpenTable[] = []
  let names: ReadonlyMap<string, string> | undefined
  const notices = new Set<string>()
  let hiddenNotices = 0

  function notice(text: string): void {
    if (notices.has(text)) return
    if (notices.size >= MAX_NOTICES) {
      hiddenNotices += 1
      return
    }
    notices.add(text)
    io.stderr.write(`codex-state: ${text}\n`)
  }

  function tryOpen(table: keyof typeof TABLE_HOMES): OpenTable | undefined {
    const found = openTable(home.databases, table, { onNotice: notice })
    if (found) opened.push(found)
    return found
  }

  function open(table: keyof typeof TABLE_HOMES): OpenTable {
    const found = tryOpen(table)
    if (found) return found
    throw new StateError(
      'DB_NOT_FOUND',
      flags.db !== undefined
        ? `${home.databases[0]?.path} has no table ${table}`
        : home.databases.length === 0
          ? `no Codex database in ${home.sqliteHome}`
          : `no database in ${home.sqliteHome} has a table ${table}`,
      { hint: `'codex-state where' shows where was looked; --codex-home or --db name another place.` },
    )
  }

  const session: Session = {
    io,
    home,
    codexHome,
    nowMs: io.now(),
    notice,
    fail(exitCode) {
      context.exitCode = exitCode
    },
    open,
    tryOpen,
    openThreads: () => describeThreadTable(open('threads')),
    names() {
      names ??= readSessionNames(codexHome)
      return names
    },
  }
  try {
    await work(session)
  } finally {
    for (const table of opened) table.connection.close()
    if (hiddenNotices > 0) io.stderr.write(`codex-state: and ${hiddenNotices} more notices like these\n`)
  }
}
