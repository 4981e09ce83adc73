import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { StateError } from '../../errors.js'
import { explainFileError, explainWriteError } from '../../model/file-error.js'
import type { DatabaseIdentity, RowMark } from '../../query/logs/place.js'
import { realPath } from '../../query/logs/place.js'

/** The last row that was printed, and the database it is a row of: ids begin anew in another one. */
export interface Cursor {
  /** Files of earlier versions do not name the generation. */
  database: Omit<DatabaseIdentity, 'role' | 'generation'> & Partial<DatabaseIdentity>
  id: bigint
  /** What the row looked like; files of earlier versions do not have it. */
  mark: RowMark | undefined
}

/** As it is written; an id beyond 2^53 as text. */
interface StoredCursor {
  database: Cursor['database']
  id: number | string
  row?: { ts: number; ts_nanos: number; hash: string }
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
    throw new StateError('USAGE', `cannot read the cursor file ${path}: ${explainFileError(error)}`, {
      cause: error,
    })
  }
  try {
    const { database, id: stored, row } = JSON.parse(text) as StoredCursor
    const isId = Number.isSafeInteger(stored) || (typeof stored === 'string' && /^-?\d{1,19}$/.test(stored))
    if (typeof database.path === 'string' && typeof database.created === 'string' && isId) {
      const id = BigInt(stored)
      const mark = row && { id, seconds: row.ts, nanos: row.ts_nanos, hash: row.hash }
      return { database, id, mark }
    }
  } catch {}
  throw new StateError('USAGE', `${path} is not a cursor file`, { hint: 'Name another file, or remove it.' })
}

/** Replaces the file as a whole: a reader or a crash never meets half a cursor. */
export function writeCursor(path: string, { database, id, mark }: Cursor): void {
  const stored: StoredCursor = {
    database,
    id: id >= Number.MIN_SAFE_INTEGER && id <= Number.MAX_SAFE_INTEGER ? Number(id) : String(id),
    ...(mark && { row: { ts: mark.seconds, ts_nanos: mark.nanos, hash: mark.hash } }),
  }
  // Not under a name that somebody could have taken before, and never through a link there.
  const aside = `${realPath(path)}.${globalThis.crypto.randomUUID()}.tmp`
  try {
    writeFileSync(aside, `${JSON.stringify(stored)}\n`, { flag: 'wx', mode: modeOf(path) })
    renameSync(aside, realPath(path))
  } catch (error) {
    rmSync(aside, { force: true })
    throw new StateError('USAGE', `cannot write the cursor file ${path}: ${explainWriteError(error)}`, {
      cause: error,
    })
  }
}

function modeOf(path: string): number {
  const stat = lstatSync(realPath(path), { throwIfNoEntry: false })
  return stat ? stat.mode & 0o777 : 0o666
}
