import { StateError } from '../errors.js'
import { isSamePath } from '../model/paths.js'
import { INTERACTIVE_SOURCES } from '../model/releases.js'
import type { ThreadRow } from '../model/thread.js'
import { isSameFolder } from '../query/cwd-spellings.js'
import { isListed } from '../query/threads/find.js'
import type { ThreadTable } from '../query/threads/table.js'
import { type LocatedRollout, relocatePath } from '../rollout/locate.js'
import type { BackfillReport } from './backfill-status.js'
import {
  HEAD_LINE_COUNT,
  isMessageBehindHead,
  type ListedHead,
  readEarlyListEntry,
  readListedHead,
} from './rollout-head.js'

export interface Check {
  name: string
  isPassed: boolean
  /** What was found, in plain words. */
  detail: string
}

export interface WhyFacts {
  id: string
  codexHome: string
  /** `undefined` where there is no state database. */
  threads: ThreadTable | undefined
  thread: ThreadRow | undefined
  rollout: LocatedRollout | undefined
  /** Whether there are places that may not be looked at, where it may lie. */
  isRolloutHidden: boolean
  /** What was met while it was looked for. */
  rolloutNotices: readonly string[]
  /** Why Codex refuses to resume it. */
  obstacle: string | undefined
  backfill: BackfillReport
  /** That of `config.toml`. */
  provider: string
  /** The folder that Codex is started in. */
  cwd: string
}

/** Every reason for which Codex's picker leaves a thread out. The first that fails is the one to look at. */
export async function checkPicker(facts: WhyFacts): Promise<Check[]> {
  const { thread, threads, rollout } = facts
  const head = thread && threads && rollout && (await findListedHead(thread, threads, rollout))
  const ofRow =
    thread && threads
      ? [
          checkArchived(thread),
          checkSource(thread, head),
          checkProvider(thread, head, facts.provider),
          checkCwd(thread, facts.cwd, threads),
          await checkContent(thread, threads, rollout, head),
        ]
      : []
  const ofHome = thread && facts.rollout?.foundBy === 'row' ? [checkHome(facts, thread)] : []
  return [checkRow(facts), ...ofRow, checkRollout(facts), ...ofHome, checkBackfill(facts.backfill)]
}

function checkRow({ thread, threads, id, rollout }: WhyFacts): Check {
  if (thread) return { name: 'row', isPassed: true, detail: 'it has a row in the state database' }
  if (threads?.release.scansFiles && rollout?.foundBy === 'name') {
    return {
      name: 'row',
      isPassed: true,
      detail: 'it has no row yet: Codex 0.100 to 0.147 lists it from its file, and adds the row',
    }
  }
  return {
    name: 'row',
    isPassed: false,
    detail: threads
      ? `no row of ${threads.connection.path} has the id ${id}: Codex has not taken its rollout over yet`
      : 'there is no state database in this home',
  }
}

function checkRollout({ rollout, rolloutNotices, isRolloutHidden, obstacle, thread }: WhyFacts): Check {
  const name = 'rollout'
  if (!rollout) {
    return {
      name,
      isPassed: false,
      detail: [
        isRolloutHidden
          ? 'whether it has a rollout in this home is not known'
          : 'it has no rollout of its own in this home',
        ...rolloutNotices,
      ].join('; '),
    }
  }
  if (rollout.isUnreadable) {
    const unknown = `whether ${rollout.path} belongs to this thread is not known`
    return { name, isPassed: false, detail: [unknown, ...rolloutNotices].join('; ') }
  }
  if (obstacle !== undefined) {
    return { name, isPassed: false, detail: `Codex does not resume ${rollout.path}: ${obstacle}` }
  }
  if (rollout.foundBy === 'name' && thread) {
    return { name, isPassed: false, detail: `its rollout was moved: it is at ${rollout.path}` }
  }
  if (rollout.foundBy === 'unverified') {
    return {
      name,
      isPassed: false,
      detail: `${rollout.path} does not say that it belongs to this thread`,
    }
  }
  return {
    name,
    isPassed: true,
    detail: rollout.isCompressed
      ? 'its rollout is there, compressed: Codex 0.137 or newer reads it, older ones do not'
      : 'its rollout is there and says that it is this thread',
  }
}

function checkBackfill({ hasState, status, leftCount, failedCount }: BackfillReport): Check {
  const name = 'backfill'
  const missing = leftCount + failedCount
  if (!hasState) return { name, isPassed: true, detail: 'this layout has no backfill to wait for' }
  if (status !== 'complete') {
    return {
      name,
      isPassed: false,
      detail: `importing threads from rollouts is not complete (${status ?? 'its state is lost, which counts as pending'}): until then Codex lists from files, or not at all`,
    }
  }
  return {
    name,
    isPassed: true,
    detail: `importing threads from rollouts is complete${missing > 0 ? `; files without a row: ${missing}` : ''}`,
  }
}

