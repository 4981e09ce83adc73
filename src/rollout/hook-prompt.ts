import { type JsonObject, readParts, textOrNull, unescapeXml } from './values.js'

const HOOK_PROMPT = /^<hook_prompt hook_run_id="([^"]*)">([\s\S]*)<\/hook_prompt>$/

/** What a stop hook sent, from the text parts of a message; `undefined` when that is something else. */
export function parseHookPrompt(
  parts: readonly JsonObject[],
): { text: string; hookRunId: string }[] | undefined {
  const fragments = parts.map((part) => HOOK_PROMPT.exec((textOrNull(part.text) ?? '').trim()))
  if (fragments.length === 0 || fragments.includes(null)) return undefined
  return fragments.map((match) => ({ text: unescapeXml(match![2]!), hookRunId: unescapeXml(match![1]!) }))
}

/** The same of an item, which has the fragments as they are. */
export function readFragments(value: unknown): { text: string; hookRunId: string }[] {
  return readParts(value).map((fragment) => ({
    text: textOrNull(fragment.text) ?? '',
    hookRunId: textOrNull(fragment.hookRunId ?? fragment.hook_run_id) ?? '',
  }))
}
