import { StateError } from '../errors.js'
import type { ThreadSort } from '../model/inspection.js'
import type { Release } from '../model/releases.js'
import type { ThreadRow } from '../model/thread.js'
import type { ListedThread, ThreadCursor } from '../query/threads/cursor.js'
import { pickerFilter, type ThreadSelection } from '../query/threads/filter.js'
import { hasThread } from '../query/threads/find.js'
import { type OnDamage, readThreads } from '../query/threads/list.js'
import type { ThreadTable } from '../query/threads/table.js'
import { judgeRolloutContent } from '../rollout/content.js'
import { findRecordedRollout, indexRollouts, isHidden, rootsOf } from '../rollout/locate.js'
import { readConfiguredProvider } from '../schema/home.js'
import { HEAD_LINE_COUNT, isMessageBehindHead, readEarlyListEntry, readListedHead } from './rollout-head.js'

export interface CodexViewOptions {
  codexHome: string
  cursor?: ThreadCursor | undefined
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
  filter: ThreadSelection,
  sort: ThreadSort,
  options: CodexViewOptions,
): AsyncGenerator<ListedThread[]> {
  const picked = options.isPicker
    ? {
        filter: pickerFilter(readConfiguredProvider(options.codexHome, options.onNotice)),
        isFromHeads: threads.release.filteredFromHeads,
      }
    : undefined
  const viewed: ThreadSelection = {
    ...filter,
    listed: 'asCodex',
    isArchived: filter.isArchived ?? false,
    ...(picked && !picked.isFromHeads ? picked.filter : {}),
  }
  const { release } = threads
  if (release.scansFiles && !options.cursor) await tellFilesWithoutRow(threads, viewed, options)
  let behindCount = 0
  const onBehind = () => {
    behindCount += 1
  }
  // Before 0.131 a blank message was enough for a head.
  if (picked?.isFromHeads && threads.release.content === 'firstUserMessage') viewed.listed = 'all'
  for (const page of readThreads(threads, viewed, sort, options)) {
    const listed = await Promise.all(
      page.map((entry) =>
        picked?.isFromHeads
          ? applyHead(entry, release, picked.filter, options)
          : applyRollout(entry, release, onBehind, options),
      ),
    )
    yield listed.filter((entry) => entry !== undefined)
  }
  if (behindCount > 0) {
    options.onNotice(
      `threads whose first message stands behind line ${HEAD_LINE_COUNT} of their rollouts, which Codex may leave out: ${behindCount}`,
    )
  }
}

/** Such releases look through the files as well; what they show of one without a row only they know. */
async function tellFilesWithoutRow(
  threads: ThreadTable,
  { isArchived }: ThreadSelection,
  { codexHome, onNotice }: CodexViewOptions,
): Promise<void> {
  const { byThread } = await indexRollouts(codexHome, { roots: rootsOf(isArchived) })
  let count = 0
  for (const [id, files] of byThread) {
    if (hasThread(threads, id)) continue
    const contents = await Promise.all(files.map(({ path }) => judgeRolloutContent(path)))
    if (contents.includes('usable')) count += 1
  }
  if (count > 0) {
    onNotice(
      `rollouts without a row, which Codex 0.100 to 0.147 lists from their files and this list lacks: ${count}`,
    )
  }
}

/** What the rollout makes of a row: the row, a row with the rollout's own texts, or nothing. */
async function applyRollout(
  entry: ListedThread,
  release: Release,
  onBehind: () => void,
  { codexHome, onNotice }: CodexViewOptions,
): Promise<ListedThread | undefined> {
  const { thread } = entry
  // Before there was a column for it, the first message was the preview.
  const shown = { ...entry, thread: { ...thread, preview: thread.preview ?? thread.firstUserMessage } }
  const file = findRecordedRollout(codexHome, thread.rolloutPath)
  if (file && !release.listsFromHeads && (await isMessageBehindHead(file))) onBehind()
  if (release.missingRollouts === 'shown' && !release.listsFromHeads) return shown
  if (!file && isHidden(codexHome, thread.rolloutPath)) {
    onNotice(`${thread.rolloutPath} cannot be seen here: thread ${thread.id} is listed as if it were there`)
    return shown
  }
  if (!file) return undefined
  if (!release.listsFromHeads) return shown
  try {
    const head = await readEarlyListEntry(file)
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
    const found = await readListedHead(file, thread, release)
    if (found.kind !== 'listed') return undefined
    const { metadata: head, provider, preview } = found
    if (sources && !sources.values.includes(head.source)) return undefined
    if (providers && !providers.includes(provider)) return undefined
    const own = release.listsGitOfRows ? thread : undefined
    return {
      ...entry,
      thread: {
        ...thread,
        source: head.source,
        modelProvider: provider,
        cwd: head.cwd,
        cliVersion: head.cliVersion,
        preview,
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
