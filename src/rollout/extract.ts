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
      malformedCount: number
      /** The first of them; `null` without one. */
      firstMalformed: { lineNumber: number; reason: string } | null
      /** Number of the first line that is not UTF-8: Codex does not resume such a file. */
      firstNotUtf8: number | null
    }
  | { kind: 'failed'; reason: string }

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
      malformedCount: lineCounts.malformed,
      firstMalformed: malformed[0]
        ? { lineNumber: malformed[0].lineNumber, reason: malformed[0].reason }
        : null,
      firstNotUtf8,
    }
  } catch (error) {
    if (!(error instanceof StateError) || error.code === 'ABORTED') throw error
    const detail = error.cause instanceof Error && !isDenied(error.cause) ? `: ${error.cause.message}` : ''
    return { kind: 'failed', reason: `${error.message}${detail}` }
  }
}
