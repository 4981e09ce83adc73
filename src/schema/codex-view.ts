/** What is there of a table. */
export interface StoredLayout {
  columns: ReadonlySet<string>
  indexes: ReadonlySet<string>
  /** Of the file. */
  generation: number
}

/**
 * Which threads the Codex of a layout lists. A layout is told by what it has; of each group the first entry
 * whose `has` is there counts.
 */
export interface Rule<Value> {
  /** A column or index of `threads`, or the least generation of the file; `undefined` fits every layout. */
  has?: { column: string } | { index: string } | { generation: number }
  value: Value
}

export interface ContentRule {
  /** SQL on the columns of `threads`. */
  condition: string | undefined
  /**
   * Releases to 0.98 made each entry of a list from the head of its rollout: a thread is left out unless a
   * message that its user typed stands there before the event that reports it.
   */
  isFromRolloutHead?: boolean
}

const CONTENT: readonly Rule<ContentRule>[] = [
  { has: { column: 'preview' }, value: { condition: `preview <> ''` } },
  { has: { column: 'first_user_message' }, value: { condition: `first_user_message <> ''` } },
  { value: { condition: 'has_user_event = 1', isFromRolloutHead: true } },
]

/** Archived lists show threads without a message since migration 58, whose indexes serve them. */
const ARCHIVED_CONTENT: readonly Rule<ContentRule>[] = [
  { has: { index: 'idx_threads_archive_created_at_ms' }, value: { condition: undefined } },
  ...CONTENT,
]

const ATTACHED: readonly Rule<string | undefined>[] = [
  { has: { column: 'attached_thread_parent_id' }, value: 'attached_thread_parent_id IS NULL' },
  { value: undefined },
]

/** Since 0.100 a row whose rollout is gone is passed over (or dropped); before, it was listed as it is. */
const SKIPS_MISSING_ROLLOUTS: readonly Rule<boolean>[] = [
  { has: { generation: 5 }, value: true },
  { value: false },
]

/** What the picker shows: sessions that people began. The custom ones are Codex's own apps (0.116 on). */
export const INTERACTIVE_SOURCES = ['cli', 'vscode', '{"custom":"atlas"}', '{"custom":"chatgpt"}'] as const

export interface CodexView {
  conditions: string[]
  isFromRolloutHead: boolean
  skipsMissingRollouts: boolean
}

export function resolveCodexView(layout: StoredLayout, isArchived: boolean): CodexView {
  const content = firstFitting(isArchived ? ARCHIVED_CONTENT : CONTENT, layout)
  const conditions = [content.condition, firstFitting(ATTACHED, layout)]
  return {
    conditions: conditions.filter((condition) => condition !== undefined),
    isFromRolloutHead: content.isFromRolloutHead ?? false,
    skipsMissingRollouts: firstFitting(SKIPS_MISSING_ROLLOUTS, layout),
  }
}

function firstFitting<Value>(rules: readonly Rule<Value>[], layout: StoredLayout): Value {
  const found = rules.find(({ has }) => {
    if (!has) return true
    if ('column' in has) return layout.columns.has(has.column)
    if ('index' in has) return layout.indexes.has(has.index)
    return layout.generation >= has.generation
  })
  // Every group ends with a rule that fits every layout.
  return found!.value
}
