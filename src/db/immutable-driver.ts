import { pathToFileURL } from 'node:url'
import { cachedBySql, type Driver, mapRows, provenReadable, type SqlFunctions } from './driver.js'
import type { HeldFile } from './held-files.js'

/**
 * Opens the main file as it is, without locks and without a look at a log. better-sqlite3 is built without URI names,
 * so `immutable=1` needs Node's own SQLite. `undefined` on a Node that has it behind a flag (22.12).
 */
export function openImmutable(path: string, functions: SqlFunctions, held: HeldFile): Driver | undefined {
  const sqlite = loadNodeSqlite()
  if (!sqlite) return undefined
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  const database = new sqlite.DatabaseSync(url, { readOnly: true })
  for (const [name, run] of Object.entries(functions)) {
    database.function(name, { deterministic: true, varargs: true }, run)
  }
  const prepare = cachedBySql((sql) => database.prepare(sql))
  return provenReadable({
    all: (sql, params) => {
      const statement = prepare(sql)
      return roundingBigInts(statement, () => statement.all(...params).map(fromNodeRow))
    },
    get: (sql, params) => {
      const statement = prepare(sql)
      return roundingBigInts(statement, () => fromNodeRow(statement.get(...params)))
    },
    map: (sql, params, take) => {
      const statement = prepare(sql)
      return roundingBigInts(statement, () =>
        mapRows(statement.iterate(...params), (row) => take(fromNodeRow(row as Record<string, unknown>))),
      )
    },
    exec: (sql) => database.exec(sql),
    // Another SQLite than the one that locks: it closes its descriptor without regard to that.
    close: () => held.defer(() => database.close()),
  })
}

function loadNodeSqlite(): typeof import('node:sqlite') | undefined {
  // Node 22 prints an "experimental" warning when the module is loaded; it is no news to a user of this tool.
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Node's driver refuses integers above 2^53 where better-sqlite3 rounds them: round here too. */
function roundingBigInts<T>(statement: { setReadBigInts(on: boolean): void }, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_OUT_OF_RANGE') throw error
    statement.setReadBigInts(true)
    try {
      return read()
    } finally {
      statement.setReadBigInts(false)
    }
  }
}

function fromNodeRow(row: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  if (row === undefined) return undefined
  for (const key in row) {
    const value = row[key]
    if (typeof value === 'bigint') row[key] = Number(value)
    else if (value instanceof Uint8Array) row[key] = Buffer.from(value.buffer, value.byteOffset, value.length)
  }
  return row
}
