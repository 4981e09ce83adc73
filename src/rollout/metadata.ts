import { StateError } from '../errors.js'
import {
  CURRENT_RULES,
  DISABLED_PROFILE,
  type MetadataRules,
  READ_ONLY_POLICY,
  READ_ONLY_PROFILE,
} from '../model/releases.js'
import type { DynamicTool, ThreadMetadata } from '../model/thread.js'
import { parseRolloutName } from './list.js'
import type { MalformedLine, RolloutItem, RolloutLine, SessionMetaItem } from './parse.js'
import { type ReadRolloutOptions, readRolloutLines, resolveRolloutFile } from './read.js'
import { parseTimestampMs } from './timestamp.js'

/** In a message, what stands before this is context that an editor put there. */
export const USER_MESSAGE_BEGIN = '## My request for Codex:'

const GUARDIAN_SOURCE = '{"subagent":{"other":"guardian"}}'
const GUARDIAN_TITLE = 'Guardian review'
const GUARDIAN_PREVIEW = 'Approval review'

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

/** What surrounds the lines of a rollout. */
export interface RolloutOrigin {
  /** Absolute; plain or compressed name. */
  path: string
  /** Unix milliseconds; `null` when not known, then the creation time stands in. */
  modifiedAtMs: number | null
  isArchived: boolean
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

/** Metadata before the first line: what the file name tells, or an empty id. */
export function createMetadata(origin: RolloutOrigin, rules: MetadataRules): ThreadMetadata {
  const rolloutPath = origin.path.replace(/\.zst$/, '')
  const name = parseRolloutName(rolloutPath)
  const createdAtMs = name?.createdAtMs ?? 0
  return {
    id: name?.threadId ?? '',
    rolloutPath,
    createdAtMs,
    updatedAtMs: createdAtMs,
    source: 'vscode',
    modelProvider: '',
    cwd: '',
    title: '',
    sandboxPolicy: rules.defaultSandboxPolicy,
    approvalMode: 'on-request',
    tokensUsed: 0,
    firstUserMessage: null,
    preview: null,
    hasUserEvent: false,
    archivedAtSeconds: null,
    gitSha: null,
    gitBranch: null,
    gitOriginUrl: null,
    cliVersion: '',
    agentNickname: null,
    agentRole: null,
    agentPath: null,
    model: null,
    reasoningEffort: null,
    threadSource: null,
    historyMode: 'legacy',
    originator: null,
    creatorUserId: null,
    creatorAccountId: null,
    memoryMode: null,
  }
}

/**
 * Takes over what the first session_meta of a file decides for good: whose file it is, since when, and in which
 * form. When its timestamp cannot be read, id and time stay those of the file name.
 */
export function adoptIdentity(metadata: ThreadMetadata, meta: SessionMetaItem): ThreadMetadata {
  const createdAtMs = parseTimestampMs(meta.timestamp)
  const historyMode = meta.historyMode ?? metadata.historyMode
  return createdAtMs === null
    ? { ...metadata, historyMode }
    : { ...metadata, id: meta.id, createdAtMs, historyMode }
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

/** One item onto metadata; the metadata that came in stays as it is. */
export function applyRolloutItem(
  metadata: ThreadMetadata,
  item: RolloutItem,
  rules: MetadataRules,
): ThreadMetadata {
  switch (item.kind) {
    case 'sessionMeta':
      return applySessionMeta(metadata, item, rules)
    case 'turnContext':
      return {
        ...metadata,
        cwd: rules.cwdFollowsTurns || metadata.cwd === '' ? item.cwd : metadata.cwd,
        sandboxPolicy: resolveSandboxPolicy(item, rules) ?? metadata.sandboxPolicy,
        approvalMode: resolveApprovalMode(item.approvalPolicy, rules),
        model: item.model,
        reasoningEffort: item.reasoningEffort,
      }
    case 'threadSettings':
      return {
        ...metadata,
        cwd: item.cwd ?? metadata.cwd,
        sandboxPolicy: resolveSandboxPolicy(item, rules) ?? metadata.sandboxPolicy,
        approvalMode:
          item.approvalPolicy === null
            ? metadata.approvalMode
            : resolveApprovalMode(item.approvalPolicy, rules),
        model: item.model ?? metadata.model,
        modelProvider: item.modelProvider ?? metadata.modelProvider,
        reasoningEffort: item.reasoningEffort,
      }
    case 'tokenCount':
      return { ...metadata, tokensUsed: item.totalTokens }
    case 'userMessage':
      return isGuardian(metadata, rules) ? metadata : applyUserMessage(metadata, item, rules)
    case 'responseMessage': {
      if (!rules.titleFromResponseItems) return metadata
      const title = metadata.title || stripUserMessagePrefix(item.text)
      return { ...metadata, title, hasUserEvent: true }
    }
    case 'threadGoal':
      return { ...metadata, preview: metadata.preview ?? (trimWhiteSpace(item.objective) || null) }
    case 'threadName':
      return rules.titleFollowsNames ? { ...metadata, title: item.name } : metadata
    case 'delegation':
      return { ...metadata, preview: metadata.preview ?? (unwrapDelegation(item.text) || null) }
    default:
      return item satisfies never
  }
}

function applySessionMeta(
  metadata: ThreadMetadata,
  item: SessionMetaItem,
  rules: MetadataRules,
): ThreadMetadata {
  // Taken from the last one that has it, whoever's meta that is.
  const memoryMode = item.memoryMode ?? metadata.memoryMode
  if (item.id !== metadata.id) return { ...metadata, memoryMode }
  const applied = {
    ...metadata,
    memoryMode,
    source: toStoredSource(item.source, rules),
    modelProvider: item.modelProvider ?? metadata.modelProvider,
    cliVersion: item.cliVersion || metadata.cliVersion,
    cwd: item.cwd || metadata.cwd,
    ...(item.git && { gitSha: item.git.sha, gitBranch: item.git.branch, gitOriginUrl: item.git.originUrl }),
    agentNickname: item.agentNickname,
    agentRole: item.agentRole,
    agentPath: item.agentPath,
    threadSource: item.threadSource,
    originator: metadata.originator ?? item.originator,
    creatorUserId: metadata.creatorUserId ?? item.creatorUserId,
    creatorAccountId: metadata.creatorAccountId ?? item.creatorAccountId,
  }
  return isGuardian(applied, rules)
    ? { ...applied, title: GUARDIAN_TITLE, preview: GUARDIAN_PREVIEW }
    : applied
}

function isGuardian(metadata: ThreadMetadata, rules: MetadataRules): boolean {
  return rules.namesGuardianThreads && metadata.source === GUARDIAN_SOURCE
}

function applyUserMessage(
  metadata: ThreadMetadata,
  item: Extract<RolloutItem, { kind: 'userMessage' }>,
  rules: MetadataRules,
): ThreadMetadata {
  const text = stripUserMessagePrefix(item.text)
  const shown = text || (item.hasImages ? '[Image]' : item.hasAudio && rules.showsAudio ? '[Audio]' : null)
  return {
    ...metadata,
    hasUserEvent: metadata.hasUserEvent || rules.marksUserEvents,
    firstUserMessage: metadata.firstUserMessage ?? shown,
    preview: metadata.preview ?? shown,
    title: metadata.title || text,
  }
}

/** What the user asked, without the context before it. */
export function stripUserMessagePrefix(text: string): string {
  const at = text.indexOf(USER_MESSAGE_BEGIN)
  return trimWhiteSpace(at === -1 ? text : text.slice(at + USER_MESSAGE_BEGIN.length))
}

/** By Unicode's White_Space as Codex trims; `String.trim` also takes U+FEFF off and leaves U+0085. */
function trimWhiteSpace(text: string): string {
  const isBlank = (index: number) => /\p{White_Space}/u.test(text.charAt(index))
  let start = 0
  let end = text.length
  while (start < end && isBlank(start)) start += 1
  while (end > start && isBlank(end - 1)) end -= 1
  return text.slice(start, end)
}

function unwrapDelegation(text: string): string {
  const wrapped = /^\s*<codex_delegation>([\s\S]*)<\/codex_delegation>\s*$/.exec(text)
  if (wrapped === null) return trimWhiteSpace(text)
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
  return trimWhiteSpace(wrapped[1]!.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name]!))
}

