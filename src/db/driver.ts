import type { SqlValue } from './connection.js'

/** One of two libraries with a database open for reading: see immutable-driver.ts and locking-driver.ts. */
export interface Driver {
  all(sql: string, params: SqlValue[]): unknown[]
  get(sql: string, params: SqlValue[]): unknown
  map<Result>(sql: string, params: SqlValue[], take: (row: unknown) => Result): Result[]
  exec(sql: string): void
  close(): void
}

/** SQL functions of our own, by name: pure. */
export type SqlFunctions = Readonly<Record<string, (...values: SqlValue[]) => SqlValue>>

/** `Array.from` would do, were it not slower. */
export function mapRows<Result>(rows: Iterable<unknown>, take: (row: unknown) => Result): Result[] {
  const results: Result[] = []
  for (const row of rows) results.push(take(row))
  return results
}

/** SQLite opens lazily: the first read is where a bad file shows. */
export function provenReadable(driver: Driver): Driver {
  try {
    driver.get('SELECT count(*) AS n FROM sqlite_schema', [])
    return driver
  } catch (error) {
    driver.close()
    throw error
  }
}

/** Keeps what was prepared, by its text. */
export function cachedBySql<Statement>(prepare: (sql: string) => Statement): (sql: string) => Statement {
  const statements = new Map<string, Statement>()
  return (sql) => {
    let statement = statements.get(sql)
    if (!statement) {
      statement = prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
}
