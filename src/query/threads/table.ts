import { basename } from 'node:path'
import type { ReadConnection } from '../../db/connection.js'
import { StateError } from '../../errors.js'
import { chooseRelease, compareVersions, type Release } from '../../model/releases.js'
import type { ThreadRow } from '../../model/thread.js'
import {
  asTextSql,
  columnSql,
  knownColumns,
  type ResolvedColumns,
  resolveColumns,
} from '../../schema/columns.js'
import { parseDatabaseFilename } from '../../schema/files.js'
import { listTables, readColumnNames, readMigrations } from '../../schema/inspect.js'
import {
  OPTIONAL_TEXTS,
  REQUIRED_PROPERTIES,
  REQUIRED_TEXTS,
  THREAD_COLUMNS,
  THREAD_TABLE,
  toEpochMs,
} from '../../schema/threads.js'

/** A table `threads` that is open, with what was found out about it once. */
export interface ThreadTable {
  readonly connection: ReadConnection
  readonly columns: ResolvedColumns<ThreadRow>
  /** Whether it has the table of who spawned whom, in the form that is known. */
  readonly hasSpawnEdges: boolean
  /** The newest recorded migration, 0 where none is. */
  readonly newestMigration: number
  /** The releases that write to it. */
  readonly release: Release
  /** The newest `cli_version` of the threads that were changed last, where rows have one. */
  readonly newestVersion: string | undefined
}

/**
 * @param stored the names of its columns, where they are known already
 * @throws {StateError} `DB_NO_TABLE` when its rows have no ids
 */
export function describeThreadTable(
  connection: ReadConnection,
  stored = readColumnNames(connection, THREAD_TABLE),
): ThreadTable {
  const columns = resolveColumns(THREAD_COLUMNS, stored)
  if (stored.size > 0 && columns.id === undefined) {
    throw new StateError('DB_NO_TABLE', `the table threads of ${connection.path} has no column id`, {
      hint: UNKNOWN_LAYOUT_HINT,
    })
  }
  const spawnColumns = readColumnNames(connection, 'thread_spawn_edges')
  // Found out when it is asked for: a plain list has no use for it.
  let release: Release | undefined
  let newestMigration: number | undefined
  return {
    connection,
    columns,
    hasSpawnEdges: SPAWN_COLUMNS.every((name) => spawnColumns.has(name)),
    get newestMigration() {
      newestMigration ??= readMigrations(connection).at(-1)?.version ?? 0
      return newestMigration
    },
    get newestVersion() {
      return findNewestVersion(connection, columns)
    },
    get release() {
      release ??= chooseRelease({
        newestMigration: this.newestMigration || undefined,
        generation: parseDatabaseFilename(basename(connection.path))?.generation,
        hasColumn: (name) => columns[name] !== undefined,
        findNewestVersion: () => findNewestVersion(connection, columns),
      })
      return release
    },
  }
}

export const UNKNOWN_LAYOUT_HINT = `A layout that this version does not know; 'codex-state table threads' prints it as it is stored.`

/** Of `thread_spawn_edges`. */
const SPAWN_COLUMNS = ['parent_thread_id', 'child_thread_id', 'status'] as const

/** That there is a table of who spawned whom which is not the one that is known. */
export function describeUnknownEdges({ connection, hasSpawnEdges }: ThreadTable): string | undefined {
  if (hasSpawnEdges || !listTables(connection).includes('thread_spawn_edges')) return undefined
  return `the table thread_spawn_edges of ${connection.path} has other columns than those known: who spawned whom is told without it`
}

/** That columns which every known release has are not there, and which there are instead. */
export function describeMissingColumns(
  { connection, columns }: ThreadTable,
  stored: ReadonlySet<string>,
): string | undefined {
  const missing = REQUIRED_PROPERTIES.filter((name) => columns[name] === undefined)
  if (missing.length === 0) return undefined
  const known = knownColumns(THREAD_COLUMNS)
  const others = [...stored].filter((name) => !known.has(name))
  const names = missing.map((name) => THREAD_COLUMNS[name].at(-1)).join(', ')
  return (
    `the table threads of ${connection.path} has no ${names}, of which nothing is shown` +
    `${others.length > 0 ? `; not known in it: ${others.join(', ')}` : ''}`
  )
}

/** As many of the threads that were changed last tell which release was here. */
const NEWEST_ROWS = 50

function findNewestVersion(
  connection: ReadConnection,
  { cliVersion, sandboxPolicy, updatedAtMs }: ResolvedColumns<ThreadRow>,
): string | undefined {
  if (cliVersion === undefined) return undefined
  let rows: { version: string; policy: string }[]
  try {
    rows = connection.all(
      `SELECT coalesce(${asTextSql(cliVersion)}, '') AS version,
         coalesce(substr(${asTextSql(sandboxPolicy)}, 1, 20), '') AS policy
       FROM ${THREAD_TABLE} ORDER BY ${columnSql(updatedAtMs)} DESC LIMIT ?`,
      NEWEST_ROWS,
    )
  } catch (error) {
    // Who reads the rows themselves tells which are damaged.
    if (error instanceof StateError && error.code === 'DB_CORRUPT') return undefined
    throw error
  }
  return rows
    .map(({ version, policy }) =>
      isProfile(policy) && compareVersions(version, '0.136') < 0 ? '0.136' : version,
    )
    .toSorted(compareVersions)
    .at(-1)
}

/** Told from a policy by its types, which no policy has. */
function isProfile(policy: string): boolean {
  return policy.startsWith('{"type":"managed"') || policy.startsWith('{"type":"disabled"')
}

/** A row as SQLite gives it for `threadColumnList`. */
export type StoredThread = Record<string, unknown>

/** The stored columns under our names; those that are not `selected` read as `NULL`. */
export function threadColumnList(
  columns: ResolvedColumns<ThreadRow>,
  selected?: ReadonlySet<keyof ThreadRow>,
): string {
  return Object.entries(columns)
    .map(
      ([name, column]) =>
        `${selected && !selected.has(name as keyof ThreadRow) ? 'NULL' : columnSql(column)} AS ${name}`,
    )
    .join(', ')
}

const BOOLEANS = ['hasUserEvent', 'isArchived', 'isPinned', 'daybreakEnabled'] as const
const TIMES = ['createdAtMs', 'updatedAtMs', 'recencyAtMs'] as const

/**
 * Takes the row over and changes it. In a damaged row a text can be of any type, and is made one (of bytes, their
 * hexadecimal digits); a time that is no number stays what it is.
 */
export function toThreadRow(stored: StoredThread, columns: ResolvedColumns<ThreadRow>): ThreadRow {
  if (typeof stored.id !== 'string') stored.id = toText(stored.id) ?? ''
  for (const name of REQUIRED_TEXTS) {
    const value = stored[name]
    if (typeof value !== 'string') stored[name] = toText(value) ?? ''
  }
  for (const name of OPTIONAL_TEXTS) {
    const value = stored[name]
    if (typeof value !== 'string' && value !== null) stored[name] = toText(value)
  }
  for (const name of BOOLEANS) {
    const value = stored[name]
    if (value !== null) stored[name] = value !== 0
  }
  for (const name of TIMES) {
    const value = stored[name]
    if (typeof value === 'number') stored[name] = toEpochMs(value, columns[name])
  }
  return stored as unknown as ThreadRow
}

function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'object' ? Buffer.from(value as Uint8Array).toString('hex') : String(value)
}
