import { unescapeXml } from './values.js'

/** In a message, what stands before this is context that an editor put there. */
export const USER_MESSAGE_BEGIN = '## My request for Codex:'

/** What the user asked, without the context before it. */
export function stripUserMessagePrefix(text: string): string {
  const at = text.indexOf(USER_MESSAGE_BEGIN)
  return trimWhiteSpace(at === -1 ? text : text.slice(at + USER_MESSAGE_BEGIN.length))
}

/** By Unicode's White_Space as Codex trims; `String.trim` also takes U+FEFF off and leaves U+0085. */
export function trimWhiteSpace(text: string): string {
  const isBlank = (index: number) => /\p{White_Space}/u.test(text.charAt(index))
  let start = 0
  let end = text.length
  while (start < end && isBlank(start)) start += 1
  while (end > start && isBlank(end - 1)) end -= 1
  return text.slice(start, end)
}

/** What was asked, without the element that Codex puts around it for a thread that another one started. */
export function unwrapDelegation(text: string): string {
  const wrapped = /^\s*<codex_delegation>([\s\S]*)<\/codex_delegation>\s*$/.exec(text)
  if (wrapped === null) return trimWhiteSpace(text)
  return trimWhiteSpace(unescapeXml(wrapped[1]!))
}
