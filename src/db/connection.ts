import { StateError } from '../errors.js'

export type SqlValue = string | number | bigint | Uint8Array | null

/** One database, opened for reading. Every call is a whole read of its own: nothing stays open in between. */
export interface ReadConnection {
  readonly path: string
  /** Whether a copy is read, made only for this connection. */
  readonly isPrivateCopy: boolean
  all<Row>(sql: string, ...params: SqlValue[]): Row[]
  get<Row>(sql: string, ...params: SqlValue[]): Row | undefined
  /** What `take` makes of each row: of all rows only that is in memory at once. */
  map<Row, Result>(sql: string, params: SqlValue[], take: (row: Row) => Result): Result[]
  /**
   * Several reads of one state of the database. Keep it short: a writer's WAL cannot be reused meanwhile.
   * `run` may be called again when the file changed under it.
   */
  snapshot<T>(run: () => T): T
  /** Another text than before, whenever somebody else may have changed what is read: much cheaper than to read it. */
  version(): string
  close(): void
}

/** One database, opened for reading and writing, by one process that may be one of several. */
export interface WriteConnection extends ReadConnection {
  /** Runs one statement; gives the number of rows that it inserted, changed or deleted. */
  run(sql: string, ...params: SqlValue[]): number
  /** Runs statements that take no parameters. */
  exec(sql: string): void
  /**
   * Runs `work` in a transaction that holds the write lock from its start, so that what `work` read is still
   * true when it writes; rolled back when `work` throws. One inside another is part of the outer one.
   */
  transaction<T>(work: () => T): T
  /**
   * Makes the database at `path` a copy of this one, as it is at one moment; what was there before is replaced
   * in one transaction. Other connections may read and write meanwhile.
   */
  backup(path: string): Promise<void>
}

/** A connection that may be asked for anything and changes nothing: for a look at what writing would do. */
export function refuseWrites(connection: ReadConnection): WriteConnection {
  const refuse = (): never => {
    throw new StateError('DB_READONLY', `${connection.path} is open read-only`)
  }
  return { ...connection, run: refuse, exec: refuse, transaction: refuse, backup: refuse }
}
