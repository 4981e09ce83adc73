import {
  DISABLED_PROFILE,
  type MetadataRules,
  READ_ONLY_POLICY,
  READ_ONLY_PROFILE,
} from '../model/releases.js'
import type { ThreadMetadata } from '../model/thread.js'
import { parseRolloutName } from './list.js'

import type { RolloutItem, SessionMetaItem } from './parse.js'
import { parseTimestampMs } from './timestamp.js'
import { stripUserMessagePrefix, trimWhiteSpace, unwrapDelegation } from './user-text.js'

const GUARDIAN_SOURCE = '{"subagent":{"other":"guardian"}}'
const GUARDIAN_TITLE = 'Guardian review'
const GUARDIAN_PREVIEW = 'Approval review'

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

/** What surrounds the lines of a rollout. */
export interface RolloutOrigin {
  /** Absolute; plain or compressed name. */
  path: string
  /** Unix milliseconds; `null` when not known, then the creation time stands in. */
  modifiedAtMs: number | null
  isArchived: boolean
}
