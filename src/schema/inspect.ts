/** What inspection needs of a connection. */
export interface SqlReader {
  all<Row>(sql: string, ...params: (string | number)[]): Row[]
}

/** Names of the tables, SQLite's own left out, in alphabetical order. */
export function listTables(reader: SqlReader): string[] {
  return reader
    .all<{ name: string }>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .map(({ name }) => name)
}

export interface StoredColumn {
  name: string
  /** As declared. */
  type: string
  isNotNull: boolean
  hasDefault: boolean
  isPrimaryKey: boolean
  /** Computed from others: it is read like any column, and cannot be written. */
  isGenerated: boolean
}

/** The columns of a table in their stored order; none when there is no such table. */
export function readColumns(reader: SqlReader, table: string): StoredColumn[] {
  return reader
    .all<{
      name: string
      type: string
      notnull: number
      dflt_value: string | null
      pk: number
      hidden: number
    }>(
      // `pragma_table_info` leaves generated columns out; 1 is for virtual tables.
      `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 1`,
      table,
    )
    .map((column) => ({
      name: column.name,
      type: column.type,
      isNotNull: column.notnull === 1,
      hasDefault: column.dflt_value !== null,
      isPrimaryKey: column.pk > 0,
      isGenerated: column.hidden !== 0,
    }))
}

export interface StoredTable {
  columns: readonly StoredColumn[]
  isView: boolean
  /** Whether SQLite numbers its rows by itself: not those of a view, nor those of a table `WITHOUT ROWID`. */
  hasRowNumbers: boolean
  /** Whether its database keeps the highest number ever given to a row, of the tables that ask for that. */
  hasSequence: boolean
}

/** A table or view with its columns; without any when there is none of this name. */
export function describeTable(reader: SqlReader, name: string): StoredTable {
  const listed = reader.all<{ name: string; type: string; wr: number }>(
    `SELECT name, type, wr FROM pragma_table_list
     WHERE schema = 'main' AND name COLLATE NOCASE IN (?, 'sqlite_sequence')`,
    name,
  )
  const sequence = listed.findIndex((table) => table.name === 'sqlite_sequence')
  const table = listed.find((_, at) => at !== sequence)
  return {
    columns: readColumns(reader, name),
    isView: table?.type === 'view',
    hasRowNumbers: table?.type !== 'view' && table?.wr !== 1,
    hasSequence: sequence >= 0,
  }
}

export function readColumnNames(reader: SqlReader, table: string): ReadonlySet<string> {
  return new Set(readColumns(reader, table).map(({ name }) => name))
}

/** Names of the indexes of a table, those that SQLite made by itself left out. */
export function readIndexNames(reader: SqlReader, table: string): ReadonlySet<string> {
  const rows = reader.all<{ name: string }>(
    `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`,
    table,
  )
  return new Set(rows.map(({ name }) => name))
}

export interface StoredIndex {
  name: string
  /** In their order; an expression is an empty text. */
  columns: string[]
  /** Whether it has only some of the rows. */
  isPartial: boolean
}

/** The indexes of a table. */
export function readIndexes(reader: SqlReader, table: string): StoredIndex[] {
  const rows = reader.all<{ name: string; isPartial: number; column: string | null }>(
    `SELECT list.name AS name, list.partial AS isPartial, info.name AS "column"
     FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info ORDER BY list.seq, info.seqno`,
    table,
  )
  const indexes = new Map<string, StoredIndex>()
  for (const { name, isPartial, column } of rows) {
    const index = indexes.get(name) ?? { name, columns: [], isPartial: isPartial === 1 }
    index.columns.push(column ?? '')
    indexes.set(name, index)
  }
  return [...indexes.values()]
}

/** A row of `_sqlx_migrations`, sqlx's own table. */
export interface AppliedMigration {
  version: number
  description: string
  /** UTC, `YYYY-MM-DD HH:MM:SS`; empty where it is not recorded. */
  installedOn: string
  isSuccessful: boolean
  /** SHA-384 of the migration's SQL, lower-case hexadecimal. */
  checksum: string
}

/** In version order; none where the database was not made by sqlx. What the table lacks reads as an empty text. */
export function readMigrations(reader: SqlReader): AppliedMigration[] {
  const columns = readColumnNames(reader, MIGRATION_TABLE)
  if (!columns.has('version') || !listTables(reader).includes(MIGRATION_TABLE)) return []
  const text = (name: string) => (columns.has(name) ? `CAST(${name} AS TEXT)` : `''`)
  return reader
    .all<{
      version: number
      description: string | null
      installed_on: string | null
      success: unknown
      checksum: string
    }>(
      `SELECT CAST(version AS INTEGER) AS version, ${text('description')} AS description,
         ${text('installed_on')} AS installed_on, ${columns.has('success') ? 'success' : '1'} AS success,
         ${hasChecksums(columns) ? 'lower(hex(checksum))' : `''`} AS checksum
       FROM ${MIGRATION_TABLE} ORDER BY version`,
    )
    .map((row) => ({
      version: row.version,
      description: row.description ?? '',
      installedOn: row.installed_on ?? '',
      isSuccessful: row.success === 1,
      checksum: row.checksum,
    }))
}

/** Whether migrations can be told from others of the same number. */
export function hasMigrationChecksums(reader: SqlReader): boolean {
  return hasChecksums(readColumnNames(reader, MIGRATION_TABLE))
}

const MIGRATION_TABLE = '_sqlx_migrations'

function hasChecksums(columns: ReadonlySet<string>): boolean {
  return columns.has('checksum')
}
