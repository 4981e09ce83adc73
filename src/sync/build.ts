import { existsSync } from 'node:fs'
import { basename, join, resolve, sep } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { ReadConnection, WriteConnection } from '../db/connection.js'
import { copySchema } from '../db/copy-schema.js'
import { migrate } from '../db/migrate.js'
import { loadStateMigrations } from '../db/migration-files.js'
import { openReadOnly } from '../db/open-read.js'
import { openReadWrite } from '../db/open-write.js'
import { StateError } from '../errors.js'
import type { LineEnds } from '../model/line-ends.js'
import type { BackfillOptions, SyncCounts } from '../model/sync.js'
import { findForeignRollout } from '../query/threads/find.js'
import { describeThreadTable } from '../query/threads/table.js'
import { listRollouts } from '../rollout/list.js'
import { readRolloutBatches } from '../rollout/read-batches.js'
import { OWN_STATE_GENERATION, stateDbFilename } from '../schema/files.js'
import { listTables } from '../schema/inspect.js'
import { THREAD_TABLE } from '../schema/threads.js'
import { markBackfillComplete } from '../store/backfill.js'
import { backfill, type Clock, reportFailures, storeBatch, storeRollouts } from './backfill.js'
import type { HomeTraces } from './home-traces.js'
import { selectUnsettled } from './settled.js'
import { attachTarget, extractSettings, type SyncTarget } from './target.js'

export interface BuildOptions extends BackfillOptions, Clock {
  codexHome: string
  /** The home's own state database, whose generation and migrations the new one gets. */
  modelPath: string | undefined
  /** What tells these where there is no model; default: ours. */
  traces?: HomeTraces | undefined
  /** The form of the home's migrations, for a new database that has no model; `undefined`: that of this system. */
  lineEnds?: LineEnds | undefined
  /** Where the new database is made. */
  folder: string
  /** Whether somebody works on the new database at this moment, as far as can be told. */
  isHeld: (path: string) => boolean
}

export function builtPath({
  folder,
  modelPath,
  traces,
}: Pick<BuildOptions, 'folder' | 'modelPath' | 'traces'>): string {
  return join(folder, modelPath === undefined ? stateDbFilename(traces?.generation) : basename(modelPath))
}

/**
 * Builds a state database from a home's rollouts in another folder, or goes on with one that was begun, or brings
 * one up to date that was built before. Of the home everything is only read.
 *
 * @throws {StateError} `INVALID` when the database there is of another home; `BACKFILL_TIMEOUT`; `ABORTED`; and
 *   as every read and write
 */
export async function buildStateDatabase(options: BuildOptions): Promise<SyncCounts> {
  const startedMs = performance.now()
  const path = builtPath(options)
  if (existsSync(path)) refuseForeign(path, options)
  const state = openReadWrite(path, { create: true })
  try {
    const target = prepare(state, options)
    const counts = target.hasBackfillState
      ? // Only ours: a run that was killed has left its lease, and nobody has to wait for that.
        await backfill(target, { ...options, isAbandoned: () => !options.isHeld(state.path) })
      : ({ kind: 'alreadyComplete' } as const)
    if (counts.kind === 'ran') return counts
    return { ...(await refresh(target, options)), durationMs: Math.round(performance.now() - startedMs) }
  } finally {
    state.close()
  }
}

/** Before it is opened for writing, since that would change its journal mode. */
function refuseForeign(path: string, { codexHome }: BuildOptions): void {
  const hint = 'Name an empty or new folder.'
  const existing = openReadOnly(path)
  try {
    const tables = listTables(existing)
    // That of a run that ended before it had a schema.
    if (tables.length === 0) return
    if (!tables.includes(THREAD_TABLE)) throw new StateError('INVALID', `${path} has no threads`, { hint })
    const foreign = findForeignRollout(describeThreadTable(existing), resolve(codexHome) + sep)
    if (foreign !== undefined)
      throw new StateError('INVALID', `${path} has threads of another home: ${foreign}`, { hint })
  } finally {
    existing.close()
  }
}

function prepare(state: WriteConnection, options: BuildOptions): SyncTarget {
  const model = options.modelPath === undefined ? undefined : openReadOnly(options.modelPath)
  try {
    if (listTables(state).length === 0) makeSchema(state, model, options)
    // Its rows tell more than its schema, which the new one has too.
    const release = model ? describeThreadTable(model).release : options.traces?.release
    return attachTarget(state, options.codexHome, release)
  } finally {
    model?.close()
  }
}

function makeSchema(
  state: WriteConnection,
  model: ReadConnection | undefined,
  { lineEnds, traces }: BuildOptions,
): void {
  if (model) copySchema(model, state)
  // All or nothing: half a schema would be taken for a whole one by the next run.
  else
    state.transaction(() =>
      migrate(state, loadStateMigrations(traces?.generation ?? OWN_STATE_GENERATION), lineEnds),
    )
}

/** Reads what is new or changed since; all of it where the layout does not tell how far a backfill got. */
async function refresh(target: SyncTarget, options: BuildOptions) {
  const { files, unreadable } = await listRollouts(target.codexHome, options)
  for (const { path, reason } of unreadable) options.onFailure?.({ path, reason })
  const pending = selectUnsettled(target, files)
  const counts = { scanned: 0, upserted: 0, failed: 0 }
  options.onProgress?.({ done: 0, total: pending.length })
  const settings = extractSettings(target, options.defaultProvider)
  for await (const batch of readRolloutBatches(pending, settings, options)) {
    const stored = storeBatch(target.state, () => storeRollouts(target, batch))
    counts.scanned += batch.length
    counts.failed += reportFailures(stored, options)
    counts.upserted = counts.scanned - counts.failed
    options.onProgress?.({ done: counts.scanned, total: pending.length })
  }
  if (target.hasBackfillState && pending.length > 0) {
    markBackfillComplete(target.state, files.at(-1)?.watermark, Math.floor(options.now() / 1000))
  }
  return counts
}
