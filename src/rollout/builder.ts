import type { MetadataRules } from '../model/releases.js'
import type { ThreadMetadata } from '../model/thread.js'
import { adoptIdentity, createMetadata } from './metadata.js'
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
  const metadata = { ...createMetadata(origin, rules), ...builder }
  return { ...metadata, modelProvider: metadata.modelProvider || defaultProvider }
}

/**
 * The builder of a rollout whose items these are: its thread and time are those of the first session_meta, else
 * those of the file name; `undefined` when neither tells.
 */
export function builderFromItems(
  items: readonly RolloutItem[],
  rolloutPath: string,
  rules: MetadataRules,
): ThreadBuilder | undefined {
  const fromName = createMetadata({ path: rolloutPath, modifiedAtMs: null, isArchived: false }, rules)
  const meta = items.find((item) => item.kind === 'sessionMeta')
  const {
    id,
    rolloutPath: plainPath,
    createdAtMs,
    historyMode,
  } = meta ? adoptIdentity(fromName, meta) : fromName
  return id === '' ? undefined : { id, rolloutPath: plainPath, createdAtMs, historyMode }
}
