import { LOG_LEVELS } from '../model/log.js'
import { FAILED_LEVEL, type LogSummary } from '../model/log-summary.js'
import { cleanLine } from './clean.js'
import { escapeForTerminal } from './escape.js'
import { type AlikeRows, createFolder, type Folded, isBad, type Repeats } from './fold.js'
import { markMatches } from './log-text.js'
import { paint } from './paint.js'
import { type Palette, type StyleName, THREAD_STYLES } from './palette.js'
import { cutToWidth, widthOf } from './table.js'
import type { TimeFormatter } from './time.js'

export interface ShortOptions {
  time: TimeFormatter
  /** `undefined`: no colour. */
  palette: Palette | undefined
  /** Cells of a line; `undefined`: nothing is cut. */
  width: number | undefined
  /** What to mark in the texts; global. */
  highlight?: RegExp | undefined
  /** Level letter and four characters of the thread; never more than one line. */
  isCompact?: boolean
  /** Shows a row on as many lines as it needs. */
  wraps?: boolean
  /** Folds rows whose kind is the same text, when they are of one thread and place (fold.ts). */
  kindOf?: ((row: LogSummary) => string) | undefined
  /** All rows are of this thread: it is named once, and its turns are marked. */
  thread?: { id: string; title?: string | undefined; model?: string | undefined }
}

/** Rows for a person, most on one line. What is printed depends on the rows before, so one is made for each output. */
export interface ShortFormatter {
  /** The lines that are certain by now: a row that could be folded with the next one is held back. */
  format(row: LogSummary): string
  /** The lines that were held back. A follow asks for them whenever it has no more rows for now. */
  flush(): string
}

/** Of the prefix, in cells. */
export const THREAD_WIDTH = 13
const SHORT_THREAD_WIDTH = 4
export const TARGET_WIDTH = 24
const NARROW_TARGET_WIDTH = 16
export const LEVEL_WIDTH = 5
const DEFAULT_RULE_WIDTH = 80
/** What a text is looked at for one cell of it: some characters are made of many code units. */
const UNITS_PER_CELL = 16

export const PATCH_MARK = '*** Begin Patch'

export function createShortFormatter(options: ShortOptions): ShortFormatter {
  const { palette, width, time, thread, kindOf, isCompact = false } = options
  const lines = createLines(options)
  const stampOf = createStamps(time)
  let day = ''
  let dayZone = ''
  const folder =
    kindOf && createFolder({ kindOf, dayOf: createDays(time), countsInTurn: thread !== undefined })

  function dayRule(row: LogSummary): string {
    const { date, zone } = stampOf(row)
    if (date === undefined || (date === day && zone === dayZone)) return ''
    const isFirst = day === ''
    day = date
    dayZone = zone
    if (isCompact) return ''
    return formatDayRule(date, zone, { width, palette, thread: isFirst ? thread : undefined })
  }

  function tell(folded: readonly Folded[]): string {
    let text = ''
    for (const one of folded) {
      if (one.kind === 'repeats') text += lines.formatRepeats(one.repeats)
      else text += dayRule(one.group.first) + lines.formatRow(one.group.first, one.group)
    }
    return text
  }

  return {
    format(row) {
      return folder ? tell(folder.add(row)) : dayRule(row) + lines.formatRow(row)
    },
    flush: () => (folder ? tell(folder.flush()) : ''),
  }
}

/** The line above the rows of a day, with what is told once of their thread. */
export function formatDayRule(
  date: string,
  zone: string,
  { width: cells = DEFAULT_RULE_WIDTH, palette, thread }: Partial<ShortOptions> = {},
): string {
  const day = `${nameDay(date)}, ${zone === 'Z' ? 'UTC' : zone}`
  const plain = `── ${day} `
  if (!thread && plain.length <= cells) return `${paint(palette, 'faint', plain.padEnd(cells, '─'))}\n`
  const parts = thread ? [...describeThread(thread), day] : [day]
  let line = `── ${parts.join(' ── ')} `
  const excess = widthOf(line) - cells
  // A title gives way to what follows it.
  if (excess > 0 && parts.length > 1) {
    const first = cutToWidth(parts[0]!, Math.max(THREAD_WIDTH, widthOf(parts[0]!) - excess))
    line = `── ${[first, ...parts.slice(1)].join(' ── ')} `
  }
  const cut = cutToWidth(line, cells)
  return `${paint(palette, 'faint', cut + '─'.repeat(Math.max(0, cells - widthOf(cut))))}\n`
}

