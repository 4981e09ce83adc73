import type { LogSummary } from '../model/log-summary.js'
import { cleanLine } from './clean.js'
import { escapeForTerminal } from './escape.js'
import { markMatches } from './log-text.js'
import { paint } from './paint.js'
import type { Palette } from './palette.js'
import { cutToWidth, widthOf } from './table.js'

/** What a text is looked at for one cell of it: some characters are made of many code units. */
const UNITS_PER_CELL = 16

export const PATCH_MARK = '*** Begin Patch'

interface Layout {
  palette: Palette | undefined
  highlight: RegExp | undefined
  wraps: boolean
  /** The row may take a second line. */
  mayWrapOnce: boolean
  isCompact: boolean
}

/** The lines of message and fields, without what stands before them. */
export function layOut(
  { text, fields }: LogSummary,
  room: number | undefined,
  suffixes: Suffixes,
  { palette, highlight, wraps, mayWrapOnce, isCompact }: Layout,
): string[] {
  if (!isCompact && text.includes(PATCH_MARK) && text.includes('\n')) return layOutPatch(text, room, palette)
  // Of a long text only what can be shown is looked at.
  const units = room === undefined || wraps ? undefined : (room + 1) * 2 * UNITS_PER_CELL
  const message = tidy(units === undefined ? text : text.slice(0, units))
  // The times of what is folded are left out where the message would be cut for them.
  const isRoomy = room === undefined || widthOf(message) + 2 + widthOf(suffixes.long) <= room
  const suffix = isRoomy ? suffixes.long : suffixes.short
  const own = isCompact || fields.length === 0 ? '' : tidy(describeFields(fields, units))
  // Up to 0.116 many events have no text.
  const whole = [message, own].filter((part) => part !== '').join(' ') || '–'
  const painted = (line: string, from: number) => paintFields(line, message.length - from, palette, highlight)
  if (room === undefined) return [[painted(whole, 0), suffix].filter(Boolean).join('  ')]
  const lineCount = wraps ? Number.POSITIVE_INFINITY : mayWrapOnce ? 2 : 1
  const lines: string[] = []
  // The count of folded rows stands at the right of the last line.
  const reserved = suffix === '' ? 0 : widthOf(suffix) + 2
  let at = 0
  for (;;) {
    const rest = whole.slice(at)
    const fits = widthOf(rest.slice(0, room * UNITS_PER_CELL)) <= room - reserved
    if (fits || lines.length + 1 >= lineCount) {
      const line = cutToWidth(rest, Math.max(1, room - reserved))
      const gap = ' '.repeat(Math.max(2, room - widthOf(line) - widthOf(suffix)))
      lines.push(painted(line, at) + (suffix === '' ? '' : gap + paint(palette, 'faint', suffix)))
      return lines
    }
    const line = takeLine(rest, room)
    lines.push(painted(line, at))
    at += line.length
    while (whole[at] === ' ') at++
  }
}

/** On one line and safe; most texts are so already. */
function tidy(text: string): string {
  return /[^\x20-\x7e]|^ | {2}| $/.test(text) ? cleanLine(text).trim() : text
}

/** As much as fits, up to the last blank if there is one in its second half. */
function takeLine(text: string, room: number): string {
  const start = text.slice(0, room * UNITS_PER_CELL)
  const cut = widthOf(start) <= room ? start : cutToWidth(start, room + 1).slice(0, -1)
  if (text.length === cut.length || text[cut.length] === ' ') return cut
  const blank = cut.lastIndexOf(' ')
  return blank > room / 2 ? cut.slice(0, blank) : cut === '' ? text.slice(0, 1) : cut
}

function layOutPatch(text: string, room: number | undefined, palette: Palette | undefined): string[] {
  const lines = escapeForTerminal(text).replaceAll('\t', '    ').split('\n')
  if (lines.length > 1 && lines.at(-1) === '') lines.pop()
  return lines.map((line) => {
    const cut = room === undefined ? line : cutToWidth(line.slice(0, (room + 1) * UNITS_PER_CELL), room)
    const style = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : undefined
    return style ? paint(palette, style, cut) : cut
  })
}

function describeFields(fields: LogSummary['fields'], units: number | undefined): string {
  let text = ''
  for (const { key, value } of fields) {
    text += `${text === '' ? '' : ' '}${key}=${value}`
    if (units !== undefined && text.length > units) return text.slice(0, units)
  }
  return text
}

/** The fields faint, which begin at `from`; marked what was searched for. */
function paintFields(
  line: string,
  from: number,
  palette: Palette | undefined,
  highlight: RegExp | undefined,
): string {
  if (!palette) return line
  const at = Math.max(0, from)
  const own = line.slice(at)
  const text = markMatches(line.slice(0, at), highlight, palette)
  return own === '' ? text : text + paint(palette, 'faint', markMatches(own, highlight, palette))
}

/** How many rows a line stands for, with their time where there is room for it. */
export interface Suffixes {
  long: string
  short: string
}

export const NO_SUFFIX: Suffixes = { long: '', short: '' }
