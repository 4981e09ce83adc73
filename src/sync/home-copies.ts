import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { openReadWrite, type WriteConnection } from '../db/open.js'
import { StateError } from '../errors.js'

/** Beside the databases; Codex keeps what it saved of damaged ones there and removes nothing from it. */
const FOLDER = 'db-backups'

const COPY_NAME = /^codex-state-\d{8}T\d{6}\.\d{3}Z$/

/**
 * Makes a consistent copy of a database that is open, and gives its path:
 * `db-backups/codex-state-<time>/<its name>` beside it.
 *
 * @param suffix marks a copy that is not one to go back to by itself
 */
export async function copyDatabase(state: WriteConnection, nowMs: number, suffix = ''): Promise<string> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]/g, '')
  const folder = join(dirname(state.path), FOLDER, `codex-state-${time}${suffix}`)
  const path = join(folder, basename(state.path))
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new StateError('DB_READONLY', `cannot create the folder ${folder}`, { cause: error })
  }
  await state.backup(path)
  return path
}

/** The newest copy of this database that was not put back yet. */
export function findCopy(databasePath: string): string | undefined {
  const parent = join(dirname(databasePath), FOLDER)
  if (!existsSync(parent)) return undefined
  return readdirSync(parent)
    .filter((name) => COPY_NAME.test(name))
    .sort()
    .reverse()
    .map((name) => join(parent, name, basename(databasePath)))
    .find((path) => existsSync(path))
}

export interface PutBack {
  /** The copy, at the name that it has now. */
  copyPath: string
  /** What the database was before. */
  savedPath: string
}

/** Makes the database again what the copy is, after a copy of what it is now. */
export async function putBack(databasePath: string, copyPath: string, nowMs: number): Promise<PutBack> {
  const current = openReadWrite(databasePath)
  let savedPath: string
  try {
    savedPath = await copyDatabase(current, nowMs, '-before-undo')
  } finally {
    current.close()
  }
  const copy = openReadWrite(copyPath)
  try {
    await copy.backup(databasePath)
  } finally {
    copy.close()
  }
  // A second undo is not to find it: it would take away what was written since.
  const usedFolder = `${dirname(copyPath)}-undone`
  renameSync(dirname(copyPath), usedFolder)
  return { copyPath: join(usedFolder, basename(copyPath)), savedPath }
}
