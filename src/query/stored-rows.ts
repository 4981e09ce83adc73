import type { ReadConnection, SqlValue } from '../db/open.js'
import { quoteIdentifier } from '../schema/columns.js'

/** A row by the names of its stored columns; what a layout lacks is `undefined`. */
export type StoredRow = Readonly<Record<string, SqlValue | undefined>>

const PAGE_ROWS = 500

/** A table page by page, in the order of its rows, so that no read lasts and memory is bounded. */
export function* readTable(
  connection: ReadConnection,
  table: string,
): Generator<StoredRow[], void, undefined> {
  const name = quoteIdentifier(table)
  let after: SqlValue = null
  for (;;) {
    const page: (Record<string, SqlValue> & { rowid_: number })[] = connection.all(
      `SELECT *, rowid AS rowid_ FROM ${name} ${after === null ? '' : 'WHERE rowid > ?'} ORDER BY rowid LIMIT ?`,
      ...(after === null ? [PAGE_ROWS] : [after, PAGE_ROWS]),
    )
    after = page.at(-1)?.rowid_ ?? null
    if (page.length > 0) yield page.map(({ rowid_: _, ...row }) => row)
    if (page.length < PAGE_ROWS) return
  }
}

/** Rows of a table that is small by nature. `clause` is SQL of ours that follows the name of the table. */
export function readRows(
  connection: ReadConnection,
  table: string,
  clause = '',
  ...params: SqlValue[]
): StoredRow[] {
  return connection.all(`SELECT * FROM ${quoteIdentifier(table)} ${clause}`, ...params)
}

export function countRows(connection: ReadConnection, table: string): number {
  return connection.get<{ n: number }>(`SELECT count(*) AS n FROM ${quoteIdentifier(table)}`)?.n ?? 0
}
