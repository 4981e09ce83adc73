import { existsSync } from 'node:fs'
import { StateError } from '../../errors.js'
import { cleanLine } from '../../format/clean.js'
import { escapeJsonForTerminal } from '../../format/escape.js'
import {
  type Field,
  type FieldKind,
  formatCell,
  formatJsonRow,
  formatPlain,
  formatSheetValue,
  formatValue,
  type RecordKind,
  SHORT_ID_LENGTH,
} from '../../format/fields.js'
import { linkToFile, supportsHyperlinks } from '../../format/hyperlink.js'
import { paint } from '../../format/paint.js'
import type { Column } from '../../format/table.js'
import type { Arguments } from '../flags.js'
import { ClosedPipe, type Io } from '../io.js'
import { loadPalette, resolveColor } from '../options.js'
import type { OutputFlags } from './output-flags.js'
import type { Session } from './session.js'

/**
 * An optional value takes the word behind it, so in `--json last` the flag takes `last`. Where that is no list of
 * fields it is the argument that was meant: it is put before the others.
 */
export function takeBackArguments<Row>(
  kind: RecordKind<Row> | undefined,
  flags: OutputFlags,
  declared: Arguments = {},
  words: readonly string[],
): readonly string[] {
  const taken = [...words]
  for (const name of ['json', 'fields'] as const) {
    const value = flags[name]
    const hasRoom = taken.length < Object.keys(declared).length
    if (!hasRoom || typeof value !== 'string' || (kind && isFieldList(kind, value))) continue
    flags[name] = true
    taken.unshift(value)
  }
  return taken
}

function isFieldList<Row>({ fields }: RecordKind<Row>, text: string): boolean {
  return splitList(text).every((name) => fields.some((field) => field.name === name))
}

function splitList(text: string): string[] {
  return text.split(',').map((name) => name.trim())
}

/** Answers `--fields` without a list; `true` when it did. */
export function printedFieldNames<Row>(kind: RecordKind<Row>, flags: OutputFlags, io: Io): boolean {
  if (flags.fields !== true) return false
  io.stdout.write(kind.fields.map(({ name }) => `${cleanLine(name)}\n`).join(''))
  return true
}

/** @throws {StateError} `USAGE` for a name that is no field */
export function selectFields<Row>(
  kind: RecordKind<Row>,
  flags: OutputFlags,
  isTable = false,
): readonly Field<Row>[] {
  const typed = typedFields(flags)
  if (typed !== undefined) return splitList(typed).map((name) => findField(kind, name))
  if (flags.json === true) return kind.fields
  if (!isTable || isCsv(flags)) return kind.shown.map((name) => findField(kind, name))
  return (kind.shownInTable ?? kind.shown).map((name) => {
    const { brief, ...field } = findField(kind, name)
    return brief ? { ...field, ...brief } : field
  })
}

export function isCsv({ csv, csvSafe }: OutputFlags): boolean {
  return csv === true || csvSafe === true
}

function typedFields({ json, fields }: OutputFlags): string | undefined {
  const typed = typeof json === 'string' ? json : fields
  return typeof typed === 'string' ? typed : undefined
}

function findField<Row>(kind: RecordKind<Row>, name: string): Field<Row> {
  const found = kind.fields.find((field) => field.name === name)
  if (found) return found
  throw new StateError('USAGE', `'${name}' is not a field of a ${kind.noun}`, {
    hint: `There are: ${kind.fields.map((field) => field.name).join(', ')}.`,
  })
}

/** A page that is JSON already, only for `--json`, and not more than what is asked for. */
export interface JsonPage {
  bytes: Uint8Array
  rowCount: number
}

/**
 * Writes records, page by page as they come: one JSON array, or CSV, else on a terminal a table (its columns fitted to
 * the first page), else a line of tab-separated values for each.
 *
 * @returns how many there were
 */
