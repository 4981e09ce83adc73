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

interface TextRule {
  text: RegExp
  name: FailureName
}

/** Rules that fit any text say nothing of a text of unknown origin. */
const isTelling = ({ text }: TextRule) => text.source !== '^'
const ROW_TEXTS = ROW_RULES.map(({ message, name }): TextRule => ({ text: message, name }))
/** Whole messages by how they begin: nothing that stands further on in one tells more. */
const MESSAGE_RULES = ROW_TEXTS.filter(({ text }) => text.source.startsWith('^'))
const PART_RULES = [...TURN_TEXTS, ...TOOL_TEXTS].filter(isTelling)
const LAST_PART_RULES = ROW_TEXTS.filter((rule) => !MESSAGE_RULES.includes(rule))
/** Of any program: only where the text is about an MCP server do they mean one. */
const MCP_RULES = [...MCP_CALL_TEXTS, ...MCP_START_TEXTS].filter(isTelling)
const ABOUT_MCP = /mcp|tools\/call|tool call (?:error|failed)|handshaking|: initialize/i

/** More of a text is not looked at. */
const LONGEST_TEXT = 4000
const MOST_STARTS = 400

/** Entries of the catalogue by their name, or by their title where no other has it. */
export function findEntry(typed: string): FailureEntry | undefined {
  const wanted = typed.trim().toLowerCase()
  const titled = FAILURES.filter(({ title }) => title.toLowerCase() === wanted)
  return FAILURES.find(({ name }) => name === wanted) ?? (titled.length === 1 ? titled[0] : undefined)
}

/**
 * The entry that a message means, wherever it was copied from: what stands before it (a time, a level, a mark of the
 * terminal) is passed over.
 */
export function explainText(text: string): FailureEntry | undefined {
  const message = text.slice(0, LONGEST_TEXT).replaceAll(/\s+/g, ' ')
  const rests = startsOf(message).map((start) => message.slice(start))
  const mcpRules = ABOUT_MCP.test(message) ? MCP_RULES : []
  for (const rules of [MESSAGE_RULES, [...PART_RULES, ...mcpRules, ...LAST_PART_RULES]]) {
    const rule = rules.find((one) => rests.some((rest) => one.text.test(rest)))
    if (rule) return failureEntry(rule.name)
  }
  return undefined
}

/** A retry: its text is the same whatever went wrong, and in a terminal it is a count. */
export function isRetryText(text: string): boolean {
  return /\bretrying sampling request \(|\breconnecting\b.{0,4}\b\d+\/\d+/i.test(text.slice(0, LONGEST_TEXT))
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
