import { StateError } from '../errors.js'
import { readColumns, type SqlReader } from './inspect.js'

/**
 * For each property of a row in our names, the spellings of its column on disk, newest first.
 * A layout is what a file has, never what its name promises: spellings are looked up in `table_info`.
 */
export type ColumnSources<Row> = { readonly [Name in keyof Row]-?: readonly string[] }

/** For each property, the column that this file has for it, or `undefined`. */
export type ResolvedColumns<Row> = { readonly [Name in keyof Row]-?: string | undefined }

/** Resolved once for each opened file. */
export function resolveColumns<Row>(
  sources: ColumnSources<Row>,
  present: ReadonlySet<string>,
): ResolvedColumns<Row> {
  const entries = Object.entries(sources as Record<string, readonly string[]>)
  const resolved = entries.map(([name, spellings]) => [name, spellings.find((column) => present.has(column))])
  return Object.fromEntries(resolved) as ResolvedColumns<Row>
}

/**
 * The columns of a table that rows are to be written to.
 *
 * @throws {StateError} `DB_NO_TABLE`; `SCHEMA_UNKNOWN` when a column must be given a value, and `known` does
 *   not have it: a row without it is refused by SQLite, and a value for it would be a guess
 */
export function readWritableColumns(
  reader: SqlReader & { readonly path: string },
  table: string,
  known: ReadonlySet<string>,
): ReadonlySet<string> {
  const columns = readColumns(reader, table)
  if (columns.length === 0) throw new StateError('DB_NO_TABLE', `${reader.path} has no table ${table}`)
  const unknown = columns.filter(
    ({ name, isNotNull, hasDefault }) => isNotNull && !hasDefault && !known.has(name),
  )
  if (unknown.length > 0) {
    const names = unknown.map(({ name }) => `${table}.${name}`).join(', ')
    throw new StateError('SCHEMA_UNKNOWN', `${reader.path} needs a value that is not known here: ${names}`, {
      hint: 'A newer Codex made this database; it can be read, and written with a newer codex-state.',
    })
  }
  return new Set(columns.map(({ name }) => name))
}

/** Every column that `sources` names, in all spellings. */
export function knownColumns<Row>(sources: ColumnSources<Row>): ReadonlySet<string> {
  return new Set(Object.values(sources as Record<string, readonly string[]>).flat())
}

/** The stored column as SQL, `NULL` where the file has none. */
export function columnSql(column: string | undefined): string {
  return column === undefined ? 'NULL' : quoteIdentifier(column)
}

export function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
