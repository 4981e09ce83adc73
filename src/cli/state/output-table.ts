import { existsSync } from 'node:fs'
import { cleanLine } from '../../format/clean.js'
import { type Field, type FieldKind, formatCell, type RecordKind } from '../../format/fields.js'
import { linkToFile, supportsHyperlinks } from '../../format/hyperlink.js'
import { paint } from '../../format/paint.js'
import type { Column } from '../../format/table.js'
import type { Io } from '../io.js'
import { loadPalette, resolveColor } from '../options.js'
import { typedFields } from './output-fields.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'

/** A table on a terminal, whose columns are fitted to its first page. */
export async function createTableWriter<Row>(
  kind: RecordKind<Row>,
  fields: readonly Field<Row>[],
  flags: OutputFlags,
  { io, nowMs, notice }: Session,
  isFaint: (row: Row) => boolean = () => false,
): Promise<(rows: readonly Row[]) => string> {
  const { findTellingColumns, fitColumns, formatTableRow, leaveOutColumns, prepareCell } = await import(
    '../../format/table.js'
  )
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  const columns = fields.map(columnOf)
  const totalWidth = io.stdout.columns ?? 100
  const isAskedFor = typedFields(flags) !== undefined
  let shown: ShownColumns | undefined
  return (rows) => {
    const cells = rows.map((row) =>
      fields.map((field, index) =>
        prepareCell(formatCell(kind, field, row, nowMs, notice), columns[index]?.cutsStart),
      ),
    )
    let text = ''
    if (!shown || !isSameElsewhere(shown, cells)) {
      const telling = isAskedFor ? [...columns.keys()] : findTellingColumns(columns, cells, totalWidth)
      const indexes = isAskedFor ? telling : leaveOutColumns(columns, cells, telling, totalWidth)
      const leftOut = telling.filter((index) => !indexes.includes(index))
      const names = leftOut.filter((index) => !columns[index]?.yields).map((index) => fields[index]?.name)
      if (names.length > 0) {
        notice(`no room here for ${names.join(', ')}: --fields chooses what is shown, --json has everything`)
      }
      const chosen = indexes.map((index) => columns[index] as Column)
      const widths = fitColumns(
        chosen,
        cells.map((row) => indexes.map((index) => row[index] ?? '')),
        totalWidth,
      )
      shown = { indexes, leftOut, chosen, widths, first: cells[0] ?? [] }
      const headings = chosen.map(({ heading }) => heading)
      text = `${formatTableRow(chosen, widths, headings, (cell) => paint(palette, 'heading', cell))}\n`
    }
    const { indexes, chosen, widths } = shown
    for (const [index, row] of cells.entries()) {
      const style = isFaint(rows[index] as Row) ? 'faint' : undefined
      const link = linkerOf(kind, rows[index] as Row, io)
      const paintCell = (cell: string, column: number) => {
        const field = fields[indexes[column] as number]
        const painted = paint(palette, style ?? (field?.kind === 'time' ? 'time' : 'body'), cell)
        return field?.name === 'id' ? link(painted) : painted
      }
      const shownCells = indexes.map((column) => row[column] ?? '')
      text += `${formatTableRow(chosen, widths, shownCells, paintCell)}\n`
    }
    return text
  }
}

/** The columns of a table, fitted to its first page. */
interface ShownColumns {
  readonly indexes: readonly number[]
  /** Those for which there is no room, whatever they say. */
  readonly leftOut: readonly number[]
  readonly chosen: readonly Column[]
  readonly widths: readonly number[]
  /** Its first row: in the columns that are left out every row is like it. */
  readonly first: readonly string[]
}

/** Else the table begins again with other columns: no value is left out that differs. */
function isSameElsewhere(
  { indexes, leftOut, first }: ShownColumns,
  cells: readonly (readonly string[])[],
): boolean {
  const isShown = new Set([...indexes, ...leftOut])
  return cells.every((row) => row.every((cell, index) => isShown.has(index) || cell === first[index]))
}

/** Makes a link of an id where the terminal shows links and the file is there. */
export function linkerOf<Row>(
  kind: RecordKind<Row>,
  row: Row,
  { stdout, env }: Io,
): (text: string) => string {
  if (!kind.fileOf || !stdout.isTerminal || !supportsHyperlinks(env)) return (text) => text
  const path = kind.fileOf(row)
  return existsSync(path) ? (text) => linkToFile(path, text) : (text) => text
}

/** Of a number, a time or an id a part says something else. */
const WHOLE_KINDS: ReadonlySet<FieldKind> = new Set(['number', 'bytes', 'time', 'id'])

const MIN_WIDTHS: Partial<Record<FieldKind, number>> = { path: 12 }

function columnOf<Row>({ name, kind, heading, reserved, minWidth, yields }: Field<Row>): Column {
  return {
    // Of a table as it is stored, the columns may be called anything.
    heading: cleanLine(
      heading ??
        name
          .replace(/_(at(_ms)?|id|uuid)$/, '')
          .replaceAll('_', ' ')
          .toUpperCase(),
    ),
    isRightAligned: kind === 'number' || kind === 'bytes',
    minWidth: minWidth ?? MIN_WIDTHS[kind] ?? 8,
    isWhole: WHOLE_KINDS.has(kind),
    cutsStart: kind === 'path',
    stays: kind === 'time',
    ...(yields ? { yields } : {}),
    ...(reserved === undefined ? {} : { reserved }),
  }
}
