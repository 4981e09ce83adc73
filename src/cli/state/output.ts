import { escapeJsonForTerminal } from '../../format/escape.js'
import {
  type Field,
  formatJsonRow,
  formatPlain,
  formatSheetValue,
  formatValue,
  type RecordKind,
} from '../../format/fields.js'
import { paint } from '../../format/paint.js'
import { ClosedPipe, type Io } from '../io.js'
import { loadPalette, resolveColor } from '../options.js'
import { isCsv, selectFields, typedFields } from './output-fields.js'
import type { OutputFlags } from './output-flags.js'
import { createTableWriter, linkerOf } from './output-table.js'
import type { Session } from './session.js'

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
  const isAskedFor = typedFields(flags) !== undefined
  const lines = fields.map((field) => {
    const text = formatSheetValue(kind, field, row, nowMs, notice)
    return [field.name, text === '' && isAskedFor ? textOfNothing(field, row) : text] as const
  })
  await writeSheet(lines, flags, session, linkerOf(kind, row, io))
}

/** Of a field that is named, the answer is on the screen where it has no value too. */
function textOfNothing<Row>({ kind, value }: Field<Row>, row: Row): string {
  return kind === 'flag' && value(row) != null ? 'no' : '-'
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
    for (const [index, part] of value.split('\n').entries()) {
      const label = (index === 0 ? name.replaceAll('_', ' ') : '').padEnd(nameWidth)
      const text = prepareCell(part)
      io.stdout.write(`${paint(palette, 'faint', label)}  ${name === 'id' ? linkId(text) : text}\n`)
    }
  }
}