/** The stored text of a source: equality filters compare it, so its keys and their order matter. */
export function toStoredSource(source: unknown, rules: MetadataRules): string {
  if (source === null || source === undefined) return 'vscode'
  if (typeof source === 'string') return source
  const spawn = (source as { subagent?: { thread_spawn?: Record<string, unknown> } | null }).subagent
    ?.thread_spawn
  if (typeof spawn !== 'object' || spawn === null) return JSON.stringify(source)
  const values: Record<string, unknown> = { ...spawn, agent_role: spawn.agent_role ?? spawn.agent_type }
  const ordered = Object.fromEntries(rules.threadSpawnKeys.map((key) => [key, values[key] ?? null]))
  return JSON.stringify({ subagent: { thread_spawn: ordered } })
}

/** `null` when the item tells nothing in the form that the rules store. */
function resolveSandboxPolicy(
  item: { sandboxPolicy: string | null; permissionProfile: string | null },
  rules: MetadataRules,
): string | null {
  if (!rules.storesPermissionProfile) return item.sandboxPolicy
  return item.permissionProfile ?? (item.sandboxPolicy && deriveProfile(item.sandboxPolicy))
}

/** A policy for which the exact text of the profile is not known stays a policy: tables hold both forms. */
function deriveProfile(sandboxPolicy: string): string {
  switch (sandboxPolicy) {
    case '{"type":"danger-full-access"}':
      return DISABLED_PROFILE
    case READ_ONLY_POLICY:
      return READ_ONLY_PROFILE
    default:
      return sandboxPolicy
  }
}

function resolveApprovalMode(policy: string, rules: MetadataRules): string {
  return policy === 'on-failure' && rules.onFailureIsOnRequest ? 'on-request' : policy
}