/** The lines of one row, each with its newline. */
export function createLineFormatter(options: ShortOptions): (row: LogSummary) => string {
  return createLines(options).formatRow
}

type Fold = Pick<AlikeRows, 'last' | 'count' | 'isSame' | 'againCount'>

interface Lines {
  formatRow(row: LogSummary, fold?: Fold): string
  formatRepeats(repeats: Repeats): string
}

function createLines(options: ShortOptions): Lines {
  const { palette, width, highlight, wraps = false, isCompact = false, thread } = options
  const columns = chooseColumns(options)
  const turns = createTurnClock()
  const stampOf = createStamps(options.time)
  let lastClock = ''
  let rowNumber = 0
  const toldAt = new Map<string, number>()

  /** What was shown in full a few rows above needs no second line. */
  function wasTold({ text }: LogSummary): boolean {
    const before = toldAt.get(text)
    if (before !== undefined && rowNumber - before <= SCREEN_ROWS) return true
    if (toldAt.size >= REMEMBERED) toldAt.clear()
    toldAt.set(text, rowNumber)
    return false
  }

  const levelCell = remember((level: string) =>
    cell(
      isCompact || columns.isLetter ? letterOf(level) : cleanLine(level).padEnd(LEVEL_WIDTH),
      styleOf(level),
    ),
  )
  const threadCell = remember((threadId: string) => {
    const id = cleanLine(threadId.slice(0, 64))
    const text = columns.thread === SHORT_THREAD_WIDTH ? id.slice(9, 13) : id.slice(0, THREAD_WIDTH)
    return cell(pad(text, columns.thread), id === '' ? undefined : threadStyle(id))
  })
  const targetCell = remember((target: string) => {
    const text = cleanLine(shortenTarget(target))
    const cut = width === undefined ? text : cutToWidth(text, columns.target, true)
    return cell(pad(cut, columns.target), 'target')
  })

  function cell(text: string, style: StyleName | undefined): Cell {
    return { text: style ? paint(palette, style, text) : text, width: widthOf(text) }
  }

  function timeCell(row: LogSummary): Cell {
    const { clock, date } = stampOf(row)
    if (date === undefined) return cell(clock, 'time')
    if (!columns.millis || isCompact) return cell(clock, 'time')
    const millis = `.${millisOf(row)}`
    // In a thread's own view the second is told once.
    const isTold = thread !== undefined && clock === lastClock
    lastClock = clock
    return cell((isTold ? ' '.repeat(clock.length) : clock) + millis, 'time')
  }

  function formatRepeats(repeats: Repeats): string {
    const { text, width: timeWidth } = timeCell(repeats.first)
    const isLetter = isCompact || columns.isLetter
    const sign = cell(
      '↻'.padEnd(isLetter ? 1 : LEVEL_WIDTH),
      repeats.badCounts.size > 0 ? 'warning' : 'faint',
    )
    const told = describeRepeats(repeats, describeEnd(repeats.first, repeats.last))
    const room = width === undefined ? undefined : Math.max(1, width - timeWidth - sign.width - 2)
    const shown = room === undefined ? told.join(' ') : fitParts(told, room)
    return `${text} ${sign.text} ${paint(palette, 'faint', shown)}\n`
  }

  /** When the last of several was, as far as it differs from the first; `''` where they are of one instant. */
  function describeEnd(first: LogSummary, last: LogSummary): string {
    const [from, to] = [stampOf(first), stampOf(last)]
    const isInMinute = from.clock.slice(0, 5) === to.clock.slice(0, 5)
    const seconds = from.clock === to.clock ? '' : isInMinute ? to.clock.slice(6) : to.clock
    const [begin, end] = [`.${millisOf(first)}`, `${seconds}.${millisOf(last)}`]
    return begin === end ? '' : `${begin}–${end}`
  }

  function formatRow(row: LogSummary, fold?: Fold): string {
    rowNumber++
    const mark = thread && row.turn ? turns.mark(row) : undefined
    const cells = [timeCell(row), mark ? cell(mark.sign, mark.style) : levelCell(row.level)]
    if (columns.thread > 0) cells.push(threadCell(row.threadId ?? ''))
    if (columns.target > 0) cells.push(targetCell(row.target))
    let prefix = ''
    let indent = 0
    for (const { text, width: cellWidth } of cells) {
      prefix += `${text} `
      indent += cellWidth + 1
    }
    const room = width === undefined ? undefined : Math.max(1, width - indent)
    const shown = mark ? { ...row, text: mark.text, fields: [] } : row
    const suffixes = fold ? describeFold(fold, describeEnd(row, fold.last), row) : NO_SUFFIX
    const body = layOut(shown, room, suffixes, {
      palette,
      highlight,
      wraps,
      mayWrapOnce: !isCompact && isBad(row.level) && !wasTold(row),
      isCompact,
    })
    let lines = ''
    for (const line of body) {
      lines += `${((lines === '' ? prefix : ' '.repeat(indent)) + line).trimEnd()}\n`
    }
    return lines
  }

  return { formatRow, formatRepeats }
}

