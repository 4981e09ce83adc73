import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Migration } from './migrate.js'

/** Seen from `src/db/` and from the bundle in `dist/`; an installed package has the second form. */
const CANDIDATES = ['../../migrations', '../migrations']

/**
 * Our own migrations of one family of databases, in version order. The name of a file says the version and the
 * description, its second line the checksum to record.
 *
 * The checksum is data because it is that of Codex's text, not of ours: sqlx, which Codex migrates with,
 * refuses a file whose recorded checksum is not that of its own migration of that number.
 */
export function loadMigrations(family: 'state'): Migration[] {
  const folder = CANDIDATES.map((candidate) =>
    fileURLToPath(new URL(`${candidate}/${family}`, import.meta.url)),
  ).find((path) => existsSync(path))
  if (folder === undefined) throw new Error(`the folder migrations/${family} is missing beside the program`)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => parseMigration(name, readFileSync(join(folder, name), 'utf8')))
}

export function parseMigration(name: string, sql: string): Migration {
  const [, version, description] = /^(\d+)_(\w+)\.sql$/.exec(name) ?? []
  const [, checksum] = /^-- checksum: ([0-9a-f]{96})\r?$/m.exec(sql) ?? []
  if (version === undefined || description === undefined || checksum === undefined) {
    throw new Error(`${name} is not a migration: NNNN_what_changes.sql with a line "-- checksum: <SHA-384>"`)
  }
  return { version: Number(version), description: description.replaceAll('_', ' '), checksum, sql }
}
