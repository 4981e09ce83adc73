import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { identityOf } from '../../db/files.js'
import { StateError } from '../../errors.js'
import type { LogStore } from '../../query/logs/store.js'
import { readMigrations } from '../../schema/inspect.js'

/** The last row that was printed, and the database it is a row of: ids begin anew in another one. */
export interface Cursor {
  database: { path: string; created: string }
  id: number
}

/**
 * `undefined` when there is no such file yet.
 *
 * @throws {StateError} `USAGE` when the file holds something else
 */
export function readCursor(path: string): Cursor | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StateError('USAGE', `cannot read the cursor file ${path}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  try {
    const { database, id } = JSON.parse(text) as Cursor
    if (
      typeof database.path === 'string' &&
      typeof database.created === 'string' &&
      Number.isSafeInteger(id)
    ) {
      return { database, id }
    }
  } catch {}
  throw new StateError('USAGE', `${path} is not a cursor file`, { hint: 'Name another file, or remove it.' })
}

/** Replaces the file as a whole: a reader or a crash never meets half a cursor. */
export function writeCursor(path: string, cursor: Cursor): void {
  const aside = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(aside, `${JSON.stringify(cursor)}\n`)
    renameSync(aside, path)
  } catch (error) {
    throw new StateError('USAGE', `cannot write the cursor file ${path}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** What tells this database from another that had or will have its name. */
export function identifyDatabase({ file, connection }: LogStore): Cursor['database'] {
  const created = readMigrations(connection)[0]?.installedOn
  return { path: file.path, created: created ?? `inode ${identityOf(file.path)}` }
}