/** Without what nearly all targets begin with. */
export function shortenTarget(target: string): string {
  return target.replace(/^codex_(?:core::)?/, '')
}

/** Safe and painted. */
interface Cell {
  text: string
  width: number
}

const SCREEN_ROWS = 30

/** More different values are those of a log that has no few. */
const REMEMBERED = 1000

/** Levels, threads and targets are few and come again in each row. */
function remember(make: (text: string) => Cell): (text: string) => Cell {
  const known = new Map<string, Cell>()
  return (text) => {
    let made = known.get(text)
    if (!made) {
      made = make(text)
      if (known.size >= REMEMBERED) known.clear()
      known.set(text, made)
    }
    return made
  }
}

interface Stamp {
  /** `00:11:25`; of what is no date the whole text. */
  clock: string
  /** `2026-11-21` and the offset; `undefined` of what is no date. */
  date: string | undefined
  zone: string
}

/** Neighbours share their second. */
function createStamps(time: TimeFormatter): (row: LogSummary) => Stamp {
  let lastSecond = Number.NaN
  let stamp: Stamp = { clock: '', date: undefined, zone: '' }
  return ({ tsSeconds, tsNanos }) => {
    if (tsSeconds === lastSecond && tsNanos >= 0 && tsNanos <= 999_999_999) return stamp
    const text = time.full(tsSeconds, tsNanos)
    const [, date, clock, zone] = /^(\d{4}-\d{2}-\d{2})T(.{8})\.\d{3}(.*)$/.exec(text) ?? []
    lastSecond = date === undefined ? Number.NaN : tsSeconds
    stamp = { clock: clock ?? text, date, zone: zone ?? '' }
    return stamp
  }
}

/** The day as its rule tells it; `''` of what is no date. */
function createDays(time: TimeFormatter): (row: LogSummary) => string {
  const stampOf = createStamps(time)
  return (row) => {
    const { date = '', zone } = stampOf(row)
    return date + zone
  }
}

function millisOf({ tsNanos }: Pick<LogSummary, 'tsNanos'>): string {
  return String(Math.trunc(tsNanos / 1e6)).padStart(3, '0')
}

interface Columns {
  millis: boolean
  isLetter: boolean
  thread: number
  target: number
}

/** What a narrow terminal has no room for is left out, the message last. */
function chooseColumns({ width = Number.POSITIVE_INFINITY, isCompact, thread }: ShortOptions): Columns {
  const threadWidth = width >= 80 && !isCompact ? THREAD_WIDTH : width >= 40 ? SHORT_THREAD_WIDTH : 0
  const target = isCompact || width < 100 ? 0 : width < 120 ? NARROW_TARGET_WIDTH : TARGET_WIDTH
  return {
    millis: width >= 60,
    isLetter: width < 60,
    thread: thread ? 0 : threadWidth,
    target: thread ? 0 : target,
  }
}

interface Layout {
  palette: Palette | undefined
  highlight: RegExp | undefined
  wraps: boolean
  /** The row may take a second line. */
  mayWrapOnce: boolean
  isCompact: boolean
}

