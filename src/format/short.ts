import { LOG_LEVELS } from '../model/log.js'
import { FAILED_LEVEL, type LogSummary } from '../model/log-summary.js'
import { cleanLine } from './clean.js'
import { escapeForTerminal } from './escape.js'
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
  /** Shows neighbours as one whose kind is the same text, when they are of one thread and place. */
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
  const lines = createLineFormatter(options)
  const stampOf = createStamps(time)
  let day = ''
  let dayZone = ''
  let held: Group | undefined
  let waiting: Group[] = []
  let waitingUnits = 0
  const warnings = new Map<string, Group>()

  function dayRule(row: LogSummary): string {
    const { date, zone } = stampOf(row)
    if (date === undefined || (date === day && zone === dayZone)) return ''
    const isFirst = day === ''
    day = date
    dayZone = zone
    if (isCompact) return ''
    return formatDayRule(date, zone, { width, palette, thread: isFirst ? thread : undefined })
  }

  /** The group that the next row may join, and those before it that wait for their turn to end. */
  function flush(): string {
    if (held) waiting.push(held)
    held = undefined
    let text = ''
    for (const group of waiting) {
      const isFolded = group.count > 1 || group.againCount > 0
      text += dayRule(group.first) + lines(group.first, isFolded ? group : undefined)
    }
    waiting = []
    waitingUnits = 0
    warnings.clear()
    return text
  }

  return {
    format(row) {
      if (!kindOf) return dayRule(row) + lines(row)
      const kind = kindOf(row)
      if (held?.kind === kind && joinGroup(held, row)) return ''
      // In a thread's own view a warning that comes again is counted where it first stands in the turn.
      const warning = thread && isBad(row.level) && !row.turn ? describeRow(row) : undefined
      const told = warning === undefined ? undefined : warnings.get(warning)
      if (told) {
        told.againCount++
        return ''
      }
      const isWaiting = thread !== undefined && !row.turn && waitingUnits < MOST_WAITING
      if (isWaiting && held) waiting.push(held)
      const before = isWaiting ? '' : flush()
      waitingUnits += ROW_UNITS + row.text.length
      for (const { value } of row.fields) waitingUnits += value.length
      held = { kind, first: row, last: row, count: 1, isSame: true, againCount: 0 }
      if (warning !== undefined) warnings.set(warning, held)
      return before
    },
    flush,
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

/** Of a turn's rows that are held back, reckoned in characters. */
const MOST_WAITING = 1024 * 1024
const ROW_UNITS = 1000

/** Neighbours that are shown as one. */
interface Group {
  kind: string
  first: LogSummary
  last: LogSummary
  count: number
  /** Their fields are the same as well. */
  isSame: boolean
  /** How often later rows of the turn say the same. */
  againCount: number
}

/** Folded rows lie within two seconds, so that the time of the first says enough. */
function joinGroup(group: Group, row: LogSummary): boolean {
  const { first } = group
  const isAlike =
    row.level === first.level &&
    row.target === first.target &&
    row.threadId === first.threadId &&
    !row.turn &&
    !first.turn &&
    row.tsSeconds - first.tsSeconds <= 1
  if (!isAlike) return false
  const isSame = group.isSame && row.text === first.text && isSameFields(first, row)
  // What a warning says is never out of sight: only one that says the same again is counted.
  if (!isSame && isBad(row.level)) return false
  group.last = row
  group.count++
  group.isSame = isSame
  return true
}

function describeRow({ level, target, text, fields }: LogSummary): string {
  return [level, target, text, describeFields(fields, undefined)].join('\0')
}

function isSameFields(a: LogSummary, b: LogSummary): boolean {
  return (
    a.fields.length === b.fields.length &&
    a.fields.every(
      ({ key, value }, index) => key === b.fields[index]!.key && value === b.fields[index]!.value,
    )
  )
}

function isBad(level: string): boolean {
  return level === 'WARN' || level === 'ERROR' || level === FAILED_LEVEL
}

type Fold = Pick<Group, 'last' | 'count' | 'isSame' | 'againCount'>

/** The lines of one row, each with its newline. */
export function createLineFormatter(options: ShortOptions): (row: LogSummary, fold?: Fold) => string {
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

  return function formatRow(row, fold) {
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
    const body = layOut(shown, room, fold, {
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
  const target = isCompact || width < 80 ? 0 : width < 110 ? NARROW_TARGET_WIDTH : TARGET_WIDTH
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
  { text, fields, tsSeconds, tsNanos }: LogSummary,
  room: number | undefined,
  fold: Fold | undefined,
  { palette, highlight, wraps, mayWrapOnce, isCompact }: Layout,
): string[] {
  if (!isCompact && text.includes(PATCH_MARK) && text.includes('\n')) return layOutPatch(text, room, palette)
  const suffix = fold ? describeFold(fold, { tsSeconds, tsNanos }) : ''
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

function describeFold(
  { last, count, isSame, againCount }: Fold,
  first: Pick<LogSummary, 'tsSeconds' | 'tsNanos'>,
): string {
  if (againCount > 0) return `×${count + againCount} in turn`
  if (isSame) return `×${count}`
  const [from, to] = [millisOf(first), millisOf(last)]
  const isInSecond = first.tsSeconds === last.tsSeconds
  if (isInSecond && from === to) return `(+${count - 1} alike)`
  // Where the last one lies in the next second, its seconds are told too.
  const seconds = isInSecond ? '' : String(((last.tsSeconds % 60) + 60) % 60).padStart(2, '0')
  return `(+${count - 1} alike, .${from}–${seconds}.${to})`
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
