import type { WriteConnection } from '../db/open.js'
import type { ThreadMetadata } from '../model/thread.js'
import { findThread, metadataFromRow } from '../query/thread-pages.js'
import { buildMetadata, type ThreadBuilder } from '../rollout/builder.js'
import { normalizeCwd } from '../rollout/cwd.js'
import { applyRolloutItem } from '../rollout/metadata.js'
import type { RolloutItem } from '../rollout/parse.js'
import type { MetadataRules } from '../rollout/rules.js'
import { persistDynamicTools } from '../store/dynamic-tools.js'
import { type ThreadTable, upsertThread } from '../store/threads.js'

export interface LiveItemsOptions {
  rules: MetadataRules
  defaultProvider: string
  /** Unix milliseconds; `undefined` when not known, then the thread's time stays. */
  changedAtMs: number | undefined
  /** Whether the releases of this file keep a session_meta's tools in the database (0.95 to 0.135). */
  storesTools: boolean
}

/** What a recorder does after it has written items to a rollout: applies them to the thread's row. */
export function applyLiveItems(
  db: WriteConnection,
  table: ThreadTable,
  builder: ThreadBuilder,
  items: readonly RolloutItem[],
  { rules, defaultProvider, changedAtMs, storesTools }: LiveItemsOptions,
): ThreadMetadata {
  return db.transaction(() => {
    const row = findThread(db, table.columns, builder.id)
    let metadata = row
      ? { ...metadataFromRow(row), rolloutPath: builder.rolloutPath }
      : buildMetadata(builder, { defaultProvider, rules })
    for (const item of items) {
      metadata = applyRolloutItem(metadata, item, rules)
      if (metadata.modelProvider === '') metadata = { ...metadata, modelProvider: defaultProvider }
    }
    // Live writes of 0.99 on name the folder as it really is.
    const cwd = table.columns.firstUserMessage === undefined ? metadata.cwd : normalizeCwd(metadata.cwd)
    metadata = { ...metadata, cwd, updatedAtMs: changedAtMs ?? metadata.updatedAtMs }
    upsertThread(table, metadata)
    const meta = items.find((item) => item.kind === 'sessionMeta')
    if (meta && storesTools) persistDynamicTools(db, builder.id, meta.dynamicTools)
    return metadata
  })
}
