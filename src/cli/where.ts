import { statSync } from 'node:fs'
import { openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import { cleanLine } from '../format/clean.js'
import { escapeJsonForTerminal, escapeLine } from '../format/escape.js'
import { formatBytes } from '../format/quantity.js'
import { isMissing } from '../model/file-error.js'
import type { MemoryPipeline } from '../model/memory.js'
import { type DatabaseFile, GENERATION_AGES } from '../schema/files.js'
import { readMigrations } from '../schema/inspect.js'
import { defineTextCommand } from './command.js'
import { groupFlags, onFlag } from './flags.js'
import { HOME_FLAGS } from './home-flags.js'
import { type Home, lastWriteMs, noDatabase, resolveHomeOptions } from './home-options.js'
import { closedObject, TIME_SCHEMA } from './json-schema.js'
import { PAGER_FLAGS } from './pager-flag.js'
import { REDACT_FLAGS } from './redact-flag.js'

/** One database as `where` tells of it; the keys are those of its JSON. */
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
  /** Of the database or its WAL, whichever is later. ISO 8601, UTC; `null` when the file may not be looked at. */
  last_write: string | null
  /** Which rule led to the folder; `none` for a database that lies in the home where no rule leads. */
  rule: string
  /** Of a database that holds memories: those of which pipeline (`v1`, `v2`). */
  pipeline: string | null
  /** Whether sessions read that pipeline; `null` where that is not known. */
  in_use: boolean | null
  /** Why the file cannot be read. */
  error: string | null
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
export const command = defineTextCommand({
  flags: {
    json: onFlag('one JSON array'),
    ...groupFlags('Output', { ...PAGER_FLAGS, ...REDACT_FLAGS }),
    ...HOME_FLAGS,
  },
  jsonForms: [{ name: 'where', shape: 'array', record: PLACE_SCHEMA }],
  async run({ io }, flags) {
    const home = resolveHomeOptions(flags, io)
    const use = await findMemoryUse(home)
    const places = [
      ...home.databases.map((file) => ({ ...describe(file, home.rule), ...memoriesIn(file, use) })),
      ...home.elsewhere.map((file) => ({ ...describe(file, 'none'), ...memoriesIn(file, undefined) })),
    ]
    for (const text of home.warnings) io.stderr.write(`warning: ${cleanLine(text)}\n`)
    if (flags.json) {
      const json = JSON.stringify(places, null, 2)
      io.stdout.write(`${io.stdout.isTerminal ? escapeJsonForTerminal(json) : json}\n`)
    } else if (places.length > 0) {
      for (const { error } of places) if (error !== null) io.stderr.write(`warning: ${cleanLine(error)}\n`)
      io.stdout.write(io.stdout.isTerminal ? formatAligned(places) : formatTabbed(places))
      if (io.stdout.isTerminal && use) io.stdout.write(`${cleanLine(describeUse(use))}\n`)
    }
    if (home.databases.length === 0) throw noDatabase(home, PLACE_HINT)
    if (places.every(({ error }) => error !== null)) {
      throw new StateError('DB_UNREADABLE', 'none of these databases could be read')
    }
    return 0
  },
})

/** What to do where there is no database at all. */
export const PLACE_HINT = 'Pass --codex-home or --db, or set CODEX_HOME.'

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
    last_write: writtenMs === 0 ? null : new Date(writtenMs).toISOString(),
    rule,
  }
}

/** What is known of the memories of a home; `undefined` where no release kept some, or nothing can be read. */
async function findMemoryUse({ codexHome, databases }: Home): Promise<MemoryUse | undefined> {
  if (codexHome === undefined || databases.length === 0) return undefined
  const { describeMemoryHome, findMemoryVersion, whyOff } = await import('../inspect/memory-home.js')
  const { openTable } = await import('../query/databases.js')
  const { describeThreadTable } = await import('../query/threads/table.js')
  const { readConfigTable } = await import('../schema/home.js')
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
    // What cannot be read is told of its place.
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

const COLUMNS = [
  'role',
  'generation',
  'age',
  'size_bytes',
  'wal_bytes',
  'migrations',
  'last_write',
  'rule',
  'path',
] as const satisfies readonly (keyof Place)[]

function formatTabbed(places: readonly Place[]): string {
  return places
    .map(
      (place) =>
        `${COLUMNS.map((name) => escapeLine(String(place[name] ?? '')).replaceAll('\t', '\\t')).join('\t')}\n`,
    )
    .join('')
}

function formatAligned(places: readonly Place[]): string {
  const rows = [
    ['ROLE', 'GEN', 'LAYOUT', 'SIZE', 'WAL', 'MIGRATIONS', 'LAST WRITE', 'FOUND BY', 'PATH'],
    ...places.map((place) => [
      place.role,
      place.generation === 0 ? '-' : String(place.generation),
      place.age,
      place.size_bytes === null ? '?' : formatBytes(place.size_bytes),
      place.wal_bytes === null ? '?' : formatBytes(place.wal_bytes),
      place.migrations === null ? 'unreadable' : String(place.migrations),
      place.last_write === null ? '?' : `${place.last_write.slice(0, 19)}Z`,
      place.rule,
      cleanLine(place.path),
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
