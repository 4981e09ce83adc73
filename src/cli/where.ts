import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { cleanLine } from '../format/clean.js'
import type { RecordKind } from '../format/fields.js'
import { wrapWords } from '../format/table.js'
import { describeMemoryHome, findMemoryVersion, whyOff } from '../inspect/memory-home.js'
import { isMissing } from '../model/file-error.js'
import type { MemoryPipeline } from '../model/memory.js'
import { openTable } from '../query/databases.js'
import { describeThreadTable } from '../query/threads/table.js'
import { type DatabaseFile, GENERATION_AGES } from '../schema/files.js'
import { readConfigTable } from '../schema/home.js'
import { readMigrations } from '../schema/inspect.js'
import { type Home, lastWriteMs, noDatabase } from './home-options.js'
import { closedObject, TIME_SCHEMA } from './json-schema.js'
import { defineListCommand } from './records.js'

/** One database as `where` tells of it. */
interface Place {
  path: string
  role: string
  /** 0 for the name without a number. */
  generation: number
  /** `older`, `known` or `newer` than the newest generation that this version knows; `unknown` of an unknown role. */
  age: string
  /** `null` when the file may not be looked at. */
  size_bytes: number | null
  wal_bytes: number | null
  /** How many migrations are applied; `null` when the file cannot be read. */
  migrations: number | null
  /** Of the database or its WAL, whichever is later: Unix milliseconds; `null` when the file may not be looked at. */
  lastWriteMs: number | null
  /** Which rule led to the folder; `none` for a database that lies in the home where no rule leads. */
  rule: string
  /** Of a database that holds memories: those of which pipeline (`v1`, `v2`). */
  pipeline: string | null
  /** Whether sessions read that pipeline; `null` where that is not known. */
  in_use: boolean | null
  /** Why the file cannot be read. */
  error: string | null
}

const PLACE_KIND: RecordKind<Place> = {
  noun: 'database',
  fields: [
    {
      name: 'path',
      kind: 'path',
      value: ({ path }) => path,
      // The folder is printed once, below the table.
      brief: { heading: 'FILE', cell: ({ path, rule }) => (rule === 'none' ? path : basename(path)) },
    },
    { name: 'role', kind: 'text', value: ({ role }) => role },
    { name: 'generation', kind: 'number', value: ({ generation }) => generation },
    { name: 'age', kind: 'text', value: ({ age }) => age, heading: 'LAYOUT' },
    { name: 'size_bytes', kind: 'bytes', value: ({ size_bytes }) => size_bytes, heading: 'SIZE' },
    { name: 'wal_bytes', kind: 'bytes', value: ({ wal_bytes }) => wal_bytes, heading: 'WAL' },
    {
      name: 'migrations',
      kind: 'number',
      value: ({ migrations }) => migrations,
      cell: ({ migrations }) => (migrations === null ? 'unreadable' : String(migrations)),
    },
    { name: 'last_write', kind: 'time', value: ({ lastWriteMs }) => lastWriteMs },
    { name: 'rule', kind: 'text', value: ({ rule }) => rule, heading: 'FOUND BY' },
    { name: 'pipeline', kind: 'text', value: ({ pipeline }) => pipeline },
    { name: 'in_use', kind: 'flag', value: ({ in_use }) => in_use },
    { name: 'error', kind: 'text', value: ({ error }) => error },
  ],
  shown: ['role', 'generation', 'age', 'size_bytes', 'wal_bytes', 'migrations', 'last_write', 'rule', 'path'],
  // A file's name tells role and generation.
  shownInTable: ['path', 'age', 'rule', 'size_bytes', 'wal_bytes', 'migrations', 'last_write'],
  nameOf: ({ path }) => path,
}

const PLACE_SCHEMA = closedObject({
  path: { type: 'string' },
  role: { type: 'string' },
  generation: { type: 'integer', minimum: 0 },
  age: { enum: [...GENERATION_AGES] },
  size_bytes: { type: ['integer', 'null'], minimum: 0 },
  wal_bytes: { type: ['integer', 'null'], minimum: 0 },
  migrations: { type: ['integer', 'null'], minimum: 0 },
  last_write: TIME_SCHEMA,
  rule: { type: 'string' },
  pipeline: { enum: ['v1', 'v2', null] },
  in_use: { type: ['boolean', 'null'] },
  error: { type: ['string', 'null'] },
})

