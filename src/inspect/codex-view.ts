import { StateError } from '../errors.js'
import type { ThreadSort } from '../model/inspection.js'
import type { Release } from '../model/releases.js'
import type { ThreadRow } from '../model/thread.js'
import { pickerFilter, type ThreadFilter } from '../query/threads/filter.js'
import { type ListedThread, type OnDamage, readThreads, type ThreadAnchor } from '../query/threads/list.js'
import type { ThreadTable } from '../query/threads/table.js'
import { findRecordedRollout, isHidden } from '../rollout/locate.js'
import { readConfiguredProvider } from '../schema/home.js'
import { readHeadMetadata, readRolloutHead } from './rollout-head.js'

export interface CodexViewOptions {
  codexHome: string
  after?: ThreadAnchor | undefined
  pageRows?: number
  selected?: ReadonlySet<keyof ThreadRow> | undefined
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
  const picked = options.isPicker
    ? {
        filter: pickerFilter(readConfiguredProvider(options.codexHome, options.onNotice)),
        isFromHeads: threads.release.filteredFromHeads,
      }
    : undefined
  const viewed: ThreadFilter = {
    ...filter,
    listed: 'asCodex',
    isArchived: filter.isArchived ?? false,
    ...(picked && !picked.isFromHeads ? picked.filter : {}),
  }
  // Before 0.131 a blank message was enough for a head.
  if (picked?.isFromHeads && threads.release.content === 'firstUserMessage') viewed.listed = 'all'
  for (const page of readThreads(threads, viewed, sort, options)) {
    const listed = await Promise.all(
      page.map((entry) =>
        picked?.isFromHeads
          ? applyHead(entry, threads.release, picked.filter, options)
          : applyRollout(entry, threads.release, options),
      ),
    )
    yield listed.filter((entry) => entry !== undefined)
  }
}

/** What the rollout makes of a row: the row, a row with the rollout's own texts, or nothing. */
async function applyRollout(
  entry: ListedThread,
  release: Release,
  { codexHome, onNotice }: CodexViewOptions,
): Promise<ListedThread | undefined> {
  const { thread } = entry
  // Before there was a column for it, the first message was the preview.
  const shown = { ...entry, thread: { ...thread, preview: thread.preview ?? thread.firstUserMessage } }
  if (release.missingRollouts === 'shown' && !release.listsFromHeads) return shown
  const file = findRecordedRollout(codexHome, thread.rolloutPath)
  if (!file && isHidden(codexHome, thread.rolloutPath)) {
    onNotice(`${thread.rolloutPath} cannot be seen here: thread ${thread.id} is listed as if it were there`)
    return shown
  }
  if (!file) return undefined
  if (!release.listsFromHeads) return shown
  try {
    const head = await readRolloutHead(file)
    return head && { ...entry, thread: { ...thread, ...head } }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onNotice(error.message)
    return undefined
  }
}

/** The row with what the head of its rollout says, where that is what was asked for. */
async function applyHead(
  entry: ListedThread,
  release: Release,
  { sources, providers }: ReturnType<typeof pickerFilter>,
  { codexHome, onNotice }: CodexViewOptions,
): Promise<ListedThread | undefined> {
  const { thread } = entry
  const file = findRecordedRollout(codexHome, thread.rolloutPath)
  if (!file) return undefined
  try {
    const found = await readHeadMetadata(file, { rules: release, isArchived: thread.isArchived })
    const shown = thread.preview || thread.firstUserMessage
    if (!found || (!shown && !found.hasMessage)) return undefined
    const head = found.metadata
    if (sources && !sources.values.includes(head.source)) return undefined
    if (providers && !providers.includes(head.modelProvider || thread.modelProvider)) return undefined
    const own = release.listsGitOfRows ? thread : undefined
    return {
      ...entry,
      thread: {
        ...thread,
        source: head.source,
        modelProvider: head.modelProvider || thread.modelProvider,
        cwd: head.cwd,
        cliVersion: head.cliVersion,
        preview: shown || head.preview || '',
        createdAtMs: head.createdAtMs,
        updatedAtMs: file.modifiedAtMs,
        gitSha: own?.gitSha ?? head.gitSha,
        gitBranch: own?.gitBranch ?? head.gitBranch,
        gitOriginUrl: own?.gitOriginUrl ?? head.gitOriginUrl,
      },
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    onNotice(error.message)
    return undefined
  }
}