/** The lines of message and fields, without what stands before them. */
function layOut(
  { text, fields }: LogSummary,
  room: number | undefined,
  suffixes: Suffixes,
  { palette, highlight, wraps, mayWrapOnce, isCompact }: Layout,
): string[] {
  if (!isCompact && text.includes(PATCH_MARK) && text.includes('\n')) return layOutPatch(text, room, palette)
  // The message has at least the half of the line.
  const suffix = room === undefined || suffixes.long.length <= room / 2 ? suffixes.long : suffixes.short
  // Of a long text only what can be shown is looked at.
  const units = room === undefined || wraps ? undefined : (room + 1) * 2 * UNITS_PER_CELL
  const message = tidy(units === undefined ? text : text.slice(0, units))
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
interface Suffixes {
  long: string
  short: string
}

const NO_SUFFIX: Suffixes = { long: '', short: '' }

function describeFold(
  { last, count, isSame, againCount }: Fold,
  span: string,
  first: Pick<LogSummary, 'tsSeconds'>,
): Suffixes {
  if (againCount > 0) {
    const text = `×${count + againCount} in turn`
    return { long: text, short: text }
  }
  if (count === 1) return NO_SUFFIX
  if (!isSame) {
    const text = `+${count - 1} alike`
    return { long: `(${[text, span].filter(Boolean).join(', ')})`, short: `(${text})` }
  }
  // Where they lie within two seconds the time of the first says enough.
  const long = last.tsSeconds - first.tsSeconds <= 1 ? `×${count}` : `×${count}, ${span}`
  return { long, short: `×${count}` }
}

/** What is said of rows that came again, what matters first. */
function describeRepeats({ period, rounds, rowCount, badCounts, isSame }: Repeats, span: string): string[] {
  const times = rounds === 1 ? 'once more' : `${rounds} times more`
  const bad = [...badCounts].map(([level, count]) => `${count} ${level}`)
  return [
    isSame ? `the ${period} above, ${times}` : `like the ${period} above, ${times}`,
    `(${[`${rowCount} rows`, ...bad, span].filter(Boolean).join(', ')})`,
  ]
}

/** As many of the parts as fit. */
function fitParts([first = '', ...others]: readonly string[], room: number): string {
  let text = cutToWidth(first, room)
  for (const part of others) if (widthOf(text) + 1 + widthOf(part) <= room) text += ` ${part}`
  return text
}

/** Remembers when the turn began, to tell how long it took. */
function createTurnClock(): { mark(row: LogSummary): TurnText } {
  let startMs: number | undefined
  return {
    mark(row) {
      const ms = row.tsSeconds * 1000 + row.tsNanos / 1e6
      const { kind, id, text } = row.turn!
      const took =
        startMs === undefined || ms < startMs ? '' : ` after ${describeSeconds((ms - startMs) / 1000)}`
      startMs = kind === 'start' ? ms : undefined
      switch (kind) {
        case 'start': {
          const name = cleanLine((id ?? '').slice(0, THREAD_WIDTH))
          return { sign: '▶', style: 'good', text: ['turn', name, '', text].join(' ').trimEnd() }
        }
        case 'end':
          return { sign: '✓', style: 'good', text: `turn done${took}${text && `: ${text}`}` }
        case 'failed':
          return { sign: '✗', style: 'bad', text: `turn failed${took}${text && `: ${text}`}` }
        case 'stopped':
          return { sign: '■', style: 'warning', text: `turn stopped${took}` }
        default:
          return kind satisfies never
      }
    },
  }
}

interface TurnText {
  sign: string
  style: StyleName
  text: string
}

function describeSeconds(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
    : `${(seconds / 3600).toFixed(1)} h`
}

function describeThread({ id, title, model }: NonNullable<ShortOptions['thread']>): string[] {
  const name = title
    ? `${id.slice(0, THREAD_WIDTH)} “${cleanLine(title.slice(0, 500)).trim()}”`
    : id.slice(0, THREAD_WIDTH)
  return [cleanLine(name), ...(model ? [cleanLine(model.slice(0, 100))] : [])]
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `2026-11-21` as `Sat 21 Nov 2026`. */
function nameDay(date: string): string {
  const day = new Date(`${date}T00:00:00Z`)
  return `${WEEKDAYS[day.getUTCDay()]} ${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${date.slice(0, 4)}`
}

function letterOf(level: string): string {
  return level === FAILED_LEVEL ? '!' : cleanLine(level).slice(0, 1)
}

function styleOf(level: string): StyleName {
  if (level === FAILED_LEVEL) return 'FAIL'
  return LOG_LEVELS.find((known) => known === level.toUpperCase()) ?? 'otherLevel'
}

/** The same thread has the same colour in every output. */
function threadStyle(id: string): StyleName {
  let sum = 0
  for (let at = 0; at < id.length; at++) sum = (Math.imul(sum, 31) + id.charCodeAt(at)) >>> 0
  return THREAD_STYLES[sum % THREAD_STYLES.length]!
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}