/** `where`, which both programs have. */
export const command = defineListCommand({
  examples: ['where --json=path,size_bytes'],
  kind: PLACE_KIND,
  jsonForms: [{ name: 'where', shape: 'array', record: PLACE_SCHEMA }],
  read({ home, io, notice }, { json }) {
    const use = findMemoryUse(home)
    const places: Place[] = [
      ...home.databases.map((file) => ({ ...describe(file, home.rule), ...memoriesIn(file, use) })),
      ...home.elsewhere.map((file) => ({ ...describe(file, 'none'), ...memoriesIn(file, undefined) })),
    ]
    if (json === undefined) for (const { error } of places) if (error !== null) notice(error)
    return {
      pages: [places],
      emptyText: null,
      footer: () =>
        [`In ${home.sqliteHome}, found by ${home.rule}.`, ...(use ? [describeUse(use)] : [])]
          .flatMap((text) => wrapWords(cleanLine(text), io.stdout.columns ?? 100))
          .join('\n'),
      finish() {
        if (home.databases.length === 0) throw noDatabase(home)
        if (places.every(({ error }) => error !== null)) {
          throw new StateError('DB_UNREADABLE', 'none of these databases could be read')
        }
      },
    }
  },
})

function describe(file: DatabaseFile, rule: string): Omit<Place, 'pipeline' | 'in_use'> {
  const writtenMs = lastWriteMs(file.path)
  return {
    path: file.path,
    role: file.role,
    generation: file.generation,
    age: file.age,
    size_bytes: sizeOf(file.path),
    wal_bytes: sizeOf(`${file.path}-wal`),
    ...countMigrations(file.path),
    lastWriteMs: writtenMs === 0 ? null : Math.floor(writtenMs),
    rule,
  }
}

/** What is known of the memories of a home; `undefined` where no release kept some, or nothing can be read. */
function findMemoryUse({ codexHome, databases }: Home): MemoryUse | undefined {
  if (codexHome === undefined || databases.length === 0) return undefined
  let version: string | undefined
  try {
    const found = openTable(databases, 'threads')
    if (!found) return undefined
    try {
      version = findMemoryVersion(describeThreadTable(found.connection, found.columns))
    } finally {
      found.connection.close()
    }
  } catch (error) {
    // What cannot be read is reported with its database.
    if (error instanceof StateError) return undefined
    throw error
  }
  const home = describeMemoryHome(
    codexHome,
    version,
    readConfigTable(codexHome, () => {}),
  )
  if (home.rules.features.length === 0) return undefined
  const { inUse, whyInUse, rules } = home
  const stateDatabase = rules.isInState ? databases.find(({ role }) => role === 'state')?.path : undefined
  return {
    pipeline: inUse,
    why: whyInUse,
    stateDatabase,
    off: whyOff(home),
    isKnown: home.settings !== undefined,
  }
}

interface MemoryUse {
  readonly pipeline: MemoryPipeline
  readonly why: string
  /** Of releases that keep memories in it. */
  readonly stateDatabase: string | undefined
  readonly off: string | undefined
  /** `false` where the configuration cannot be used. */
  readonly isKnown: boolean
}

function memoriesIn(
  { role, path }: DatabaseFile,
  use: MemoryUse | undefined,
): Pick<Place, 'pipeline' | 'in_use'> {
  const pipeline = MEMORY_ROLES[role] ?? (use?.stateDatabase === path ? 'v1' : null)
  return { pipeline, in_use: pipeline === null || !use?.isKnown ? null : pipeline === use.pipeline }
}

const MEMORY_ROLES: Readonly<Partial<Record<DatabaseFile['role'], MemoryPipeline>>> = {
  memories: 'v1',
  memories_v2: 'v2',
}

function describeUse({ pipeline, why, stateDatabase, off, isKnown }: MemoryUse): string {
  const place = stateDatabase === undefined ? `${pipeline}: ${why}` : 'the state database'
  if (!isKnown) return 'Whether memories are on is not known: config.toml cannot be used.'
  return off === undefined
    ? `Memories are on; sessions read ${place}.`
    : `${off[0]!.toUpperCase()}${off.slice(1)}; turned on, sessions would read ${place}.`
}

function sizeOf(path: string): number | null {
  try {
    return statSync(path).size
  } catch (error) {
    return isMissing(error) ? 0 : null
  }
}

function countMigrations(path: string): Pick<Place, 'migrations' | 'error'> {
  try {
    const connection = openReadOnly(path)
    try {
      return { migrations: readMigrations(connection).length, error: null }
    } finally {
      connection.close()
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return { migrations: null, error: error.message }
  }
}
