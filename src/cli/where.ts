import { statSync } from 'node:fs'
import { openReadOnly } from '../db/open.js'
import { StateError } from '../errors.js'
import { formatBytes } from '../format/quantity.js'
import type { DatabaseFile } from '../schema/files.js'
import { readMigrations } from '../schema/inspect.js'
import type { HomeFlags } from './home-flags.js'
import { type Home, resolveHomeOptions } from './home-options.js'
import type { CommandContext } from './main.js'

/** One database as `where` tells of it; the keys are those of its JSON. */
interface Place {
  path: string
  role: string
  /** 0 for the name without a number. */
  generation: number
  /** `older`, `known` or `newer` than the newest generation that this version knows. */
  age: string
  size_bytes: number
  wal_bytes: number
  /** How many migrations are applied; `null` when the file cannot be read. */
  migrations: number | null
  /** Of the database or its WAL, whichever is later. ISO 8601, UTC. */
  last_write: string
  /** Which rule led to the folder. */
  rule: string
  /** Why the file cannot be read. */
  error: string | null
}

/** @throws {StateError} `DB_NOT_FOUND` when the home holds no database */
export function runWhere(flags: HomeFlags & { json?: true }, { io }: CommandContext): void {
  const home = resolveHomeOptions(flags, io)
  const places = home.databases.map((file) => describe(file, home.rule))
  if (flags.json) io.stdout.write(`${JSON.stringify(places, null, 2)}\n`)
  if (places.length === 0) throw noDatabase(home)
  if (flags.json) return
  for (const { error } of places) if (error !== null) io.stderr.write(`warning: ${error}\n`)
  io.stdout.write(io.stdout.isTerminal ? formatAligned(places) : formatTabbed(places))
}

export function noDatabase(home: Home): StateError {
  return new StateError('DB_NOT_FOUND', `no Codex database in ${home.sqliteHome} (found by ${home.rule})`, {
    hint: 'Pass --codex-home or --db, or set CODEX_HOME.',
  })
}

function describe(file: DatabaseFile, rule: string): Place {
  const { size, mtimeMs } = statSync(file.path)
  const wal = statSync(`${file.path}-wal`, { throwIfNoEntry: false })
  return {
    path: file.path,
    role: file.role,
    generation: file.generation,
    age: file.age,
    size_bytes: size,
    wal_bytes: wal?.size ?? 0,
    ...countMigrations(file.path),
    last_write: new Date(Math.max(mtimeMs, wal?.size ? wal.mtimeMs : 0)).toISOString(),
    rule,
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
  return places.map((place) => `${COLUMNS.map((name) => place[name] ?? '').join('\t')}\n`).join('')
}

function formatAligned(places: readonly Place[]): string {
  const rows = [
    ['ROLE', 'GEN', 'LAYOUT', 'SIZE', 'WAL', 'MIGRATIONS', 'LAST WRITE', 'FOUND BY', 'PATH'],
    ...places.map((place) => [
      place.role,
      place.generation === 0 ? '-' : String(place.generation),
      place.age,
      formatBytes(place.size_bytes),
      formatBytes(place.wal_bytes),
      place.migrations === null ? 'unreadable' : String(place.migrations),
      `${place.last_write.slice(0, 19)}Z`,
      place.rule,
      place.path,
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
