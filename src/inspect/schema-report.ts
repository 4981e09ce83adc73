import type { DatabaseFile } from '../schema/files.js'
import { type AppliedMigration, readMigrations, type SqlReader } from '../schema/inspect.js'
import { KNOWN_MIGRATIONS } from '../schema/known-migrations.js'

export const MIGRATION_STATES = ['known', 'newer', 'modified', 'failed', 'missing', 'not applied'] as const

/**
 * `newer`: not carried by any release that is known; `modified`: a known version with another checksum;
 * `failed`: begun and not finished; `missing`: left out between others; `not applied`: later than all of them.
 */
export type MigrationState = (typeof MIGRATION_STATES)[number]

export interface MigrationReport {
  database: string
  version: number
  description: string
  state: MigrationState
  /** UTC, as sqlx writes it; `null` for one that is not applied. */
  installedOn: string | null
  checksum: string | null
  firstRelease: string | null
  lastRelease: string | null
  note: string | null
}

/** Holds what a database says was applied against what is known of its role. */
export function reportMigrations(file: DatabaseFile, reader: SqlReader): MigrationReport[] {
  const applied = readMigrations(reader)
  const known = KNOWN_MIGRATIONS.filter(
    ({ role, generations }) => role === roleWithSameSchema(file) && generations.includes(file.generation),
  )
  const newest = applied.at(-1)?.version ?? 0
  const reports = applied.map((migration) => reportApplied(file, migration))
  const versions = new Set(applied.map(({ version }) => version))
  for (const migration of known) {
    if (versions.has(migration.version) || applied.length === 0) continue
    versions.add(migration.version)
    reports.push({
      database: file.path,
      version: migration.version,
      description: migration.description,
      state: migration.version < newest ? 'missing' : 'not applied',
      installedOn: null,
      checksum: null,
      firstRelease: migration.firstRelease,
      lastRelease: migration.lastRelease,
      note: null,
    })
  }
  return reports.toSorted((a, b) => a.version - b.version)
}

function reportApplied(file: DatabaseFile, migration: AppliedMigration): MigrationReport {
  const sameVersion = KNOWN_MIGRATIONS.filter(
    ({ role, version }) => role === roleWithSameSchema(file) && version === migration.version,
  )
  const same = sameVersion.find(({ checksum }) => checksum === migration.checksum)
  const state: MigrationState = !migration.isSuccessful
    ? 'failed'
    : same
      ? 'known'
      : sameVersion.length === 0
        ? 'newer'
        : 'modified'
  return {
    database: file.path,
    version: migration.version,
    description: migration.description,
    state,
    installedOn: migration.installedOn,
    checksum: migration.checksum,
    firstRelease: same?.firstRelease ?? null,
    lastRelease: same?.lastRelease ?? null,
    note: NOTES[state] ?? null,
  }
}

const NOTES: Partial<Record<MigrationState, string>> = {
  newer: 'no known release carries it: written by a newer Codex or a build of its own',
  modified:
    'not the text that releases carry, so they refuse this file; a build from a checkout with CR/LF line ends ' +
    '(git on Windows makes such) records other checksums for the same SQL',
  failed: 'begun and not finished: Codex refuses this file',
}

/** The second memory pipeline has the migrations of the first. */
function roleWithSameSchema({ role }: DatabaseFile): DatabaseFile['role'] {
  return role === 'memories_v2' ? 'memories' : role
}
