import { statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { StateError } from '../errors.js'
import { explainFileError, isMissing } from '../model/file-error.js'
import { isSamePath } from '../model/paths.js'
import { hasRolloutFolder } from '../rollout/roots.js'
import { type DatabaseFile, DESKTOP_FOLDER, describeDatabase, listDatabases } from '../schema/files.js'
import { type HomeRule, resolveHome } from '../schema/home.js'
import type { HomeFlags } from './home-flags.js'
import type { Io } from './io.js'

/** Where to look, and which databases lie there. */
export interface Home {
  /** `undefined` when `--db` named a file. */
  codexHome: string | undefined
  sqliteHome: string
  rule: HomeRule | '--db'
  /** By role, newest generation first; with `--db`, only that file. */
  databases: DatabaseFile[]
  /**
   * Databases in the other places of the home, that of the Desktop app (`sqlite/`) and the home itself: no rule
   * leads there, so Codex does not read them.
   */
  elsewhere: DatabaseFile[]
  /** What to say of the place before anything is read, a line each. */
  notices: string[]
}

/** @throws {StateError} `DB_NOT_FOUND` when `--db` names nothing; `DB_UNREADABLE` for what may not be looked at */
export function resolveHomeOptions(flags: HomeFlags, io: Io): Home {
  if (flags.db !== undefined) {
    const path = resolve(io.workingFolder, flags.db)
    requireFile(path)
    const databases = [databaseAt(path)]
    const sqliteHome = dirname(path)
    return { codexHome: undefined, sqliteHome, rule: '--db', databases, elsewhere: [], notices: [] }
  }
  const { codexHome, sqliteHome, rule, notice } = resolveHome({
    typedHome: flags.codexHome,
    env: io.env,
    userHome: io.userHome,
    workingFolder: io.workingFolder,
  })
  const databases = listDatabases(sqliteHome)
  const elsewhere = [codexHome, join(codexHome, DESKTOP_FOLDER)]
    .filter((folder) => !isSamePath(folder, sqliteHome))
    .flatMap(tryListDatabases)
  const notices = [notice, rule === 'sqlite_home' ? undefined : describeNewer(databases, elsewhere)]
  return {
    codexHome,
    sqliteHome,
    rule,
    databases,
    elsewhere,
    notices: notices.filter((text) => text !== undefined),
  }
}

/** Nothing is asked of these places: one that cannot be looked into does not matter. */
function tryListDatabases(folder: string): DatabaseFile[] {
  try {
    return listDatabases(folder)
  } catch (error) {
    if (error instanceof StateError) return []
    throw error
  }
}

/** That a state database elsewhere was written to after the one that is read. */
function describeNewer(
  databases: readonly DatabaseFile[],
  elsewhere: readonly DatabaseFile[],
): string | undefined {
  const isState = ({ role }: DatabaseFile) => role === 'state'
  const other = elsewhere.find(isState)
  const used = databases.find(isState)
  if (!other || !used || lastWriteMs(other.path) <= lastWriteMs(used.path)) return undefined
  return `${other.path} was written to after ${used.path}, which is read: the Codex that wrote it keeps its databases there`
}

/** When a database or its write-ahead log was written to, Unix milliseconds; 0 where that cannot be seen. */
export function lastWriteMs(path: string): number {
  const times = [path, `${path}-wal`].map((name) => {
    try {
      const { mtimeMs, size } = statSync(name)
      return size > 0 || name === path ? mtimeMs : 0
    } catch {
      return 0
    }
  })
  return Math.max(...times)
}

function requireFile(path: string): void {
  try {
    statSync(path)
  } catch (error) {
    if (isMissing(error)) {
      throw new StateError('DB_NOT_FOUND', `no database at ${path}`, {
        hint: 'Check the path given to --db.',
      })
    }
    throw new StateError('DB_UNREADABLE', `cannot read ${path}: ${explainFileError(error)}`, { cause: error })
  }
}

/** A file with a name of Codex's keeps its role; under another name it may hold anything. */
function databaseAt(path: string): DatabaseFile {
  const found = describeDatabase(path)
  if (found && found.role !== 'unknown') return found
  return { path, role: 'state', generation: found?.generation ?? 0, age: 'known' }
}

/** What to do where there is no database at all. */
const PLACE_HINT = 'Pass --codex-home or --db, or set CODEX_HOME.'

/** What can be done where only the databases are gone. */
const ROLLOUTS_HINT = `Its rollouts are there: 'codex-state search', 'tokens' and 'threads read' read them, and 'codex-state backfill run --into DIR' makes a database of them.`

/** That no database is where it was looked for, and where there are some. */
export function noDatabase({ codexHome, sqliteHome, rule, elsewhere }: Home): StateError {
  const isThere = statSync(sqliteHome, { throwIfNoEntry: false }) !== undefined
  const place = `${sqliteHome} (found by ${rule})`
  const [other] = elsewhere
  const names = elsewhere.map(({ path }) => basename(path)).join(', ')
  return new StateError(
    'DB_NOT_FOUND',
    isThere ? `no Codex database in ${place}` : `no Codex database in ${place}: there is no such folder`,
    {
      hint: other
        ? `There are databases in ${dirname(other.path)}: ${names}. Name one with --db, or set sqlite_home in config.toml.`
        : codexHome !== undefined && hasRolloutFolder(codexHome)
          ? ROLLOUTS_HINT
          : PLACE_HINT,
    },
  )
}
