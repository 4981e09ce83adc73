import stringWidth from 'string-width'
import { cleanLine } from './clean.js'

export interface Column {
  heading: string
  isRightAligned: boolean
  /** Narrower than this is no use; a column of short values may still be narrower. */
  minWidth: number
  /** Where the end of a value tells more than its beginning, as in a path, the beginning is cut. */
  cutsStart: boolean
  /** It is shown although every row says the same. */
  stays?: boolean
  /** A part of a value, of a number say, would say something else: it is shown as it is, or not at all. */
  isWhole?: boolean
  /** The first to go where not all fit. */
  yields?: boolean
  /** As wide as this from the start, where later rows can need it. */
  reserved?: number
}

const GAP = '  '

/** No cell is wider, so of longer texts only a piece is looked at. */
const MAX_CELL = 400

/** A cell as it is shown if there is room: safe for a terminal, on one line. */
export function prepareCell(text: string, cutsStart = false): string {
  return cleanLine(cutsStart ? text.slice(-MAX_CELL) : text.slice(0, MAX_CELL))
}

/**
 * Widths in cells such that a row fits into `totalWidth`: what the widest value needs, and when that is too
 * much the widest columns give way first, down to their `minWidth`.
 *
 * @param rows prepared cells
 */
export function fitColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  totalWidth: number,
): number[] {
  const widths = columns.map((column, index) =>
    rows.reduce(
      (widest, row) => Math.max(widest, widthOf(row[index] ?? '')),
      Math.max(widthOf(column.heading), column.reserved ?? 0),
    ),
  )
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1) - totalWidth
  while (excess > 0) {
    const shrinkable = columns
      .map((column, index) => ({ index, width: widths[index] ?? 0, minWidth: column.minWidth }))
      .filter(({ index, width, minWidth }) => !columns[index]?.isWhole && width > minWidth)
      .sort((a, b) => b.width - a.width)
    const [widest, next] = shrinkable
    if (!widest) break
    // Down to the next widest at once, then cell by cell.
    const floor = Math.max(widest.minWidth, Math.min(next?.width ?? 0, widest.width - 1))
    const cut = Math.min(excess, widest.width - floor)
    widths[widest.index] = widest.width - cut
    excess -= cut
  }
  const last = columns.length - 1
  // Nothing stands behind the last column, so later rows have what is left of the line.
  if (excess < 0 && columns[last]?.isRightAligned === false) widths[last] = (widths[last] ?? 0) - excess
  return widths
}

/**
 * The columns that are worth their width, as their indexes: where all do not fit, those that are empty in every row go
 * first, then those that are equal in every row, before anything is cut. The first, the last and times stay.
 *
 * @param rows prepared cells
 */
export function findTellingColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  totalWidth: number,
): number[] {
  const needed = columns.map((column, index) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? '')), widthOf(column.heading)),
  )
  let shown = [...columns.keys()]
  const isTooWide = () =>
    shown.reduce((sum, index) => sum + (needed[index] ?? 0), 0) + GAP.length * (shown.length - 1) > totalWidth
  const isEqual = (index: number) => rows.every((row) => row[index] === rows[0]?.[index])
  const isEmpty = (index: number) => rows.every((row) => row[index] === '')
  for (const says of [isEmpty, (index: number) => rows.length > 1 && isEqual(index)]) {
    for (const index of shown.slice(1, -1)) {
      if (isTooWide() && !columns[index]?.stays && says(index))
        shown = shown.filter((other) => other !== index)
    }
  }
  return shown
}

/**
 * Those of the shown columns that have room, each as narrow as it may be: what yields goes first, then what stands
 * farther right. The first and the last stay.
 *
 * @param rows prepared cells
 */
export function leaveOutColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  shown: readonly number[],
  totalWidth: number,
): number[] {
  const least = new Map(
    shown.map((index) => {
      const heading = widthOf(columns[index]?.heading ?? '')
      const needed = rows.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? '')), heading)
      const { isWhole, minWidth = 0 } = columns[index] ?? {}
      return [index, isWhole ? needed : Math.min(needed, minWidth)]
    }),
  )
  let left = [...shown]
  const isTooWide = () =>
    left.reduce((sum, index) => sum + (least.get(index) ?? 0), 0) + GAP.length * (left.length - 1) >
    totalWidth
  const middle = shown.slice(1, -1).reverse()
  const order = [
    ...shown
      .slice(1)
      .reverse()
      .filter((index) => columns[index]?.yields),
    ...middle.filter((index) => !columns[index]?.yields),
  ]
  for (const index of order) if (isTooWide()) left = left.filter((other) => other !== index)
  return left
}

/** One line, without a line feed and without blanks at its end. */
export function formatTableRow(
  columns: readonly Column[],
  widths: readonly number[],
  cells: readonly string[],
  paintCell: (text: string, index: number) => string = (text) => text,
): string {
  let line = ''
  let pending = ''
  for (const [index, column] of columns.entries()) {
    const width = widths[index] ?? 0
    const text = cutToWidth(cells[index] ?? '', width, column.cutsStart)
    const padding = ' '.repeat(Math.max(0, width - widthOf(text)))
    if (text !== '') {
      line += pending + (column.isRightAligned ? padding : '') + paintCell(text, index)
      pending = ''
    }
    if (text === '' || !column.isRightAligned) pending += padding
    pending += GAP
  }
  return line
}

/**
 * Of characters that take one cell each, whatever stands beside them: letters of Europe, and the dashes, quotes, arrows
 * and lines that we print. All else is measured, for which a start pays 12 ms: so much takes the data of Unicode.
 */
const PLAIN =
  /^[\x20-\x7e\xa1-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u25fc\u2713-\u2718]*$/

export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text)
}

let segmenter: Intl.Segmenter | undefined

/** Cut to `width` cells, between what a reader sees as characters; `…` stands for what is gone. */
export function cutToWidth(text: string, width: number, cutsStart = false): string {
  if (widthOf(text) <= width) return text
  if (width <= 1) return width === 1 ? '…' : ''
  if (PLAIN.test(text)) {
    return cutsStart ? `…${text.slice(text.length - width + 1)}` : `${text.slice(0, width - 1).trimEnd()}…`
  }
  segmenter ??= new Intl.Segmenter()
  const characters = [...segmenter.segment(text)].map(({ segment }) => segment)
  if (cutsStart) characters.reverse()
  let kept = 0
  let used = 0
  for (const character of characters) {
    const cells = stringWidth(character)
    if (used + cells > width - 1) break
    used += cells
    kept += 1
  }
  const part = characters.slice(0, kept)
  return cutsStart ? `…${part.reverse().join('')}` : `${part.join('').trimEnd()}…`
}

/** Lines of at most `room` cells, broken between words; a longer word is whole on a line of its own, to be copied. */
export function wrapWords(text: string, room: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (widthOf(joined) <= room || line === '') {
      line = joined
      continue
    }
    lines.push(line)
    line = word
  }
  return [...lines, line]
}
