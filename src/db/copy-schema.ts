import type { ReadConnection, WriteConnection } from './connection.js'

/** Rows that a migration puts into its table, and that a program therefore finds in every database. */
const BUILT_IN_ROWS = [
  { table: '_sqlx_migrations', condition: 'TRUE' },
  // The section of pinned threads: https://github.com/openai/codex, state migration 45.
  { table: 'thread_sections', condition: `id = '01984de2-8f74-7c91-a3b2-5c5e937cf318'` },
] as const

/**
 * Makes the tables, indexes and triggers of one database in an empty other one, with the record of the
 * migrations that made them and the rows that these brought: what the program of `source` made afresh would be.
 */
export function copySchema(source: ReadConnection, target: WriteConnection): void {
  // Only an empty file takes it, and not inside a transaction.
  const autoVacuum = source.get<{ auto_vacuum: number }>('PRAGMA auto_vacuum')?.auto_vacuum ?? 0
  target.exec(`PRAGMA auto_vacuum = ${autoVacuum}; VACUUM`)
  target.transaction(() => {
    const objects = source.all<{ sql: string }>(
      `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid`,
    )
    for (const { sql } of objects) target.exec(sql)
    for (const { table, condition } of BUILT_IN_ROWS) copyRows(source, target, table, condition)
  })
}

function copyRows(source: ReadConnection, target: WriteConnection, table: string, condition: string): void {
  if (!source.get(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`, table)) return
  const rows = source.all<Record<string, string | number | Uint8Array | null>>(
    `SELECT * FROM ${table} WHERE ${condition}`,
  )
  for (const row of rows) {
    const columns = Object.keys(row)
    target.run(
      `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      ...Object.values(row),
    )
  }
}
