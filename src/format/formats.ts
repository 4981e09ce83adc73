import type { StoredLogRow } from '../model/log.js'
import { LOG_FIELD_NAMES, LOG_FIELDS, type LogField, type PieceStyle } from '../model/log-records.js'
import { areOfColumns, type EncodingName, type Piece, type RecordPiece } from './encodings.js'

/** Turns rows into text, one after another. What it prints may depend on the rows before: one is made for each output. */
export interface RowFormatter {
  /** The text that is certain by now. */
  format(row: StoredLogRow, layout?: RowLayout): string
  /** What was held back: to be asked for whenever there are no more rows for now. */
  flush(): string
}

/** What the rows of a database have in common. */
export interface RowLayout {
  /** Bodies are only messages, without spans and fields. */
  isMessageOnly: boolean
}

/** One that looks at each row by itself. */
export function createStatelessFormatter(format: RowFormatter['format']): RowFormatter {
  return { format, flush: () => '' }
}

/** A field that can be printed: a column by its `LogField`, any other name out of the body. */
export type RecordField = string

/** How rows are printed: one row of this table for each output format. */
export interface Format {
  /** For people: several lines, colour and marks on a terminal. For machines: the same everywhere. */
  audience: 'people' | 'machines'
  /** The pieces of one record, its newline included. */
  pieces: (fields: readonly RecordField[] | undefined, options: FormatOptions) => RecordPiece[]
  /** What stands before the first record. */
  header?: (fields: readonly RecordField[] | undefined) => string
  /** What stands before the further lines of a body on a terminal. */
  indent: string
  /**
   * Where rows are told by what their bodies mean (format/short.ts), unless fields are named or texts are wanted
   * raw; `pieces` are for all other places.
   */
  tells?: 'everywhere' | 'on terminals'
  /** Whether columns that are not known here are printed too, where no fields are named. */
  hasUnknown?: boolean
}

export interface FormatOptions {
  /** No text of a CSV file is a formula to a spreadsheet. */
  isCsvSafe?: boolean
}

const INDENT = '    '

const FULL_PIECES: readonly Piece[] = [
  { field: 'time', as: 'millis', style: 'time' },
  ' ',
  { field: 'level', as: 'padded', style: 'level' },
  ' [',
  { field: 'thread_id', as: 'dashed', style: 'thread' },
  '] ',
  { field: 'target', as: 'line', style: 'target' },
  ' - ',
  { field: 'body', as: 'line' },
  '\n',
]

export const FORMATS = {
  short: {
    audience: 'people',
    tells: 'everywhere',
    indent: INDENT,
    pieces: (fields) => (fields ? tabbed(fields) : [...FULL_PIECES]),
  },
  full: {
    audience: 'people',
    indent: INDENT,
    pieces: (fields) => (fields ? tabbed(fields) : [...FULL_PIECES]),
  },
  compact: {
    audience: 'people',
    tells: 'on terminals',
    indent: INDENT,
    pieces: (fields) =>
      fields
        ? tabbed(fields)
        : [
            { field: 'time', as: 'clock', style: 'time' },
            ' ',
            { field: 'level', as: 'padded', style: 'level' },
            ' ',
            { field: 'body', as: 'line' },
            '\n',
          ],
  },
  cat: {
    audience: 'people',
    indent: '',
    pieces: (fields) => tabbed(fields ?? ['body']),
  },
  json: {
    audience: 'machines',
    indent: INDENT,
    hasUnknown: true,
    pieces: (fields: readonly RecordField[] = LOG_FIELD_NAMES) => [
      ...fields.flatMap((field, index): RecordPiece[] => [
        `${index === 0 ? '{' : ','}${JSON.stringify(field)}:`,
        pieceOf(field, 'json'),
      ]),
      '}\n',
    ],
  },
  logfmt: {
    audience: 'machines',
    indent: INDENT,
    pieces: (fields: readonly RecordField[] = LOG_FIELD_NAMES) => [
      ...fields.flatMap((field, index): RecordPiece[] => [
        `${index === 0 ? '' : ' '}${field}=`,
        pieceOf(field, 'logfmt'),
      ]),
      '\n',
    ],
  },
  csv: {
    audience: 'machines',
    indent: INDENT,
    pieces: (fields: readonly RecordField[] = LOG_FIELD_NAMES, { isCsvSafe }) =>
      separated(
        fields.map((field) => pieceOf(field, isCsvSafe ? 'csvSafe' : 'csv')),
        ',',
      ),
    header: (fields: readonly RecordField[] = LOG_FIELD_NAMES) => `${fields.join(',')}\n`,
  },
} as const satisfies Record<string, Format>

export type LogFormat = keyof typeof FORMATS

export const LOG_FORMATS = Object.keys(FORMATS) as LogFormat[]

/** The same, without what differs from row to row. */
export function formatOf(name: LogFormat): Format {
  return FORMATS[name]
}

/** The pieces of one record of columns, its newline included. */
export function piecesOf(
  format: LogFormat,
  fields?: readonly LogField[],
  options: FormatOptions = {},
): readonly Piece[] {
  const pieces = formatOf(format).pieces(fields, options)
  return areOfColumns(pieces) ? pieces : []
}

const FIELD_STYLES: Partial<Record<LogField, PieceStyle>> = {
  time: 'time',
  level: 'level',
  thread_id: 'thread',
  target: 'target',
}

function tabbed(fields: readonly RecordField[]): RecordPiece[] {
  return separated(
    fields.map((field) => pieceOf(field, 'line')),
    '\t',
  )
}

function pieceOf(field: RecordField, as: EncodingName): RecordPiece {
  if (!isColumnField(field)) return { bodyField: field, as }
  return as === 'line' ? { field, as, style: FIELD_STYLES[field] } : { field, as }
}

function isColumnField(field: RecordField): field is LogField {
  return Object.hasOwn(LOG_FIELDS, field)
}

function separated(values: readonly RecordPiece[], separator: string): RecordPiece[] {
  return [...values.flatMap((value, index) => (index === 0 ? [value] : [separator, value])), '\n']
}
