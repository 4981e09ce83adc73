import { StateError } from '../errors.js'
import { LINE_ENDS, type LineEnds, lineEndsOn } from '../model/line-ends.js'
import type { WriteConnection } from './connection.js'

export interface Migration {
  version: number
  /** As it is recorded. */
  description: string
  /**
   * To be recorded: SHA-384 in lower-case hexadecimal, of the text that Codex has for this version, by its line
   * ends.
   */
  checksums: Readonly<Record<LineEnds, string>>
  sql: string
}

/** sqlx's own table, in the text that it makes it with: that text is what `.schema` shows. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
)`

/**
 * Applies what is missing of `migrations`, in version order, each in one transaction together with its row in
 * `_sqlx_migrations`: a migration that was interrupted has left nothing. Processes may do so at the same time.
 * A database that is up to date is only read. Rows of a Codex for Windows and of any other fit alike, and new
 * ones get the form that the database has: a Codex that opens it would refuse a mixture.
 *
 * @param lineEnds the form that a new database gets
 * @throws {StateError} `MIGRATION_MISMATCH` when the rows that are there do not fit `migrations`: an unknown
 *   version, another checksum, one marked as failed, or tables without rows
 */
export function migrate(
  db: WriteConnection,
  migrations: readonly Migration[],
  lineEnds: LineEnds = lineEndsOn(process.platform),
): void {
  const { versions } = checkApplied(db, migrations)
  for (const migration of migrations) {
    if (versions.has(migration.version)) continue
    const startedAt = process.hrtime.bigint()
    const isMine = db.transaction(() => {
      // Again, under the write lock: another process may have come first.
      const applied = checkApplied(db, migrations)
      if (applied.versions.has(migration.version)) return false
      applyOne(db, migration, applied.lineEnds ?? lineEnds)
      return true
    })
    // As sqlx does: the time is -1 (or 0) until the transaction is through, so it covers the commit too.
    if (isMine) {
      db.run(
        'UPDATE _sqlx_migrations SET execution_time = ? WHERE version = ?',
        process.hrtime.bigint() - startedAt,
        migration.version,
      )
    }
  }
}

function applyOne(
  db: WriteConnection,
  { version, description, checksums, sql }: Migration,
  lineEnds: LineEnds,
): void {
  db.exec(CREATE_TABLE)
  try {
    db.exec(sql)
  } catch (error) {
    if (error instanceof StateError) throw error
    throw new StateError(
      'MIGRATION_MISMATCH',
      `migration ${version} (${description}) does not fit ${db.path}: ${(error as Error).message}`,
      { cause: error },
    )
  }
  db.run(
    `INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
     VALUES (?, ?, TRUE, ?, -1)`,
    version,
    description,
    Buffer.from(checksums[lineEnds], 'hex'),
  )
}

interface Applied {
  /** Those that are recorded. */
  versions: ReadonlySet<number>
  /** Of the newest of them; `undefined` where none is recorded. */
  lineEnds: LineEnds | undefined
}

function checkApplied(db: WriteConnection, migrations: readonly Migration[]): Applied {
  const hasTable = db.get(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'`)
  if (!hasTable) return { versions: new Set(), lineEnds: undefined }
  let lineEnds: LineEnds | undefined
  const rows = db.all<{ version: number; description: string; success: number; checksum: string }>(
    'SELECT version, description, success, lower(hex(checksum)) AS checksum FROM _sqlx_migrations ORDER BY version',
  )
  for (const { version, description, success, checksum } of rows) {
    const name = `migration ${version} (${description}) in ${db.path}`
    if (success !== 1) throw new StateError('MIGRATION_MISMATCH', `${name} is recorded as not finished`)
    const known = migrations.find((migration) => migration.version === version)
    if (!known) {
      throw new StateError('MIGRATION_MISMATCH', `${name} is not known here`, {
        hint: 'A newer program made it. Attach to the database as it is, without migrating it.',
      })
    }
    lineEnds = LINE_ENDS.find((form) => known.checksums[form] === checksum)
    if (lineEnds === undefined) {
      throw new StateError(
        'MIGRATION_MISMATCH',
        `${name} is recorded with checksum ${checksum}; ` +
          `migration ${version} (${known.description}) has ${known.checksums.lf} here, or ${known.checksums.crlf} with CR/LF`,
        { hint: 'Another program made it. Attach to the database as it is, without migrating it.' },
      )
    }
  }
  return { versions: new Set(rows.map(({ version }) => version)), lineEnds }
}
