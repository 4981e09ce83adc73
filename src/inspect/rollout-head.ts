import { StateError } from '../errors.js'
import type { MetadataRules } from '../model/releases.js'
import type { ThreadMetadata, ThreadRow } from '../model/thread.js'
import { extractMetadataFromLines } from '../rollout/metadata.js'
import type { RolloutLine } from '../rollout/parse.js'
import { type RolloutFileFacts, readRolloutLines, resolveRolloutFile } from '../rollout/read.js'
import { stripUserMessagePrefix, USER_MESSAGE_BEGIN } from '../rollout/user-text.js'

/** What releases to 0.98 made of the head of a rollout for an entry of a list. */
export interface EarlyListEntry {
  preview: string
  cliVersion: string
  /** Where the session began; the row follows its turns. */
  cwd: string
}

/** As far as Codex reads for a user's message. */
export const HEAD_LINE_COUNT = 210

/** Codex puts these before what the user typed. */
const INJECTED = [
  '# AGENTS.md instructions for ',
  '<user_instructions>',
  '<environment_context>',
  '<turn_aborted>',
  '<skill>',
  '<user_shell_command>',
]

/** Stands around an image that goes along with a message. */
const IMAGE_FRAME = /<image(?: name=\[[^\]]*\])?><\/image>/g

/**
 * `undefined` where those releases listed nothing: no session_meta, or no typed message before the event that
 * reports it (a review begins so, its thread was never listed).
 */
export async function readEarlyListEntry(file: RolloutFileFacts): Promise<EarlyListEntry | undefined> {
  let meta: { cliVersion: string; cwd: string } | undefined
  let preview: string | undefined
  let lineCount = 0
  for await (const line of readRolloutLines(file)) {
    if (line.kind === 'sessionMeta') meta ??= { cliVersion: line.cliVersion, cwd: line.cwd }
    if (line.kind === 'responseMessage' && !isInjected(line.text))
      preview ??= withoutContext(line.text.replaceAll(IMAGE_FRAME, ''))
    lineCount += 1
    if (line.kind === 'userMessage' || lineCount >= HEAD_LINE_COUNT) break
  }
  return meta === undefined || preview === undefined ? undefined : { preview, ...meta }
}

/**
 * What Codex calls a thread that nobody named: what its user typed first. `null` where the head of the rollout does not
 * have it, or cannot be read.
 */
export async function readRolloutTitle(path: string): Promise<string | null> {
  let typed: string | undefined
  let lineCount = 0
  try {
    for await (const line of readRolloutLines(resolveRolloutFile(path))) {
      if (line.kind === 'userMessage') return stripUserMessagePrefix(line.text) || null
      if (line.kind === 'responseMessage' && !isInjected(line.text)) typed ??= withoutContext(line.text)
      if (++lineCount >= HEAD_LINE_COUNT) break
    }
  } catch (error) {
    if (!(error instanceof StateError)) throw error
  }
  return typed?.trim() || null
}

/** As it was typed, but for the context that an editor put before it. */
function withoutContext(text: string): string {
  return text.includes(USER_MESSAGE_BEGIN) ? stripUserMessagePrefix(text) : text
}

function isInjected(text: string): boolean {
  const start = text.trimStart().toLowerCase()
  return INJECTED.some((prefix) => start.startsWith(prefix.toLowerCase()))
}

/** What a list by source and provider has of a thread, from 0.124 on: Codex makes it from the head of the rollout. */
export type ListedHead =
  | { kind: 'listed'; metadata: ThreadMetadata; provider: string; preview: string }
  /** The first message that its user typed stands behind the head. */
  | { kind: 'behind' }
  /** There is no message to show. */
  | { kind: 'empty' }

/** @throws {StateError} `ROLLOUT_UNREADABLE` */
export async function readListedHead(
  file: RolloutFileFacts,
  thread: ThreadRow,
  rules: MetadataRules,
): Promise<ListedHead> {
  const lines: RolloutLine[] = []
  const hasMessage = await hasMessageInHead(file, (line) => lines.push(line))
  if (hasMessage === null) return { kind: 'behind' }
  const shown = thread.preview || thread.firstUserMessage
  if (!shown && !hasMessage) return { kind: 'empty' }
  const origin = { path: file.path, modifiedAtMs: file.modifiedAtMs, isArchived: thread.isArchived }
  const { metadata } = await extractMetadataFromLines(lines, origin, { defaultProvider: '', rules })
  return {
    kind: 'listed',
    metadata,
    provider: metadata.modelProvider || thread.modelProvider,
    preview: shown || metadata.preview || '',
  }
}

/** Whether a file goes on behind its head without a message of its user there; no, where it cannot be read. */
export async function isMessageBehindHead(file: RolloutFileFacts): Promise<boolean> {
  try {
    return (await hasMessageInHead(file)) === null
  } catch (error) {
    if (error instanceof StateError) return false
    throw error
  }
}

/** `null` where the file goes on behind the head without one. */
async function hasMessageInHead(
  file: RolloutFileFacts,
  onLine: (line: RolloutLine) => void = () => {},
): Promise<boolean | null> {
  let lineCount = 0
  for await (const line of readRolloutLines(file)) {
    onLine(line)
    if (line.kind === 'userMessage') return true
    if (++lineCount >= HEAD_LINE_COUNT) return null
  }
  return false
}
