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
  const columns = readColumns(reader, table).filter(({ isGenerated }) => !isGenerated)
  if (columns.length === 0) throw new StateError('DB_NO_TABLE', `${reader.path} has no table ${table}`)
  const unknown = columns.filter(
    ({ name, isNotNull, hasDefault }) => isNotNull && !hasDefault && !known.has(name),
  )
  if (unknown.length > 0) {
    const names = unknown.map(({ name }) => `${table}.${name}`).join(', ')
    throw new StateError(
      'SCHEMA_UNKNOWN',
      `${reader.path} requires a value that this version does not know: ${names}`,
      {
        hint: 'A newer Codex made this database; it can be read, and written with a newer codex-state.',
      },
    )
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

/** The stored column as a text, whatever a damaged row holds in it. */
export function asTextSql(column: string | undefined): string {
  return `CAST(${columnSql(column)} AS TEXT)`
}

/** Names that stand for themselves are left bare, for who reads the SQL. */
export function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !KEYWORDS.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** https://www.sqlite.org/lang_keywords.html, and names that mean something by themselves. */
const KEYWORDS = new Set(
  `
  abort action add after all alter always analyze and as asc attach autoincrement before begin between by
  cascade case cast check collate column commit conflict constraint create cross current current_date
  current_time current_timestamp database default deferrable deferred delete desc detach distinct do drop each
  else end escape except exclude exclusive exists explain fail filter first following for foreign from full
  generated glob group groups having if ignore immediate in index indexed initially inner insert instead
  intersect into is isnull join key last left like limit match materialized natural no not nothing notnull
  null nulls of offset on or order others outer over partition plan pragma preceding primary query raise range
  recursive references regexp reindex release rename replace restrict returning right rollback row rows
  savepoint select set table temp temporary then ties to transaction trigger unbounded union unique update
  using vacuum values view virtual when where window with within without true false rowid oid
`
    .trim()
    .split(/\s+/),
)
