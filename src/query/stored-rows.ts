import type { ReadConnection, SqlValue } from '../db/connection.js'
import { quoteIdentifier } from '../schema/columns.js'
import { readColumnNames } from '../schema/inspect.js'

/** A row by the names of its stored columns; what a layout lacks is `undefined`. */
export type StoredRow = Readonly<Record<string, SqlValue | undefined>>

const PAGE_ROWS = 500

/** So much is read at once, unless one row has more. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024

/** A table page by page, in the order of its rows, so that no read lasts and memory is bounded. */
export function* readTable(
  connection: ReadConnection,
  table: string,
): Generator<StoredRow[], void, undefined> {
  const name = quoteIdentifier(table)
  const columns = readColumnNames(connection, table)
  const rowid = findRowid(connection, table, columns)
  const bytes = [...columns]
    .map((column) => `coalesce(octet_length(${quoteIdentifier(column)}), 0)`)
    .join(' + ')
  /** How many of the next rows fit. */
  const countFitting = (rest: string, ...params: SqlValue[]) => {
    const sizes = connection.all<{ bytes: number }>(
      `SELECT ${bytes} AS bytes FROM ${name} ${rest}`,
      ...params,
    )
    let sum = 0
    const count = sizes.findIndex((row) => {
      sum += row.bytes
      return sum > MAX_PAGE_BYTES
    })
    return count === -1 ? sizes.length : Math.max(1, count)
  }
  if (rowid === undefined) {
    // Without row numbers the key is the order; such tables are small, so that skipping costs little.
    for (let offset = 0; ; ) {
      const limit = countFitting('LIMIT ? OFFSET ?', PAGE_ROWS, offset)
      if (limit === 0) return
      yield connection.all<StoredRow>(`SELECT * FROM ${name} LIMIT ? OFFSET ?`, limit, offset)
      offset += limit
    }
  }
  const marker = firstFree(['rowid_', 'rowid__', 'rowid___'], columns)
  // As text: a number above 2^53 would come back rounded, and its page again.
  const selected = `SELECT *, CAST(${rowid} AS TEXT) AS ${marker} FROM ${name}`
  let after: string | undefined
  for (;;) {
    const rest = `${after === undefined ? '' : `WHERE ${rowid} > CAST(? AS INTEGER)`} ORDER BY ${rowid} LIMIT ?`
    const from = after === undefined ? [] : [after]
    const limit = countFitting(rest, ...from, PAGE_ROWS)
    if (limit === 0) return
    const page: Record<string, SqlValue>[] = connection.all(`${selected} ${rest}`, ...from, limit)
    after = page.at(-1)?.[marker] as string | undefined
    if (page.length === 0) return
    yield page.map(({ [marker]: _, ...row }) => row)
  }
}

/** The name by which SQLite gives row numbers here; `undefined` in a table `WITHOUT ROWID`. */
function findRowid(
  connection: ReadConnection,
  table: string,
  columns: ReadonlySet<string>,
): string | undefined {
  const kind = connection.get<{ wr: number }>(`SELECT wr FROM pragma_table_list WHERE name = ?`, table)
  const lowered = new Set([...columns].map((column) => column.toLowerCase()))
  return kind?.wr === 1 ? undefined : ROWID_NAMES.find((name) => !lowered.has(name))
}

/** A column of such a name takes the meaning from it (https://www.sqlite.org/lang_createtable.html#rowid). */
const ROWID_NAMES = ['rowid', '_rowid_', 'oid'] as const

function firstFree(names: readonly string[], taken: ReadonlySet<string>): string {
  return names.find((name) => !taken.has(name)) ?? 'rowid____'
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

export function countStoredRows(connection: ReadConnection, table: string): number {
  return connection.get<{ n: number }>(`SELECT count(*) AS n FROM ${quoteIdentifier(table)}`)?.n ?? 0
}
