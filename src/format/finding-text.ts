import { cleanLine } from './clean.js'
import { paint } from './paint.js'
import type { Palette, StyleName } from './palette.js'
import { formatRelative } from './quantity.js'
import { cutToWidth, widthOf, wrapWords } from './table.js'

/** A kind of failure, or one failure, for a person. */
export interface ExplainedFailure {
  /** `http-500`; a level where the catalogue has no name. */
  name: string
  style: StyleName
  /** A few words. */
  what: string
  count: number
  lastMs: number
  message: string
  /** Where it happened: `3 threads: Fix the shop, …`. */
  where: string
  /** `undefined`: the catalogue does not have it. */
  cause: string | undefined
  step: string | undefined
}

export interface ExplainOptions {
  palette: Palette | undefined
  /** Cells of a line; `undefined`: nothing is cut or wrapped. */
  width: number | undefined
  nowMs: number
}

const INDENT = '    '
/** A message takes so many lines at most where the width is bounded. */
const MOST_LINES = 3

/** A block of lines: what, how often, when; the message; where; cause and next step. */
export function formatFindingGroup(
  failure: ExplainedFailure,
  { palette, width, nowMs }: ExplainOptions,
): string {
  const { name, what, count, lastMs, message, where, cause, step, style } = failure
  const times = count > 1 ? `×${count} ` : ''
  const when = formatRelative(lastMs, nowMs)
  const room = width === undefined ? undefined : width - widthOf(times) - widthOf(name) - widthOf(when) - 4
  const words = cleanLine(what)
  const shown = room === undefined ? words : cutToWidth(words, Math.max(0, room))
  const padding = width === undefined ? '  ' : ' '.repeat(Math.max(2, room! - widthOf(shown) + 2))
  const lines = [
    `${times}${paint(palette, style, name)}  ${paint(palette, 'heading', shown)}${padding}${paint(palette, 'time', when)}`,
    ...wrapped('', cleanLine(message), width).slice(0, MOST_LINES),
  ]
  if (where !== '') lines.push(...wrapped('in     ', cleanLine(where), width).slice(0, 1))
  if (cause !== undefined) lines.push(...wrapped('cause  ', cause, width))
  if (step) lines.push(...wrapped('do     ', step, width))
  return lines.map((line) => `${line}\n`).join('')
}

/** Lines below a label that stands before the first of them. */
function wrapped(label: string, text: string, width: number | undefined): string[] {
  const room =
    width === undefined ? Number.POSITIVE_INFINITY : Math.max(20, width - INDENT.length - label.length)
  const blank = ' '.repeat(label.length)
  return wrapWords(text, room).map(
    (line, index) =>
      `${INDENT}${index === 0 ? label : blank}${width === undefined ? line : cutToWidth(line, room)}`,
  )
}
