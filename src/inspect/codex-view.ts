import { StateError } from '../errors.js'
import type { ThreadSort } from '../model/inspection.js'
import {
  type ListedThread,
  type OnDamage,
  readThreads,
  type ThreadAnchor,
  type ThreadFilter,
  type ThreadTable,
} from '../query/thread-list.js'
import { type CodexView, INTERACTIVE_SOURCES, resolveCodexView } from '../schema/codex-view.js'
import { readConfiguredProvider } from '../schema/home.js'
import { readIndexNames } from '../schema/inspect.js'
import { readRolloutHead } from './rollout-head.js'
import { findRecordedRollout } from './rollout-places.js'

export interface CodexViewOptions {
  codexHome: string
  after?: ThreadAnchor | undefined
  pageRows?: number
  /** As a client is answered that asks for nothing: interactive sources of the configured provider. */
  isPicker: boolean
  onNotice: (text: string) => void
  onDamage?: OnDamage | undefined
}

/** The threads that the Codex of this layout lists, in its order; active ones unless `filter` says archived. */
export async function* listCodexView(
  threads: ThreadTable,
  filter: ThreadFilter,
  sort: ThreadSort,
  options: CodexViewOptions,
): AsyncGenerator<ListedThread[]> {
  const { table } = threads
  const isArchived = filter.isArchived ?? false
  const view = resolveCodexView(
    {
      columns: table.columns,
      indexes: readIndexNames(table.connection, 'threads'),
      generation: table.file.generation,
    },
    isArchived,
  )
  const viewed: ThreadFilter = {
    ...filter,
    isArchived,
    conditions: view.conditions,
    ...(options.isPicker
      ? {
          sources: INTERACTIVE_SOURCES,
          providers: [readConfiguredProvider(options.codexHome, options.onNotice)],
        }
      : {}),
  }
  for (const page of readThreads(threads, viewed, sort, options)) {
    const listed = await Promise.all(page.map((entry) => applyRollout(entry, view, options)))
    yield listed.filter((entry) => entry !== undefined)
  }
}

/** What the rollout makes of a row: the row, a row with the rollout's own texts, or nothing. */
async function applyRollout(
  entry: ListedThread,
  view: CodexView,
  { codexHome, onNotice }: CodexViewOptions,
): Promise<ListedThread | undefined> {
  const { thread } = entry
  // Before there was a column for it, the first message was the preview.
  const shown = { ...entry, thread: { ...thread, preview: thread.preview ?? thread.firstUserMessage } }
  if (!view.skipsMissingRollouts && !view.isFromRolloutHead) return shown
  const file = findRecordedRollout(codexHome, thread.rolloutPath)
  if (!file) return undefined
  if (!view.isFromRolloutHead) return shown
  try {
    const head = await readRolloutHead(file)
    return head && { ...entry, thread: { ...thread, ...head } }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onNotice(error.message)
    return undefined
  }
}
