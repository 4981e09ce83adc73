import type { MetadataRules } from '../model/releases.js'
import type { ThreadMetadata } from '../model/thread.js'
import { extractMetadataFromLines, stripUserMessagePrefix, USER_MESSAGE_BEGIN } from '../rollout/metadata.js'
import type { RolloutLine } from '../rollout/parse.js'
import { type RolloutFileFacts, readRolloutLines } from '../rollout/read.js'

/** What releases to 0.98 made of the head of a rollout for an entry of a list. */
export interface RolloutHead {
  preview: string
  cliVersion: string
  /** Where the session began; the row follows its turns. */
  cwd: string
}

/** As far as those releases read for a user's message. */
const MAX_LINES = 210

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
export async function readRolloutHead(file: RolloutFileFacts): Promise<RolloutHead | undefined> {
  let meta: { cliVersion: string; cwd: string } | undefined
  let preview: string | undefined
  let lineCount = 0
  for await (const line of readRolloutLines(file)) {
    if (line.kind === 'sessionMeta') meta ??= { cliVersion: line.cliVersion, cwd: line.cwd }
    if (line.kind === 'responseMessage' && !isInjected(line.text))
      preview ??= withoutContext(line.text.replaceAll(IMAGE_FRAME, ''))
    lineCount += 1
    if (line.kind === 'userMessage' || lineCount >= MAX_LINES) break
  }
  return meta === undefined || preview === undefined ? undefined : { preview, ...meta }
}

/** As it was typed, but for the context that an editor put before it. */
function withoutContext(text: string): string {
  return text.includes(USER_MESSAGE_BEGIN) ? stripUserMessagePrefix(text) : text
}

function isInjected(text: string): boolean {
  const start = text.trimStart().toLowerCase()
  return INJECTED.some((prefix) => start.startsWith(prefix.toLowerCase()))
}

/** What the head tells of a thread, as far as the message that its user typed first; `undefined` where that stands behind it. */
export async function readHeadMetadata(
  file: RolloutFileFacts,
  { rules, isArchived }: { rules: MetadataRules; isArchived: boolean },
): Promise<{ metadata: ThreadMetadata; hasMessage: boolean } | undefined> {
  const lines: RolloutLine[] = []
  let hasMessage = false
  for await (const line of readRolloutLines(file)) {
    lines.push(line)
    hasMessage = line.kind === 'userMessage'
    if (hasMessage || lines.length >= MAX_LINES) break
  }
  if (!hasMessage && lines.length >= MAX_LINES) return undefined
  const origin = { path: file.path, modifiedAtMs: file.modifiedAtMs, isArchived }
  const { metadata } = await extractMetadataFromLines(lines, origin, { defaultProvider: '', rules })
  return { metadata, hasMessage }
}
