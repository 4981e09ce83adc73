import { StateError } from '../errors.js'
import { LINE_ENDS, type LineEnds } from '../model/line-ends.js'
import type { DatabaseFile } from '../schema/files.js'
import {
  type AppliedMigration,
  hasMigrationChecksums,
  readMigrations,
  type SqlReader,
} from '../schema/inspect.js'
import { KNOWN_MIGRATIONS, type KnownMigration } from '../schema/known-migrations.js'
import { readEachDatabase } from './each-database.js'

export const MIGRATION_STATES = ['known', 'newer', 'modified', 'failed', 'missing', 'not applied'] as const

/**
 * `newer`: not carried by any release that is known; `modified`: a known version with another checksum;
 * `failed`: begun and not finished; `missing`: left out between others; `not applied`: later than all of them.
 */
export type MigrationState = (typeof MIGRATION_STATES)[number]

/** `mixed` is what a repair leaves that knew only one form: every Codex refuses it. */
export type RecordedLineEnds = LineEnds | 'mixed'

export interface MigrationReport {
  database: string
  version: number
  description: string
  state: MigrationState
  /** Of the database, as its known migrations tell; `null` where none does. */
  lineEnds: RecordedLineEnds | null
  /** UTC, as sqlx writes it; `null` for one that is not applied. */
  installedOn: string | null
  checksum: string | null
  firstRelease: string | null
  lastRelease: string | null
  note: string | null
}

/**
 * Holds what a database says was applied against what is known of its role.
 *
 * @throws {StateError} `SCHEMA_UNKNOWN` where no checksums are recorded
 */
export function reportMigrations(file: DatabaseFile, reader: SqlReader): MigrationReport[] {
  const applied = readMigrations(reader)
  if (applied.length > 0 && !hasMigrationChecksums(reader)) {
    throw new StateError(
      'SCHEMA_UNKNOWN',
      `the table _sqlx_migrations of ${file.path} has no column checksum: its migrations cannot be told apart`,
    )
  }
  const known = KNOWN_MIGRATIONS.filter(
    ({ role, generations }) => role === roleWithSameSchema(file) && generations.includes(file.generation),
  )
  const newest = applied.at(-1)?.version ?? 0
  const forms = new Set(applied.flatMap((migration) => findKnown(file, migration)?.lineEnds ?? []))
  const [form] = forms
  const lineEnds = forms.size > 1 ? 'mixed' : (form ?? null)
  const reports = applied.map((migration) => reportApplied(file, migration, lineEnds))
  const versions = new Set(applied.map(({ version }) => version))
  for (const migration of known) {
    if (versions.has(migration.version) || applied.length === 0) continue
    versions.add(migration.version)
    reports.push({
      database: file.path,
      version: migration.version,
      description: migration.description,
      state: migration.version < newest ? 'missing' : 'not applied',
      lineEnds,
      installedOn: null,
      checksum: null,
      firstRelease: migration.firstRelease,
      lastRelease: migration.lastRelease,
      note: null,
    })
  }
  return reports.toSorted((a, b) => a.version - b.version)
}

/** What a database says of itself, in one word; `undefined` where no migration is known. */
export function readLineEnds(file: DatabaseFile, reader: SqlReader): RecordedLineEnds | undefined {
  return reportMigrations(file, reader)[0]?.lineEnds ?? undefined
}

/** The form of the Codex that made a home: that of the first database that tells it. */
export function findHomeLineEnds(databases: readonly DatabaseFile[]): LineEnds | undefined {
  try {
    // One that cannot be read says nothing here; it is reported by those who need it.
    const found = readEachDatabase(
      databases,
      () => {},
      (connection, file) => readLineEnds(file, connection),
    )
    for (const form of found) if (form === 'lf' || form === 'crlf') return form
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
  return undefined
}

function migrationsOf(file: DatabaseFile, wanted: number): KnownMigration[] {
  return KNOWN_MIGRATIONS.filter(
    ({ role, version }) => role === roleWithSameSchema(file) && version === wanted,
  )
}

function findKnown(
  file: DatabaseFile,
  { version, checksum }: AppliedMigration,
): { migration: KnownMigration; lineEnds: LineEnds } | undefined {
  for (const migration of migrationsOf(file, version)) {
    const lineEnds = LINE_ENDS.find((form) => migration.checksums[form] === checksum)
    if (lineEnds) return { migration, lineEnds }
  }
  return undefined
}

function reportApplied(
  file: DatabaseFile,
  migration: AppliedMigration,
  lineEnds: RecordedLineEnds | null,
): MigrationReport {
  const same = findKnown(file, migration)
  const state: MigrationState = !migration.isSuccessful
    ? 'failed'
    : same
      ? 'known'
      : migrationsOf(file, migration.version).length === 0
        ? 'newer'
        : 'modified'
  return {
    database: file.path,
    version: migration.version,
    description: migration.description,
    state,
    lineEnds,
    installedOn: migration.installedOn || null,
    checksum: migration.checksum,
    firstRelease: same?.migration.firstRelease ?? null,
    lastRelease: same?.migration.lastRelease ?? null,
    note: NOTES[state] ?? (lineEnds === 'mixed' && same ? FORM_NOTES[same.lineEnds] : null),
  }
}

const NOTES: Partial<Record<MigrationState, string>> = {
  newer: 'no known release carries it: written by a newer Codex or a build of its own',
  modified: 'not the text that releases carry, with either line ends, so they refuse this file',
  failed: 'begun and not finished: Codex refuses this file',
}

const FORM_NOTES: Record<LineEnds, string> = {
  lf: 'recorded with LF line ends, others with CR/LF: every Codex refuses this file',
  crlf: 'recorded with CR/LF line ends, others with LF: every Codex refuses this file',
}

/** The second memory pipeline has the migrations of the first. */
function roleWithSameSchema({ role }: DatabaseFile): DatabaseFile['role'] {
  return role === 'memories_v2' ? 'memories' : role
}