export async function writeRecords<Row>(
  kind: RecordKind<Row>,
  pages: Iterable<readonly Row[] | JsonPage> | AsyncIterable<readonly Row[] | JsonPage>,
  flags: OutputFlags,
  session: Session,
  options: {
    isFaint?: ((row: Row) => boolean) | undefined
    /** `null`: nothing is said of it here. */
    emptyText?: string | null | undefined
    /** JSON is one object a line, not one array. */
    areLines?: boolean
    /** Ends each record that is neither JSON nor CSV, on a terminal too, instead of a line feed. */
    recordEnd?: string | undefined
    /** Writes all of them when neither JSON nor fields are asked for; `undefined` leaves that to a table, or lines. */
    write?: ((rows: readonly Row[]) => Promise<void> | undefined) | undefined
  } = {},
): Promise<number> {
  const { io, notice } = session
  const fields = selectFields(kind, flags, io.stdout.isTerminal)
  const toJson = jsonCleanerFor(io)
  // Lets signals in that were held back while a copy of a database was made.
  await new Promise((resolve) => setImmediate(resolve))
  let remaining = flags.limit ?? Number.POSITIVE_INFINITY
  let rowCount = 0
  const isPlain = flags.json === undefined && flags.fields === undefined && !isCsv(flags)
  if (isPlain && options.write) {
    const rows: Row[] = []
    for await (const page of remaining > 0 ? pages : []) if (!('bytes' in page)) rows.push(...page)
    const written = rows.length > 0 ? options.write(rows.slice(0, remaining)) : undefined
    if (written) {
      await written
      return Math.min(rows.length, remaining)
    }
    // As one page it goes on as a table.
    pages = [rows]
  }
  const isArray = flags.json !== undefined && !options.areLines
  const writePage = isArray
    ? (rows: readonly Row[]) =>
        rows
          .map((row, index) => {
            const separator = rowCount + index === 0 ? '[\n' : ',\n'
            return separator + toJson(formatJsonRow(kind, fields, row, notice))
          })
          .join('')
    : await createPageWriter(kind, fields, flags, session, options)
  try {
    for await (const page of remaining > 0 ? pages : []) {
      if ('bytes' in page) {
        io.stdout.write(rowCount === 0 ? '[\n' : ',\n')
        io.stdout.write(io.stdout.isTerminal ? toJson(Buffer.from(page.bytes).toString()) : page.bytes)
        rowCount += page.rowCount
        continue
      }
      const rows = page.length > remaining ? page.slice(0, remaining) : page
      if (rows.length > 0) io.stdout.write(writePage(rows))
      rowCount += rows.length
      remaining -= rows.length
      if (remaining <= 0) break
    }
  } catch (error) {
    // What was written so far is a whole array all the same.
    if (isArray && rowCount > 0 && !(error instanceof ClosedPipe)) io.stdout.write('\n]\n')
    throw error
  }
  if (isArray) io.stdout.write(rowCount === 0 ? '[]\n' : '\n]\n')
  const text = options.emptyText === undefined ? `no ${kind.noun} found` : options.emptyText
  if (rowCount === 0 && flags.limit !== 0 && text !== null && io.stderr.isTerminal) notice(text)
  return rowCount
}

/** How a page of records is written that is not part of an array. */
async function createPageWriter<Row>(
  kind: RecordKind<Row>,
  fields: readonly Field<Row>[],
  flags: OutputFlags,
  session: Session,
  { isFaint, recordEnd }: { isFaint?: ((row: Row) => boolean) | undefined; recordEnd?: string | undefined },
): Promise<(rows: readonly Row[]) => string> {
  const { io, notice } = session
  if (flags.json !== undefined) {
    const toJson = jsonCleanerFor(io)
    return (rows) => rows.map((row) => `${toJson(formatJsonRow(kind, fields, row, notice))}\n`).join('')
  }
  if (isCsv(flags)) {
    const { formatCsvLine } = await import('../../format/csv.js')
    const line = (values: readonly string[]) => formatCsvLine(values, { isSafe: flags.csvSafe === true })
    io.stdout.write(line(fields.map(({ name }) => name)))
    return (rows) =>
      rows.map((row) => line(fields.map((field) => formatValue(kind, field, row, notice)))).join('')
  }
  if (io.stdout.isTerminal && recordEnd === undefined) {
    return createTableWriter(kind, fields, flags, session, isFaint)
  }
  const lineOf = (row: Row) => fields.map((field) => formatPlain(kind, field, row, notice)).join('\t')
  return (rows) => rows.map((row) => lineOf(row) + (recordEnd ?? '\n')).join('')
}

/** On a terminal, what would act there is written in JSON's own escapes. */
export function jsonCleanerFor({ stdout }: Io): (json: string) => string {
  return stdout.isTerminal ? escapeJsonForTerminal : (json) => json
}

/** Rows of another form, page by page. */
export function* mapPages<From, To>(
  pages: Iterable<readonly From[]>,
  toRow: (row: From) => To,
): Generator<To[], void, undefined> {
  for (const page of pages) yield page.map(toRow)
}

