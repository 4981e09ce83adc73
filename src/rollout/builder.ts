import type { MetadataRules } from '../model/releases.js'
import type { ThreadMetadata } from '../model/thread.js'
import { adoptIdentity, applyRolloutItem, createMetadata } from './apply-item.js'
import type { RolloutItem } from './parse.js'

/** What is known of a thread before its items are applied; all else begins with Codex's defaults. */
export interface ThreadBuilder extends Partial<ThreadMetadata> {
  id: string
  rolloutPath: string
  /** Unix milliseconds. */
  createdAtMs: number
}

/**
 * The metadata that items are applied to. Defaults: source `vscode`, a read-only sandbox in the form that the
 * rules store, approval `on-request`, changed when created, the given provider; texts empty.
 */
export function buildMetadata(
  builder: ThreadBuilder,
  { defaultProvider, rules }: { defaultProvider: string; rules: MetadataRules },
): ThreadMetadata {
  const origin = { path: builder.rolloutPath, modifiedAtMs: builder.createdAtMs, isArchived: false }
  // What the file's name says of the time is local, and no time of change.
  const metadata = { ...createMetadata(origin, rules), updatedAtMs: builder.createdAtMs, ...builder }
  return { ...metadata, modelProvider: metadata.modelProvider || defaultProvider }
}

/**
 * The builder of a rollout whose items these are, with all that the first session_meta says of its thread; without
 * one its thread and time are those of the file name; `undefined` when neither tells.
 */
export function builderFromItems(
  items: readonly RolloutItem[],
  rolloutPath: string,
  rules: MetadataRules,
): ThreadBuilder | undefined {
  const fromName = createMetadata({ path: rolloutPath, modifiedAtMs: null, isArchived: false }, rules)
  const meta = items.find((item) => item.kind === 'sessionMeta')
  if (!meta) {
    const { id, rolloutPath: plainPath, createdAtMs } = fromName
    return id === '' ? undefined : { id, rolloutPath: plainPath, createdAtMs }
  }
  const { updatedAtMs: _, ...builder } = applyRolloutItem(adoptIdentity(fromName, meta), meta, rules)
  return builder.id === '' ? undefined : builder
}
