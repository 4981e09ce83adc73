import { isSamePath } from '../model/paths.js'
import type { Release } from '../model/releases.js'
import type { ThreadMetadata, ThreadRow } from '../model/thread.js'
import { cutToSeconds, DIFF_FIELDS, type DiffField, diffFields } from './diff-fields.js'

/** A value in which a thread's row and its rollout differ, and no sound home has them differ. */
export interface FieldDifference {
  field: DiffField
  row: unknown
  rollout: unknown
}

export interface CompareContext {
  release: Release
  hasColumn: (name: DiffField) => boolean
  /** Whether the table keeps milliseconds. */
  hasMillis: boolean
  /** The rollout continues another one, and does not repeat what stands there. */
  isContinuation: boolean
  /** Its last line describes the session anew, which touches the file and no row. */
  endsWithMeta: boolean
  /** Whether the row's path means this rollout: the home may have been moved since. */
  isOwnPath: (recorded: string, path: string) => boolean
  /** Of two folders; `null` where that cannot be known on this machine. */
  isSameFolder: (one: string, other: string) => boolean | null
  /** What its user called the thread, by `session_index.jsonl`. */
  name: string | undefined
  nowMs: number
}

/** A row has its creation from another moment of the same start; seen up to 33 ms apart. */
const START_MS = 1000

/** How long after its file a row can have been written, and how long before, while a Codex runs. */
const LEAD_MS = 10_000
const LAG_MS = 1000
/** From 0.131 a running Codex touches the row at least so often. */
const TOUCH_MS = 5000

/** What is wrong with a row, by its rollout. */
export function compareThread(
  row: ThreadRow,
  rollout: ThreadMetadata,
  context: CompareContext,
): FieldDifference[] {
  const extracted = context.hasMillis ? rollout : cutToSeconds(rollout)
  const stored: Record<DiffField, unknown> = {
    ...row,
    firstUserMessage: row.firstUserMessage || null,
    preview: row.preview || null,
  }
  const fields = DIFF_FIELDS.filter(context.hasColumn)
  return diffFields(stored as Pick<ThreadMetadata, DiffField>, extracted, fields)
    .filter((field) => !isExplained(field, row, extracted, context))
    .map((field) => ({ field, row: stored[field], rollout: extracted[field] }))
}

/** Whether only the time of change differs, and the file's is the later one: a copy of a home is like that. */
export function isNewerFileAlone(differences: readonly FieldDifference[]): boolean {
  const [only, ...others] = differences
  return (
    only?.field === 'updatedAtMs' && others.length === 0 && (only.rollout as number) > (only.row as number)
  )
}

/** Differences that a sound home has. */
function isExplained(
  field: DiffField,
  row: ThreadRow,
  rollout: ThreadMetadata,
  context: CompareContext,
): boolean {
  const { release } = context
  switch (field) {
    case 'rolloutPath':
      return context.isOwnPath(row.rolloutPath, rollout.rolloutPath)
    case 'createdAtMs':
      return (
        context.isContinuation ||
        (release.hasUniqueTimes && Math.abs(row.createdAtMs - rollout.createdAtMs) <= START_MS)
      )
    case 'updatedAtMs': {
      const leadMs = row.updatedAtMs - rollout.updatedAtMs
      if (leadMs < 0) return context.endsWithMeta || -leadMs <= (release.touchesRows ? TOUCH_MS : LAG_MS)
      // A change of only the row (its name, its section) counts as a change of the thread.
      if (release.touchesRows) return row.updatedAtMs <= context.nowMs
      return leadMs <= LEAD_MS
    }
    case 'archivedAtSeconds':
      // The row has the time of archiving, of which the file knows nothing; that it is archived both know.
      return (row.archivedAtSeconds === null) === (rollout.archivedAtSeconds === null)
    case 'cwd':
      // From 0.99 on the row has what a link led to where Codex ran.
      return row.cwd !== '' && (context.isSameFolder(row.cwd, rollout.cwd) ?? release.normalizesLiveCwd)
    case 'title':
      return context.name === row.title || (context.isContinuation && row.title !== '')
    case 'firstUserMessage':
      return context.isContinuation && Boolean(row.firstUserMessage)
    case 'preview':
      return rollout.preview === null || (context.isContinuation && Boolean(row.preview))
    case 'model':
    case 'reasoningEffort':
    case 'sandboxPolicy':
    case 'approvalMode':
      // Without a turn no line tells, and what a thread begins with came and went.
      return rollout.model === null
    case 'gitSha':
    case 'gitBranch':
    case 'gitOriginUrl':
      // What is known once is kept, and a client can set other values.
      return rollout[field] === null || (release.keepsGit && isGitPatched(row, rollout))
    default:
      return false
  }
}

function isGitPatched(row: ThreadRow, rollout: ThreadMetadata): boolean {
  return (['gitSha', 'gitBranch', 'gitOriginUrl'] as const).some(
    (field) => Boolean(row[field]) && row[field] !== rollout[field],
  )
}

/** Filled where the row has nothing. */
const FILLED = [
  'title',
  'firstUserMessage',
  'preview',
  'modelProvider',
  'cwd',
  'cliVersion',
  'model',
  'reasoningEffort',
  'agentNickname',
  'agentRole',
  'agentPath',
  'gitSha',
  'gitBranch',
  'gitOriginUrl',
] as const satisfies readonly DiffField[]

/** What a later turn changes. */
const MOVED = [
  'tokensUsed',
  'model',
  'reasoningEffort',
  'sandboxPolicy',
  'approvalMode',
  'updatedAtMs',
] as const satisfies readonly DiffField[]

/**
 * What of the differences a row has to take over from its rollout: where its file is, and what it has nothing
 * for; and what a file that was written to since says of the last turn. Never a value that is there and may be
 * somebody's wish (a title can be a name), nor another way to write the same, as an older release left it.
 */
export function chooseRepairs(
  row: ThreadRow,
  rollout: ThreadMetadata,
  differences: readonly FieldDifference[],
): DiffField[] {
  const differing = new Set(differences.map(({ field }) => field))
  const isNewer = Math.floor(rollout.updatedAtMs / 1000) > Math.floor(row.updatedAtMs / 1000)
  // Times alone say nothing: those of a home that was copied are all new.
  const isMoved = isNewer && differing.has('tokensUsed')
  return [...differing].filter(
    (field) =>
      field === 'rolloutPath' ||
      // A thread can be archived only in the database; only where its file was moved the file tells better.
      (field === 'archivedAtSeconds' && differing.has('rolloutPath')) ||
      ((FILLED as readonly DiffField[]).includes(field) && !row[field] && Boolean(rollout[field])) ||
      (isMoved && (MOVED as readonly DiffField[]).includes(field)),
  )
}

/** In the home where it is, or moved with it. */
export function isPathOf(recorded: { path: string } | undefined, path: string): boolean {
  return recorded !== undefined && isSamePath(recorded.path.replace(/\.zst$/, ''), path)
}
