import type { ThreadMetadata } from '../model/thread.js'
import { findThread, metadataFromRow } from '../query/threads/find.js'
import { applyRolloutItem } from '../rollout/apply-item.js'
import { buildMetadata, type ThreadBuilder } from '../rollout/builder.js'
import { normalizeCwd } from '../rollout/cwd.js'
import type { RolloutItem } from '../rollout/parse.js'
import { persistDynamicTools } from '../store/dynamic-tools.js'
import { setMemoryMode, upsertThread } from '../store/threads.js'
import type { SyncTarget } from './target.js'

export interface LiveItemsOptions {
  defaultProvider: string
  /** Unix milliseconds; `undefined` when not known, then the thread's time stays. */
  changedAtMs: number | undefined
}

/** What a recorder does after it has written items to a rollout: applies them to the thread's row. */
export function applyLiveItems(
  target: SyncTarget,
  builder: ThreadBuilder,
  items: readonly RolloutItem[],
  { defaultProvider, changedAtMs }: LiveItemsOptions,
): ThreadMetadata {
  const { state, threads, threadTable, rules, storesTools } = target
  return state.transaction(() => {
    const row = findThread(threads, builder.id)
    let metadata = row
      ? { ...metadataFromRow(row), rolloutPath: builder.rolloutPath }
      : buildMetadata(builder, { defaultProvider, rules })
    for (const item of items) {
      metadata = applyRolloutItem(metadata, item, rules)
      if (metadata.modelProvider === '') metadata = { ...metadata, modelProvider: defaultProvider }
    }
    const cwd = rules.normalizesLiveCwd ? normalizeCwd(metadata.cwd) : metadata.cwd
    metadata = { ...metadata, cwd, updatedAtMs: changedAtMs ?? metadata.updatedAtMs }
    upsertThread(threadTable, metadata)
    const metas = items.filter((item) => item.kind === 'sessionMeta')
    // The last word of these items; what the row had before them is none.
    const memoryMode = metas.findLast((meta) => meta.memoryMode !== null)?.memoryMode
    if (typeof memoryMode === 'string') setMemoryMode(threadTable, builder.id, memoryMode)
    const meta = metas[0]
    if (meta && storesTools) persistDynamicTools(state, builder.id, meta.dynamicTools)
    return metadata
  })
}
