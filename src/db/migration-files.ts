import type { Migration } from './migrate.js'
import { readMigrationFolder } from './migration-folder.js'

/**
 * Our own migrations of one family of databases, in version order. The name of a file says the version and the
 * description, its second and third line the checksums to record.
 *
 * The checksums are data because they are those of Codex's text, not of ours: sqlx, which Codex migrates with,
 * refuses a file whose recorded checksum is not that of its own migration of that number.
 */
export function loadMigrations(family: 'state'): Migration[] {
  return readMigrationFolder(family).map(({ name, sql }) => parseMigration(name, sql))
}

/**
 * The migrations that 0.100 to 0.103 leave in `state_5.sqlite`, and every later release begins with: it brings such
 * a database up to date by itself. They are ours but for the sixth.
 */
export function loadStateMigrations(generation: 4 | 5): Migration[] {
  const own = loadMigrations('state')
  if (generation === 4) return own
  const others = readMigrationFolder('state_5').map(({ name, sql }) => parseMigration(name, sql))
  return own.map((migration) => others.find(({ version }) => version === migration.version) ?? migration)
}

export function parseMigration(name: string, sql: string): Migration {
  const [, version, description] = /^(\d+)_(\w+)\.sql$/.exec(name) ?? []
  const [, lf] = /^-- checksum: ([0-9a-f]{96})\r?$/m.exec(sql) ?? []
  const [, crlf] = /^-- checksum with CR\/LF: ([0-9a-f]{96})\r?$/m.exec(sql) ?? []
  if (version === undefined || description === undefined || lf === undefined || crlf === undefined) {
    throw new Error(
      `${name} is not a migration: NNNN_what_changes.sql with the lines "-- checksum: <SHA-384>" and ` +
        `"-- checksum with CR/LF: <SHA-384>"`,
    )
  }
  return {
    version: Number(version),
    description: description.replaceAll('_', ' '),
    checksums: { lf, crlf },
    sql,
  }
}
