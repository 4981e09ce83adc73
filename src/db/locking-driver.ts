import Database from 'better-sqlite3'
import type { SqlValue } from './connection.js'
import { cachedBySql, type Driver, mapRows, provenReadable, type SqlFunctions } from './driver.js'

/** Opens with the locks of a reader; where the file has a log, that and its index are used, or made if missing. */
export function openShared(path: string, functions: SqlFunctions): Driver {
  return openWithBetterSqlite(path, functions, { readonly: true })
}

/** Opens what only we use; what a transaction left half done in it is rolled back. */
export function openOwn(path: string, functions: SqlFunctions): Driver {
  return openWithBetterSqlite(path, functions, { readonly: false })
}

function openWithBetterSqlite(
  path: string,
  functions: SqlFunctions,
  { readonly }: { readonly: boolean },
): Driver {
  const database = new Database(path, { readonly, fileMustExist: true })
  // Windows are read once: 16 MB for each connection, the default here, buys no time.
  database.pragma('cache_size = -2000')
  for (const [name, run] of Object.entries(functions)) {
    const options = { deterministic: true, varargs: true }
    database.function(name, options, (...values: unknown[]) => run(...(values as SqlValue[])))
  }
  const prepare = cachedBySql((sql) => database.prepare<SqlValue[]>(sql))
  return provenReadable({
    all: (sql, params) => prepare(sql).all(...params),
    get: (sql, params) => prepare(sql).get(...params),
    map: (sql, params, take) => mapRows(prepare(sql).iterate(...params), take),
    exec: (sql) => void database.exec(sql),
    close: () => database.close(),
  })
}

/**
 * Removes an empty log and its index, which a reader made: SQLite does so when the last user of a database closes it,
 * if that may write. It does nothing while somebody else has the database open, nor to the database itself.
 */
export function removeEmptyLog(path: string): void {
  let database: Database.Database | undefined
  try {
    database = new Database(path, { fileMustExist: true, timeout: 0 })
    database.prepare('SELECT count(*) FROM sqlite_schema').get()
  } catch {
    // Somebody else is at it, or it is not ours to write.
  } finally {
    database?.close()
  }
}
