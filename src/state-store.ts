import type { BackfillOptions, FindThreadPathOptions, ThreadListQuery } from './model/sync.js'
import type { ThreadPage } from './model/thread-page.js'
import { type InitOptions, StateRuntime } from './runtime.js'
import { checkText, checkThreadPageQuery } from './runtime-arguments.js'
import { listThreadsOnDisk } from './sync/list.js'
import { findThreadPathOnDisk } from './sync/read-repair.js'

/**
 * Opens our own state database of a home, ready to be asked: made and migrated if need be, and its backfill
 * complete, by this call or by another process that was waited for. Nothing else opens one: hand the runtime on,
 * and close it in the end.
 *
 * @throws {StateError} `BACKFILL_TIMEOUT` when another process did not complete the backfill in time; `ABORTED`;
 *   and as `StateRuntime.init`
 */
export async function initStateStore(
  options: InitOptions & Omit<BackfillOptions, 'defaultProvider'>,
): Promise<StateRuntime> {
  const runtime = StateRuntime.init(options)
  try {
    // Returns once it is complete, whoever did it.
    await runtime.backfill(options)
    return runtime
  } catch (error) {
    runtime.close()
    throw error
  }
}

/** Whom to ask: a home, and its database where there is one (`StateRuntime.openIfPresent`). */
export interface ThreadSource {
  codexHome: string
  runtime: StateRuntime | undefined
  /** Stands for a provider that a rollout does not name, where there is no runtime. */
  defaultProvider: string
}

/**
 * A page of threads, newest first: from the database, else from the folders; the cursor of one goes on in the
 * other. See `StateRuntime.listThreadsWithFallback`.
 *
 * @throws {StateError} `ABORTED`
 */
export async function listThreadsWithFallback(
  source: ThreadSource,
  query: ThreadListQuery,
): Promise<ThreadPage> {
  checkThreadPageQuery(query)
  return source.runtime
    ? source.runtime.listThreadsWithFallback(query)
    : listThreadsOnDisk(source.codexHome, query, source.defaultProvider)
}

/**
 * The rollout of a thread on disk, `undefined` when there is none; without a database by its name and the id in
 * it. See `StateRuntime.findThreadPath`.
 *
 * @throws {StateError} `ABORTED`
 */
export async function findThreadPath(
  source: Pick<ThreadSource, 'codexHome' | 'runtime'>,
  id: string,
  options: FindThreadPathOptions = {},
): Promise<string | undefined> {
  checkText('id', id)
  return source.runtime
    ? source.runtime.findThreadPath(id, options)
    : findThreadPathOnDisk(source.codexHome, id, options)
}
