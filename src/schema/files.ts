import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { StateError } from '../errors.js'
import { explainFileError, isMissing } from '../model/file-error.js'

export const DATABASE_ROLES = [
  'state',
  'logs',
  'goals',
  'memories',
  'memories_v2',
  'queue',
  'thread_history',
  'agent_message_board',
] as const

/** What a database file is for; also the part of its name before the generation. */
export type DatabaseRole = (typeof DATABASE_ROLES)[number]

/** `catalog`: what the Desktop app shows in its sidebar; `unknown`: an SQLite file that no known release makes. */
export const FILE_ROLES = [...DATABASE_ROLES, 'catalog', 'unknown'] as const

export type FileRole = (typeof FILE_ROLES)[number]

/**
 * Generations that Codex releases (0.93 to 0.169) wrote, by role; 0 is the name without a number.
 * The next generation is one more number here.
 */
export const KNOWN_GENERATIONS: Record<DatabaseRole, readonly number[]> = {
  state: [0, 2, 3, 4, 5],
  logs: [1, 2],
  goals: [1],
  memories: [1],
  memories_v2: [1],
  queue: [1],
  thread_history: [1],
  agent_message_board: [1],
}

/** The generation of the state database that we create and migrate ourselves. */
export const OWN_STATE_GENERATION = 4

/** That of every release from 0.100 on, which brings one that we make up to date. */
export const LATER_STATE_GENERATION = 5

/** The name of our own state database in a Codex home. */
export function stateDbFilename(generation: number = OWN_STATE_GENERATION): string {
  return `state_${generation}.sqlite`
}

export function stateDbPath(codexHome: string): string {
  return join(codexHome, stateDbFilename())
}

/** Where each table may live, first choice first. */
export const TABLE_HOMES = {
  logs: ['logs', 'state'],
  threads: ['state'],
  backfill_state: ['state'],
  thread_dynamic_tools: ['state'],
  thread_spawn_edges: ['state'],
  thread_memory: ['state'],
  stage1_outputs: ['memories', 'memories_v2', 'state'],
  jobs: ['memories', 'memories_v2', 'state'],
  thread_goals: ['goals', 'state'],
  agent_jobs: ['state'],
  thread_turns: ['thread_history'],
} as const satisfies Record<string, readonly DatabaseRole[]>

/** `older` than the newest generation that we know, that `known` one, or `newer`; of a known role, that is. */
export const GENERATION_AGES = ['older', 'known', 'newer', 'unknown'] as const

export type GenerationAge = (typeof GENERATION_AGES)[number]

/** Where the Desktop app keeps databases of its own, and for a time (June 2026) kept all of them. */
export const DESKTOP_FOLDER = 'sqlite'

const CATALOG_NAME = 'codex-dev.db'

export interface DatabaseFile {
  path: string
  role: FileRole
  /** The number in the name, 0 without one. */
  generation: number
  age: GenerationAge
}

/**
 * The role and generation that a file name says (`state_5.sqlite`), or `undefined` for any other name.
 * Numbers as Codex takes them: one or more ASCII digits.
 */
export function parseDatabaseFilename(name: string): { role: DatabaseRole; generation: number } | undefined {
  const match = /^([a-z][a-z0-9_]*?)(?:_(\d+))?\.sqlite$/.exec(name)
  const role = DATABASE_ROLES.find((known) => known === match?.[1])
  if (!match || !role) return undefined
  return { role, generation: match[2] === undefined ? 0 : Number(match[2]) }
}

/**
 * Every SQLite database in a folder, by name: by role in the order of `FILE_ROLES`, newest generation first. A
 * folder that is not there holds none.
 *
 * @throws {StateError} `DB_UNREADABLE` for a folder that is there and cannot be looked into
 */
export function listDatabases(folder: string): DatabaseFile[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    if (isMissing(error) && !existsSync(folder)) return []
    throw unreadableFolder(folder, error)
  }
  const files = names.flatMap((name) => describeDatabase(join(folder, name)) ?? []).filter(isThere)
  return files.sort(
    (a, b) =>
      FILE_ROLES.indexOf(a.role) - FILE_ROLES.indexOf(b.role) ||
      b.generation - a.generation ||
      (a.path < b.path ? -1 : 1),
  )
}

/** That a folder is there and cannot be looked into: not allowed, or no folder at all. */
export function unreadableFolder(folder: string, cause: unknown): StateError {
  return new StateError('DB_UNREADABLE', `cannot read the folder ${folder}: ${explainFileError(cause)}`, {
    cause,
    hint: 'Name another place with --codex-home or --db, or run this as a user who may read it.',
  })
}

/** What the name of a file says of it; `undefined` where it is not that of an SQLite database. */
export function describeDatabase(path: string): DatabaseFile | undefined {
  const name = basename(path)
  const known = parseDatabaseFilename(name)
  if (known) return { path, ...known, age: ageOf(known.role, known.generation) }
  if (name === CATALOG_NAME) return { path, role: 'catalog', generation: 0, age: 'unknown' }
  if (!/\.sqlite3?$/.test(name)) return undefined
  const generation = Number(/_(\d+)\.sqlite3?$/.exec(name)?.[1] ?? 0)
  return { path, role: 'unknown', generation, age: 'unknown' }
}

/** No folder, and no link to nowhere. What may not be looked at is there: to open it tells why it cannot be read. */
function isThere({ path }: DatabaseFile): boolean {
  try {
    return statSync(path).isFile()
  } catch (error) {
    return !isMissing(error) && (error as NodeJS.ErrnoException).code !== 'ELOOP'
  }
}

function ageOf(role: DatabaseRole, generation: number): GenerationAge {
  const newest = Math.max(...KNOWN_GENERATIONS[role])
  return generation < newest ? 'older' : generation === newest ? 'known' : 'newer'
}

/** A table by its name, or one that nothing else reads, with where it may live. */
export type TableName =
  | keyof typeof TABLE_HOMES
  | { readonly name: string; readonly homes: readonly DatabaseRole[] }

export function nameOfTable(table: TableName): string {
  return typeof table === 'string' ? table : table.name
}

/** The files that may hold `table`, first choice first. */
export function candidatesFor(table: TableName, files: readonly DatabaseFile[]): DatabaseFile[] {
  const homes: readonly DatabaseRole[] = typeof table === 'string' ? TABLE_HOMES[table] : table.homes
  return homes.flatMap((role) => files.filter((file) => file.role === role))
}
