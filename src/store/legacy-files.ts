import { existsSync, mkdirSync, readdirSync, renameSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { parseDatabaseFilename } from '../schema/files.js'
import { listTables, readMigrations } from '../schema/inspect.js'
import { KNOWN_MIGRATIONS } from '../schema/known-migrations.js'
import { LOG_TABLE } from '../schema/logs.js'
import { THREAD_TABLE } from '../schema/threads.js'

/** Beside the databases; Codex keeps what it saved of damaged ones there and removes nothing from it. */
export const BACKUPS_FOLDER = 'db-backups'

const SIDE_FILES = ['-wal', '-shm', '-journal'] as const

/**
 * Takes the state databases that generation `current` replaced away from the folder itself: regular files named
 * `state.sqlite` or `state_<number>.sqlite` with a lower number, and their `-wal`, `-shm` and `-journal`.
 *
 * A name proves nothing: only what opens as a sound state database of Codex's is removed. Everything else (another
 * program's database, a text, a damaged file) is moved to `db-backups/`. Each file is reported.
 *
 * Codex to 0.130 removed every other number, higher ones as well. A higher one is what a newer program works
 * with, so here it stays: a deliberate difference.
 *
 * A file that can be neither removed nor moved is reported and left.
 */
export function retireLegacyStateFiles(
  folder: string,
  current: number,
  onWarning: (message: string) => void,
): void {
  let names: string[]
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && isLegacyStateFile(entry.name, current))
      .map(({ name }) => name)
  } catch (error) {
    onWarning(`cannot look for older state databases in ${folder}: ${(error as Error).message}`)
    return
  }
  // A main file goes before what lies beside it: what is left over after a kill is then no database.
  for (const main of new Set(names.map(withoutSuffix))) {
    const files = ['', ...SIDE_FILES].map((suffix) => main + suffix).filter((name) => names.includes(name))
    const path = join(folder, main)
    const verdict: Verdict = names.includes(main)
      ? judge(path)
      : { isReplaced: false, reason: 'no database is beside it' }
    try {
      if (verdict.isReplaced) {
        for (const name of files) unlinkSync(join(folder, name))
        onWarning(`removed the older state database ${path}${verdict.loss}`)
      } else {
        const target = moveAside(folder, files)
        onWarning(`moved ${join(folder, files[0]!)} to ${target}: ${verdict.reason}`)
      }
    } catch (error) {
      onWarning(`cannot take away the older state database ${path}: ${(error as Error).message}`)
    }
  }
}

type Verdict =
  /** `loss`: what only it had, in words that go on a sentence. */
  { isReplaced: true; loss: string } | { isReplaced: false; reason: string }

/** Whether a file is a state database of Codex's, so that all but its log rows is in the rollouts. */
function judge(path: string): Verdict {
  try {
    const database = openReadOnly(path)
    try {
      const tables = listTables(database)
      const migrations = readMigrations(database)
      const isCodex =
        tables.includes(THREAD_TABLE) &&
        migrations.length > 0 &&
        migrations.every(({ version, description }) => isKnownMigration(version, description))
      if (!isCodex) return { isReplaced: false, reason: 'it is no state database of Codex' }
      const [problem] = database.all<{ quick_check: string }>('PRAGMA quick_check(1)')
      if (problem?.quick_check !== 'ok') return { isReplaced: false, reason: 'it is damaged' }
      const count = tables.includes(LOG_TABLE)
        ? database.get<{ n: number }>(`SELECT count(*) AS n FROM ${LOG_TABLE}`)!.n
        : 0
      const loss =
        count === 0 ? '' : `, and with it the only copy of ${count} log row${count === 1 ? '' : 's'}`
      return { isReplaced: true, loss }
    } finally {
      database.close()
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return { isReplaced: false, reason: error.message }
  }
}

function isKnownMigration(version: number, description: string): boolean {
  return KNOWN_MIGRATIONS.some(
    (known) => known.role === 'state' && known.version === version && known.description === description,
  )
}

/** Gives the folder that they are in now. */
function moveAside(folder: string, names: readonly string[]): string {
  const parent = join(folder, BACKUPS_FOLDER)
  mkdirSync(parent, { recursive: true })
  let target: string
  for (let number = 1; ; number++) {
    target = join(parent, `replaced-${number}`)
    if (!existsSync(target)) break
  }
  mkdirSync(target)
  for (const name of names) renameSync(join(folder, name), join(target, name))
  return target
}

function isLegacyStateFile(name: string, current: number): boolean {
  const parsed = parseDatabaseFilename(withoutSuffix(name))
  return parsed?.role === 'state' && parsed.generation < current
}

function withoutSuffix(name: string): string {
  return name.replace(/-(?:wal|shm|journal)$/, '')
}
