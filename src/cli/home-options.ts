import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { StateError } from '../errors.js'
import { type DatabaseFile, listDatabases, parseDatabaseFilename } from '../schema/files.js'
import { type HomeRule, resolveHome } from '../schema/home.js'
import type { HomeFlags } from './home-flags.js'
import type { Io } from './io.js'

/** Where to look, and which databases lie there. */
export interface Home {
  /** `undefined` when `--db` named a file. */
  codexHome: string | undefined
  sqliteHome: string
  rule: HomeRule | '--db'
  /** By role, newest generation first; with `--db`, that very file alone. */
  databases: DatabaseFile[]
}

/** @throws {StateError} `DB_NOT_FOUND` when `--db` names nothing */
export function resolveHomeOptions(flags: HomeFlags, io: Io): Home {
  if (flags.db !== undefined) {
    const path = resolve(io.workingFolder, flags.db)
    if (!existsSync(path)) {
      throw new StateError('DB_NOT_FOUND', `no database at ${path}`, {
        hint: 'Check the path given to --db.',
      })
    }
    return { codexHome: undefined, sqliteHome: dirname(path), rule: '--db', databases: [databaseAt(path)] }
  }
  const home = resolveHome({
    typedHome: flags.codexHome,
    env: io.env,
    userHome: io.userHome,
    workingFolder: io.workingFolder,
  })
  if (home.warning) io.stderr.write(`warning: ${home.warning}\n`)
  return {
    codexHome: home.codexHome,
    sqliteHome: home.sqliteHome,
    rule: home.rule,
    databases: listDatabases(home.sqliteHome),
  }
}

/** A file with a name of Codex's keeps its role; under another name it may hold anything. */
function databaseAt(path: string): DatabaseFile {
  const listed = listDatabases(dirname(path)).find((file) => file.path === path)
  const parsed = parseDatabaseFilename(basename(path))
  return listed ?? { path, role: parsed?.role ?? 'state', generation: parsed?.generation ?? 0, age: 'known' }
}
