import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

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

/** State databases before this one hold their logs themselves, whatever log database lies beside them. */
export const FIRST_STATE_WITH_LOG_DATABASE = 5

/** The generation of the state database that we create and migrate ourselves. */
export const OWN_STATE_GENERATION = 4

/** The name of our own state database in a Codex home. */
export function stateDbFilename(): string {
  return `state_${OWN_STATE_GENERATION}.sqlite`
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
} as const satisfies Record<string, readonly DatabaseRole[]>

/** `older` than the newest generation that we know, that `known` one, or `newer`. */
export type GenerationAge = 'older' | 'known' | 'newer'

export interface DatabaseFile {
  path: string
  role: DatabaseRole
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

/** The databases in a folder: by role in the order of `DATABASE_ROLES`, newest generation first. */
export function listDatabases(folder: string): DatabaseFile[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  const files: DatabaseFile[] = []
  for (const name of names) {
    const parsed = parseDatabaseFilename(name)
    if (!parsed) continue
    const path = join(folder, name)
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue
    files.push({ path, ...parsed, age: ageOf(parsed.role, parsed.generation) })
  }
  return files.sort(
    (a, b) =>
      DATABASE_ROLES.indexOf(a.role) - DATABASE_ROLES.indexOf(b.role) ||
      b.generation - a.generation ||
      (a.path < b.path ? -1 : 1),
  )
}

function ageOf(role: DatabaseRole, generation: number): GenerationAge {
  const newest = Math.max(...KNOWN_GENERATIONS[role])
  return generation < newest ? 'older' : generation === newest ? 'known' : 'newer'
}

/** The files that may hold `table`, first choice first. */
export function candidatesFor(
  table: keyof typeof TABLE_HOMES,
  files: readonly DatabaseFile[],
): DatabaseFile[] {
  return TABLE_HOMES[table].flatMap((role) => files.filter((file) => file.role === role))
}
