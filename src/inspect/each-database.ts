import type { ReadConnection } from '../db/connection.js'
import { openReadOnly } from '../db/open-read.js'
import { StateError } from '../errors.js'
import type { DatabaseFile } from '../schema/files.js'

/**
 * What `read` finds in each database, in their order. One that cannot be read is reported (by default as a notice) and
 * left out.
 *
 * @throws {StateError} the first failure, where none of the databases can be read
 */
export function* readEachDatabase<Result>(
  databases: readonly DatabaseFile[],
  onNotice: (text: string) => void,
  read: (connection: ReadConnection, file: DatabaseFile) => Result,
  onFailure: (failure: StateError) => void = (failure) => onNotice(failure.message),
): Generator<Result> {
  const failures: StateError[] = []
  let hasRead = false
  for (const file of databases) {
    let found: Result
    try {
      const connection = openReadOnly(file.path, { onNotice })
      try {
        found = read(connection, file)
      } finally {
        connection.close()
      }
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      if (hasRead) onFailure(error)
      else failures.push(error)
      continue
    }
    hasRead = true
    for (const failure of failures.splice(0)) onFailure(failure)
    yield found
  }
  // Until one is read, the first failure may be the one that ends it all, and is not reported twice.
  const [first, ...others] = failures
  if (!first) return
  for (const failure of others) onFailure(failure)
  throw first
}
