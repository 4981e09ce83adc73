import { StateError } from '../errors.js'
import { CURRENT_RULES, type MetadataRules } from '../model/releases.js'
import type { DynamicTool, ThreadMetadata } from '../model/thread.js'
import { adoptIdentity, applyRolloutItem, createMetadata, type RolloutOrigin } from './apply-item.js'
import type { MalformedLine, RolloutLine } from './parse.js'
import { type ReadRolloutOptions, readRolloutLines, resolveRolloutFile } from './read.js'

/** Details are kept of this many malformed lines; all are counted. */
const MAX_MALFORMED = 100

export interface LineCounts {
  /** Lines from which metadata is made. */
  items: number
  ignored: number
  /** Of types that we do not know. */
  unknown: number
  malformed: number
}

export interface RolloutExtract {
  metadata: ThreadMetadata
  /** The rollout goes on from another one, whose lines it does not repeat. */
  isContinuation: boolean
  /** Its last line describes the session anew: a client changed the metadata, which is no turn. */
  endsWithMeta: boolean
  /** Of the first session_meta, in their order. */
  dynamicTools: readonly DynamicTool[]
  lineCounts: LineCounts
  /** Number of the first line that is not UTF-8. */
  firstNotUtf8: number | null
  /** The first 100. */
  malformed: readonly MalformedLine[]
}

export interface MetadataOptions {
  /** Stands for a provider that the rollout does not name. */
  defaultProvider: string
  /** Default: those of the newest release. A writer chooses by the database that it writes into. */
  rules?: MetadataRules | undefined
}

/**
 * Reads a rollout file, plain or compressed, and makes the metadata of its thread.
 *
 * The modification time is taken before the first line, so a file that grows meanwhile looks changed afterwards,
 * not up to date. The cwd is as written: whoever stores it decides about `normalizeCwd`.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE` also when the file has no usable line or tells no thread id; `ABORTED`
 */
export async function extractMetadata(
  path: string,
  options: MetadataOptions & ReadRolloutOptions & { isArchived?: boolean | undefined },
): Promise<RolloutExtract> {
  const file = resolveRolloutFile(path)
  const origin: RolloutOrigin = {
    path,
    modifiedAtMs: file.modifiedAtMs,
    isArchived: options.isArchived ?? false,
  }
  return extractMetadataFromLines(readRolloutLines(file, options), origin, options)
}

/** `extractMetadata` for lines that come from elsewhere. */
export async function extractMetadataFromLines(
  lines: AsyncIterable<RolloutLine> | Iterable<RolloutLine>,
  origin: RolloutOrigin,
  options: MetadataOptions,
): Promise<RolloutExtract> {
  const { defaultProvider, rules = CURRENT_RULES } = options
  const lineCounts: LineCounts = { items: 0, ignored: 0, unknown: 0, malformed: 0 }
  const malformed: MalformedLine[] = []
  let metadata = createMetadata(origin, rules)
  let dynamicTools: readonly DynamicTool[] | undefined
  let isContinuation = false
  let endsWithMeta = false
  let firstNotUtf8: number | null = null

  for await (const line of lines) {
    endsWithMeta = line.kind === 'sessionMeta' && lineCounts.items > 0
    switch (line.kind) {
      case 'ignored':
        lineCounts.ignored += 1
        continue
      case 'unknown':
        lineCounts.unknown += 1
        continue
      case 'malformed':
        lineCounts.malformed += 1
        if (malformed.length < MAX_MALFORMED) malformed.push(line)
        if (line.isNotUtf8) firstNotUtf8 ??= line.lineNumber
        continue
    }
    lineCounts.items += 1
    if (line.kind === 'sessionMeta' && dynamicTools === undefined) {
      dynamicTools = line.dynamicTools
      isContinuation = line.hasHistoryBase
      metadata = adoptIdentity(metadata, line)
    }
    metadata = applyRolloutItem(metadata, line, rules)
  }

  if (lineCounts.items + lineCounts.ignored === 0) {
    throw new StateError('ROLLOUT_UNREADABLE', `no usable line in rollout ${origin.path}`)
  }
  if (metadata.id === '') {
    throw new StateError(
      'ROLLOUT_UNREADABLE',
      `neither a session_meta nor the file's name says which thread this is: ${origin.path}`,
    )
  }
  return {
    metadata: finishMetadata(metadata, origin, defaultProvider),
    isContinuation,
    endsWithMeta,
    dynamicTools: dynamicTools ?? [],
    lineCounts,
    firstNotUtf8,
    malformed,
  }
}

/** What cannot be known from the lines. */
function finishMetadata(
  metadata: ThreadMetadata,
  origin: RolloutOrigin,
  defaultProvider: string,
): ThreadMetadata {
  const updatedAtMs = origin.modifiedAtMs ?? metadata.createdAtMs
  return {
    ...metadata,
    updatedAtMs,
    archivedAtSeconds: origin.isArchived ? Math.floor(updatedAtMs / 1000) : null,
    modelProvider: metadata.modelProvider || defaultProvider,
  }
}
