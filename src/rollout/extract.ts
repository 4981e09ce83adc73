import { StateError } from '../errors.js'
import { isDenied } from '../model/file-error.js'
import type { MetadataRules } from '../model/releases.js'
import { type DynamicTool, HISTORY_MODES, type ThreadMetadata } from '../model/thread.js'
import { normalizeCwd } from './cwd.js'
import { extractMetadata } from './metadata.js'

export interface ExtractJob {
  path: string
  isArchived: boolean
}

export interface ExtractSettings {
  defaultProvider: string
  rules: MetadataRules
  normalizesCwd: boolean
}

/** What one rollout says, as plain data that can be sent between threads. */
export type Extracted =
  | {
      kind: 'extracted'
      metadata: ThreadMetadata
      isContinuation: boolean
      endsWithMeta: boolean
      dynamicTools: readonly DynamicTool[]
      badLines: BadLines
      /** Number of the first line that is not UTF-8: Codex does not resume such a file. */
      firstNotUtf8: number | null
    }
  | { kind: 'failed'; reason: string }

/** So many bad lines of a file are named. */
const NAMED_BAD_LINES = 5

/** Lines that cannot be read. */
export interface BadLines {
  count: number
  /** The first five. */
  first: readonly { lineNumber: number; reason: string }[]
}

/** `line 6: not JSON; line 9: not UTF-8; and 2 more`; `null` when all lines can be read. */
export function describeBadLines({ count, first }: BadLines): string | null {
  if (count === 0) return null
  const named = first.map(({ lineNumber, reason }) => `line ${lineNumber}: ${reason}`)
  return [...named, ...(count > first.length ? [`and ${count - first.length} more`] : [])].join('; ')
}

/** @throws {StateError} `ABORTED` */
export async function extractRollout(
  { path, isArchived }: ExtractJob,
  { defaultProvider, rules, normalizesCwd }: ExtractSettings,
  signal?: AbortSignal,
): Promise<Extracted> {
  try {
    const { metadata, isContinuation, endsWithMeta, dynamicTools, lineCounts, firstNotUtf8, malformed } =
      await extractMetadata(path, {
        defaultProvider,
        rules,
        isArchived,
        signal,
      })
    if (!(HISTORY_MODES as readonly string[]).includes(metadata.historyMode)) {
      const mode = JSON.stringify(metadata.historyMode.slice(0, 40))
      return { kind: 'failed', reason: `its history mode ${mode} is not known here: a newer Codex wrote it` }
    }
    return {
      kind: 'extracted',
      metadata: normalizesCwd ? { ...metadata, cwd: normalizeCwd(metadata.cwd) } : metadata,
      isContinuation,
      endsWithMeta,
      dynamicTools,
      badLines: {
        count: lineCounts.malformed,
        first: malformed.slice(0, NAMED_BAD_LINES).map(({ lineNumber, reason }) => ({ lineNumber, reason })),
      },
      firstNotUtf8,
    }
  } catch (error) {
    if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
    const detail = error.cause instanceof Error && !isDenied(error.cause) ? `: ${error.cause.message}` : ''
    return { kind: 'failed', reason: `${error.message}${detail}` }
  }
}
