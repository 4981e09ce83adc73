import { realpathSync } from 'node:fs'
import { identityOf } from '../../db/files.js'
import type { FileRole } from '../../schema/files.js'
import { readMigrations } from '../../schema/inspect.js'
import { LOWEST_ID } from './batches.js'
import { qualified } from './rows.js'
import { exactSql, fromExact, keySql, type LogSource, type LogStore, readHighestId } from './store.js'

/** What tells a database from another that had or will have its name. */
export interface DatabaseIdentity {
  /** Without links. */
  path: string
  /** When its first migration was applied, or what the file system says of the file. */
  created: string
  role: FileRole
  generation: number
}

/** What a row looked like, so that another row under its id is told from it. */
export interface RowMark {
  id: bigint
  /** Its time, Unix, UTC. */
  seconds: number
  nanos: number
  /** Of its texts. */
  hash: string
}

/** How far a database was read. */
export interface Place {
  /** Every row up to this one was seen, or is gone. */
  afterId: bigint
  /** Rows that were seen: all of them from the first of these to `afterId`, in the order of their ids. */
  marks: readonly RowMark[]
}

/** The place of who has seen nothing. */
export const START: Place = { afterId: LOWEST_ID - 1n, marks: [] }

/** What became of a place since it was reached. */
export type PlaceCheck =
  /** The table goes on after it; `marks` are those that are still there. */
  | { kind: 'same'; place: Place }
  /** Rows that were seen are gone and their ids were given again; what comes after this place is new. */
  | { kind: 'reused'; place: Place }
  /** None of the rows that were seen can be found: ids began anew, or these are the rows of another database. */
  | { kind: 'anew' }

/** More rows are not remembered. */
const MOST_MARKS = 256

export function identifyDatabase({ file, connection }: LogStore): DatabaseIdentity {
  const { path, role, generation } = file
  const created = readMigrations(connection)[0]?.installedOn || `inode ${identityOf(path)}`
  return { path: realPath(path), created, role, generation }
}

/** The path without links; as it is where there is no such file. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The last rows within bounds, in the order of their ids. */
export function readMarks(source: LogSource, low: bigint, high: bigint, limit = MOST_MARKS): RowMark[] {
  const key = keySql(source)
  const rows = source.connection.all<Record<string, string | number | null>>(
    `SELECT ${exactSql(key)} AS found, ${MARK_SQL.map((sql, at) => `${sql(source)} AS value${at}`).join(', ')}
     FROM logs NOT INDEXED WHERE ${key} BETWEEN ? AND ? ORDER BY ${key} DESC LIMIT ?`,
    low,
    high,
    limit,
  )
  return rows
    .map((row) => ({
      id: BigInt(fromExact(row.found as number | string)),
      seconds: Number(row.value0),
      nanos: Number(row.value1),
      hash: hashOf(MARK_SQL.map((_, at) => String(row[`value${at}`])).join('\0')),
    }))
    .reverse()
}

/** A long body is not read as a whole. */
const MARK_SQL: readonly ((source: LogSource) => string)[] = [
  (source) => `CAST(${qualified(source, 'tsSeconds')} AS INTEGER)`,
  (source) => `CAST(${qualified(source, 'tsNanos')} AS INTEGER)`,
  (source) => `CAST(${qualified(source, 'level')} AS TEXT)`,
  (source) => `CAST(${qualified(source, 'target')} AS TEXT)`,
  (source) => `octet_length(${qualified(source, 'body')})`,
  (source) => {
    const body = qualified(source, 'body')
    return `iif(octet_length(${body}) > 1000000, '', CAST(substr(${body}, 1, 200) AS TEXT))`
  },
]

/** Two halves of 32 bits (FNV-1a with two bases): not against forgery, only against chance. */
function hashOf(text: string): string {
  let a = 0x811c9dc5
  let b = 0x1000193
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ code, 0x85ebca6b)
    b ^= b >>> 13
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
}

/** The place after more rows: through `throughId`, and `marks` are the last ones that were read on the way. */
export function advance(place: Place, throughId: bigint, marks: readonly RowMark[]): Place {
  const isWhole = marks.length < MOST_MARKS
  const all = isWhole ? [...place.marks, ...marks].slice(-MOST_MARKS) : marks
  return { afterId: throughId, marks: all }
}

/** Whether the table still has what was seen of it. To be called within one snapshot. */
export function checkPlace(source: LogSource, place: Place): PlaceCheck {
  const { afterId, marks } = place
  if (afterId < LOWEST_ID) return { kind: 'same', place }
  const isShorter = readHighestId(source) < afterId
  const newest = marks.at(-1)
  const oldest = marks[0]
  if (!newest || !oldest) return isShorter ? { kind: 'anew' } : { kind: 'same', place }
  if (!isShorter && isThere(source, newest)) return { kind: 'same', place }
  const known = new Map(marks.map(({ id, hash }) => [id, hash]))
  const now = readMarks(source, oldest.id, afterId, MOST_MARKS + 1)
  const firstStrange = now.findIndex(({ id, hash }) => known.get(id) !== hash)
  const kept = firstStrange === -1 ? now : now.slice(0, firstStrange)
  const last = kept.at(-1)
  if (firstStrange === -1 && !isShorter) {
    if (last) return { kind: 'same', place: { afterId, marks: kept } }
    // Deleted, as Codex does all the time, or another table.
    return hasYoungerBefore(source, newest)
      ? { kind: 'anew' }
      : { kind: 'same', place: { afterId, marks: [] } }
  }
  return last ? { kind: 'reused', place: { afterId: last.id, marks: kept } } : { kind: 'anew' }
}

function isThere(source: LogSource, { id, hash }: RowMark): boolean {
  return readMarks(source, id, id, 1)[0]?.hash === hash
}

/** Rows reach the file up to ten seconds late, from clocks that were set in between. */
const YOUNGER_SECONDS = 300

/** Whether a row with a lower id is so much younger that it cannot have been written before. */
function hasYoungerBefore(source: LogSource, { id, seconds }: RowMark): boolean {
  const row = source.connection.get(
    `SELECT 1 FROM logs NOT INDEXED WHERE ${keySql(source)} < ? AND ${qualified(source, 'tsSeconds')} > ? LIMIT 1`,
    id,
    seconds + YOUNGER_SECONDS,
  )
  return row !== undefined
}

/**
 * How many rows are not newer than the last one that was seen: they may have been seen before. All, where nothing is
 * remembered of it.
 */
export function countNotNewer(source: LogSource, { afterId, marks }: Place): number {
  if (afterId < LOWEST_ID) return 0
  const newest = marks.at(-1)
  if (!newest) return source.connection.get<{ n: number }>('SELECT count(*) AS n FROM logs')?.n ?? 0
  const [seconds, nanos] = [qualified(source, 'tsSeconds'), qualified(source, 'tsNanos')]
  const row = source.connection.get<{ n: number }>(
    `SELECT count(*) AS n FROM logs WHERE ${seconds} < ? OR (${seconds} = ? AND ${nanos} <= ?)`,
    newest.seconds,
    newest.seconds,
    newest.nanos,
  )
  return row?.n ?? 0
}

/** The place of who looks for what comes from now on. */
export function placeAtEnd(source: LogSource): Place {
  return source.connection.snapshot(() => {
    const afterId = readHighestId(source)
    return { afterId, marks: readMarks(source, LOWEST_ID, afterId) }
  })
}