async function createTableWriter<Row>(
  kind: RecordKind<Row>,
  fields: readonly Field<Row>[],
  flags: OutputFlags,
  { io, nowMs, notice }: Session,
  isFaint: (row: Row) => boolean = () => false,
): Promise<(rows: readonly Row[]) => string> {
  const { findTellingColumns, fitColumns, formatTableRow, prepareCell } = await import(
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
      const indexes = isAskedFor ? [...columns.keys()] : findTellingColumns(columns, cells, totalWidth)
      const chosen = indexes.map((index) => columns[index] as Column)
      const widths = fitColumns(
        chosen,
        cells.map((row) => indexes.map((index) => row[index] ?? '')),
        totalWidth,
      )
      shown = { indexes, chosen, widths, first: cells[0] ?? [] }
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
  readonly chosen: readonly Column[]
  readonly widths: readonly number[]
  /** Its first row: in the columns that are left out every row is like it. */
  readonly first: readonly string[]
}

/** Else the table begins again with other columns: no value is left out that differs. */
function isSameElsewhere({ indexes, first }: ShownColumns, cells: readonly (readonly string[])[]): boolean {
  const isShown = new Set(indexes)
  return cells.every((row) => row.every((cell, index) => isShown.has(index) || cell === first[index]))
}

/** Makes a link of an id where the terminal shows links and the file is there. */
function linkerOf<Row>(kind: RecordKind<Row>, row: Row, { stdout, env }: Io): (text: string) => string {
  if (!kind.fileOf || !stdout.isTerminal || !supportsHyperlinks(env)) return (text) => text
  const path = kind.fileOf(row)
  return existsSync(path) ? (text) => linkToFile(path, text) : (text) => text
}

const MIN_WIDTHS: Partial<Record<FieldKind, number>> = { path: 12, time: 12, id: SHORT_ID_LENGTH }

function columnOf<Row>({ name, kind, heading }: Field<Row>): Column {
  return {
    // Of a table as it is stored, the columns may be called anything.
    heading: cleanLine(
      heading ??
        name
          .replace(/_at(_ms)?$/, '')
          .replaceAll('_', ' ')
          .toUpperCase(),
    ),
    isRightAligned: kind === 'number' || kind === 'bytes',
    minWidth: MIN_WIDTHS[kind] ?? 8,
    cutsStart: kind === 'path',
    stays: kind === 'time',
  }
}

/** Writes one record: a JSON object, else one line for each field that has a value. */
export async function writeRecord<Row>(
  kind: RecordKind<Row>,
  row: Row,
  flags: OutputFlags,
  session: Session,
): Promise<void> {
  const { io, nowMs, notice } = session
  const fields = selectFields(kind, flags)
  if (flags.json !== undefined) {
    io.stdout.write(`${jsonCleanerFor(io)(formatJsonRow(kind, fields, row, notice))}\n`)
    return
  }
  if (!io.stdout.isTerminal) {
    io.stdout.write(
      fields.map((field) => `${field.name}\t${formatPlain(kind, field, row, notice)}\n`).join(''),
    )
    return
  }
  const lines = fields.map(
    (field) => [field.name, formatSheetValue(kind, field, row, nowMs, notice)] as const,
  )
  await writeSheet(lines, flags, session, linkerOf(kind, row, io))
}

/** Lines of a name and a value, for a terminal. Nothing is cut to its width: what stands here is copied. */
async function writeSheet(
  lines: readonly (readonly [name: string, value: string])[],
  flags: OutputFlags,
  { io }: Session,
  linkId: (text: string) => string,
): Promise<void> {
  const { prepareCell } = await import('../../format/table.js')
  const palette = await loadPalette(resolveColor(flags.color ?? 'auto', io))
  const filled = lines.filter(([, value]) => value !== '')
  const nameWidth = Math.max(0, ...filled.map(([name]) => name.length))
  for (const [name, value] of filled) {
    // A list of things has a line for each.
    for (const [index, part] of value.split('\n').slice(0, MAX_PARTS).entries()) {
      const label = (index === 0 ? name.replaceAll('_', ' ') : '').padEnd(nameWidth)
      const text = prepareCell(part)
      io.stdout.write(`${paint(palette, 'faint', label)}  ${name === 'id' ? linkId(text) : text}\n`)
    }
  }
}

/** Longer texts are for JSON and pipes. */
const MAX_PARTS = 20
