import type { StoredLogRow } from '../model/log.js'
import { LOG_FIELD_NAMES, type LogField, type PieceStyle } from '../model/log-records.js'
import type { Piece } from './encodings.js'

/** Turns rows into text, one after another. What it prints may depend on the rows before: one is made for each output. */
export interface RowFormatter {
  /** The text that is certain by now. */
  format(row: StoredLogRow, layout?: RowLayout): string
  /** What was held back: to be asked for whenever there are no more rows for now. */
  flush(): string
}

/** What the rows of a database have in common. */
export interface RowLayout {
  /** Bodies are messages alone, without spans and fields. */
  isMessageOnly: boolean
}

/** One that looks at each row by itself. */
export function createStatelessFormatter(format: (row: StoredLogRow) => string): RowFormatter {
  return { format, flush: () => '' }
}

/** How rows are printed: one row of this table for each output format. */
export interface Format {
  /** For people: several lines, colour and marks on a terminal. For machines: the same everywhere. */
  audience: 'people' | 'machines'
  /** The pieces of one record, its newline included. */
  pieces: (fields: readonly LogField[] | undefined, options: FormatOptions) => Piece[]
  /** What stands before the first record. */
  header?: (fields: readonly LogField[] | undefined) => string
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
    pieces: (fields = LOG_FIELD_NAMES) => [
      ...fields.flatMap((field, index): Piece[] => [
        `${index === 0 ? '{' : ','}"${field}":`,
        { field, as: 'json' },
      ]),
      '}\n',
    ],
  },
  logfmt: {
    audience: 'machines',
    indent: INDENT,
    pieces: (fields = LOG_FIELD_NAMES) => [
      ...fields.flatMap((field, index): Piece[] => [
        `${index === 0 ? '' : ' '}${field}=`,
        { field, as: 'logfmt' },
      ]),
      '\n',
    ],
  },
  csv: {
    audience: 'machines',
    indent: INDENT,
    pieces: (fields = LOG_FIELD_NAMES, { isCsvSafe }) =>
      separated(
        fields.map((field) => ({ field, as: isCsvSafe ? 'csvSafe' : 'csv' })),
        ',',
      ),
    header: (fields = LOG_FIELD_NAMES) => `${fields.join(',')}\n`,
  },
} as const satisfies Record<string, Format>

export type LogFormat = keyof typeof FORMATS

export const LOG_FORMATS = Object.keys(FORMATS) as LogFormat[]

/** The same, without what each row alone has. */
export function formatOf(name: LogFormat): Format {
  return FORMATS[name]
}

/** The pieces of one record, its newline included. */
export function piecesOf(
  format: LogFormat,
  fields?: readonly LogField[],
  options: FormatOptions = {},
): Piece[] {
  return formatOf(format).pieces(fields, options)
}

const FIELD_STYLES: Partial<Record<LogField, PieceStyle>> = {
  time: 'time',
  level: 'level',
  thread_id: 'thread',
  target: 'target',
}

function tabbed(fields: readonly LogField[]): Piece[] {
  return separated(
    fields.map((field) => ({ field, as: 'line', style: FIELD_STYLES[field] })),
    '\t',
  )
}

function separated(values: readonly Piece[], separator: string): Piece[] {
  return [...values.flatMap((value, index) => (index === 0 ? [value] : [separator, value])), '\n']
}
