import {
  FAILURES,
  type FailureEntry,
  type FailureName,
  failureEntry,
  MCP_CALL_TEXTS,
  MCP_START_TEXTS,
  ROW_RULES,
  TOOL_TEXTS,
  TURN_TEXTS,
} from './failures.js'

/** Rules that fit any text say nothing of a text of unknown origin. */
const TEXT_RULES: readonly { text: RegExp; name: FailureName }[] = [
  ...TURN_TEXTS,
  ...TOOL_TEXTS,
  ...MCP_CALL_TEXTS,
  ...MCP_START_TEXTS,
  ...ROW_RULES.map(({ message, name }) => ({ text: message, name })),
].filter(({ text }) => text.source !== '^')

/** More of a text is not looked at. */
const LONGEST_TEXT = 4000
const MOST_STARTS = 400

/** Entries of the catalogue by their name. */
export function findEntry(name: string): FailureEntry | undefined {
  return FAILURES.find((entry) => entry.name === name.trim().toLowerCase())
}

/**
 * The entry that a message means, wherever it was copied from: what stands before it (a time, a level, a mark of the
 * terminal) is passed over.
 */
export function explainText(text: string): FailureEntry | undefined {
  const message = text.slice(0, LONGEST_TEXT).replaceAll(/\s+/g, ' ')
  for (const start of startsOf(message)) {
    const rest = message.slice(start)
    const rule = TEXT_RULES.find((one) => one.text.test(rest))
    if (rule) return failureEntry(rule.name)
  }
  return undefined
}

/** Where a message can begin: at each word. */
function startsOf(text: string): number[] {
  const starts = [0]
  for (const { index } of text.matchAll(/[\s"'([:]+(?=\S)/g)) {
    const [separator = ''] = /^[\s"'([:]+/.exec(text.slice(index)) ?? []
    starts.push(index + separator.length)
    if (starts.length > MOST_STARTS) break
  }
  return starts
}

/** Names that are like what was typed, or whose words hold it. */
export function findSimilarEntries(typed: string): FailureEntry[] {
  const words = typed
    .toLowerCase()
    .split(/[\s-]+/)
    .filter((word) => word.length > 2)
  const rate = ({ name, title }: FailureEntry) =>
    words.filter((word) => `${name} ${title}`.toLowerCase().includes(word)).length
  return FAILURES.filter((entry) => rate(entry) > 0).sort((a, b) => rate(b) - rate(a))
}
