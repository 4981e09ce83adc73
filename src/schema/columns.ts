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

/** The stored column as SQL, `NULL` where the file has none. */
export function columnSql(column: string | undefined): string {
  return column === undefined ? 'NULL' : quoteIdentifier(column)
}

export function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}
