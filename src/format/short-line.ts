import { LOG_LEVELS } from '../model/log.js'
import { FAILED_LEVEL, type LogSummary } from '../model/log-summary.js'
import { SHORT_ID_LENGTH, shortenId } from '../model/uuid.js'
import { cleanLine } from './clean.js'
import { type Fold, isBad, type Repeats } from './fold.js'
import { describeFold, describeRepeats, fitParts } from './fold-text.js'
import { layOut, NO_SUFFIX } from './lay-out-row.js'
import { paint } from './paint.js'
import { type Palette, type StyleName, THREAD_STYLES } from './palette.js'
import { cutToWidth, widthOf } from './table.js'
import { type TimeFormatter, timeParts } from './time.js'
import { createTurnClock } from './turn-clock.js'

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

/** Of the prefix, in cells. */

const SHORT_THREAD_WIDTH = 4

export const TARGET_WIDTH = 24

const NARROW_TARGET_WIDTH = 16

export const LEVEL_WIDTH = 5

/** The lines of one row, each with its newline. */
export function createLineFormatter(options: ShortOptions): (row: LogSummary) => string {
  return createLines(options).formatRow
}

interface Lines {
  formatRow(row: LogSummary, fold?: Fold): string
  formatRepeats(repeats: Repeats): string
}

export function createLines(options: ShortOptions): Lines {
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
    const text = columns.thread === SHORT_THREAD_WIDTH ? id.slice(9, 13) : shortenId(id)
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
export function createStamps(time: TimeFormatter): (row: LogSummary) => Stamp {
  let lastSecond = Number.NaN
  let stamp: Stamp = { clock: '', date: undefined, zone: '' }
  return (row) => {
    const { tsSeconds, tsNanos } = row
    if (tsSeconds === lastSecond && tsNanos >= 0 && tsNanos <= 999_999_999) return stamp
    const text = time.full(...timeParts(row))
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
  const threadWidth = width >= 80 && !isCompact ? SHORT_ID_LENGTH : width >= 40 ? SHORT_THREAD_WIDTH : 0
  const target = isCompact || width < 100 ? 0 : width < 120 ? NARROW_TARGET_WIDTH : TARGET_WIDTH
  return {
    millis: width >= 60,
    isLetter: width < 60,
    thread: thread ? 0 : threadWidth,
    target: thread ? 0 : target,
  }
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