function checkHome({ codexHome }: WhyFacts, { rolloutPath }: ThreadRow): Check {
  const relocated = relocatePath(codexHome, rolloutPath)
  const isPassed = relocated !== undefined && isSamePath(relocated, rolloutPath)
  return {
    name: 'home',
    isPassed,
    detail: isPassed
      ? 'its row points into this home'
      : `its row points into another home: ${rolloutPath}; this one was copied, mounted or restored`,
  }
}

function checkArchived({ isArchived }: ThreadRow): Check {
  return {
    name: 'archived',
    isPassed: !isArchived,
    detail: isArchived ? 'it is archived, and the picker shows active threads' : 'it is active',
  }
}

/** `undefined` where the release makes its lists only from rows, or the head cannot be read. */
async function findListedHead(
  thread: ThreadRow,
  { release }: ThreadTable,
  rollout: LocatedRollout,
): Promise<ListedHead | undefined> {
  if (!release.filteredFromHeads) return undefined
  try {
    return await readListedHead(rollout, thread, release)
  } catch (error) {
    if (error instanceof StateError) return undefined
    throw error
  }
}

/** Names the side that Codex goes by, where the other one says something else. */
function sideOf(ofHead: string | undefined, ofRow: string): string {
  return ofHead === undefined || ofHead === ofRow
    ? ''
    : ` in the first lines of its rollout (${ofRow} in its row)`
}

function checkProvider(thread: ThreadRow, head: ListedHead | undefined, configured: string): Check {
  const ofHead = head?.kind === 'listed' ? head.provider : undefined
  const provider = ofHead ?? thread.modelProvider
  const side = sideOf(ofHead, thread.modelProvider)
  const isPassed = provider === configured
  return {
    name: 'provider',
    isPassed,
    detail: isPassed
      ? `its provider is the configured one, ${configured}${side}`
      : `its provider is ${provider}${side}, and the picker shows those of the configured one, ${configured}`,
  }
}

function checkSource(thread: ThreadRow, head: ListedHead | undefined): Check {
  const ofHead = head?.kind === 'listed' ? head.metadata.source : undefined
  const source = ofHead ?? thread.source
  const side = sideOf(ofHead, thread.source)
  const isPassed = (INTERACTIVE_SOURCES as readonly string[]).includes(source)
  return {
    name: 'source',
    isPassed,
    detail: isPassed
      ? `its source is interactive: ${source}${side}`
      : `its source is ${source}${side}, and the picker shows interactive sessions (cli, vscode)`,
  }
}

async function checkContent(
  thread: ThreadRow,
  threads: ThreadTable,
  rollout: LocatedRollout | undefined,
  head: ListedHead | undefined,
): Promise<Check> {
  const { release } = threads
  const isBehind =
    head?.kind === 'behind' || (release.scansFiles && rollout && (await isMessageBehindHead(rollout)))
  if (isBehind) {
    return {
      name: 'content',
      isPassed: false,
      detail: `its first message stands behind line ${HEAD_LINE_COUNT} of its rollout, and Codex looks no further for one`,
    }
  }
  const hasHead = !release.listsFromHeads || (rollout && (await hasTypedHead(rollout)))
  const isPassed = isListed(threads, thread) && hasHead === true
  return {
    name: 'content',
    isPassed,
    detail: isPassed
      ? 'it has a message to show'
      : thread.attachedThreadParentId
        ? `it is attached to thread ${thread.attachedThreadParentId} and shown there`
        : 'it has no user message, and the picker leaves empty threads out',
  }
}

async function hasTypedHead(rollout: LocatedRollout): Promise<boolean> {
  try {
    return (await readEarlyListEntry(rollout)) !== undefined
  } catch (error) {
    if (error instanceof StateError) return false
    throw error
  }
}

function checkCwd(thread: ThreadRow, cwd: string, { release }: ThreadTable): Check {
  const name = 'cwd'
  if (release.matchesFolderSpellings && isSameFolder(thread.cwd, cwd)) {
    return { name, isPassed: true, detail: `its folder is this one, ${thread.cwd}` }
  }
  if (thread.cwd === cwd) return { name, isPassed: true, detail: `its folder is this one, ${cwd}` }
  return {
    name,
    isPassed: false,
    detail: isSameFolder(thread.cwd, cwd)
      ? `its folder is this one in another spelling, ${thread.cwd}: Codex compares the text`
      : `its folder is ${thread.cwd}, and in ${cwd} the picker shows those of this folder until asked for all`,
  }
}
