import { LOG_LEVELS, type RowId } from '../model/log.js'
import type { LogField, PieceStyle } from '../model/log-records.js'
import { FIRST_DATE_SECOND, formatUtcNanos, LAST_DATE_SECOND, type TimeFormatter } from './time.js'

/**
 * How a value becomes text. Each encoding has its form in JavaScript and its form in SQL side by side, which give the
 * same bytes: SQLite can then write records by itself. An integer is its digits in all of them.
 */
export interface Encoding {
  /** What stands for a `null`. */
  whenNull: string
  text: TextForm
  time: TimeForm
  /** For people: what breaks lines or drives a terminal is escaped. For machines: it has escapes of its own. */
  audience: 'people' | 'machines'
}

interface TextForm {
  /** `clean` makes a text one safe line. */
  js: (text: string, clean: (text: string) => string) => string
  /** `value` is the text, `line` the same with the line ends of a body escaped; both are NULL for NULL, as is the form. */
  sql: (value: string, line: string) => string
  /** Whether a value of any type may go into the SQL form: it only hands it on to concat(), which makes it a text. */
  takesAnyType?: boolean
}

interface TimeForm {
  js: (time: TimeFormatter, tsSeconds: RowId, tsNanos: RowId) => string
  /** Both parts are integers. */
  sql: (tsSeconds: string, tsNanos: string) => string
}

const LINE: TextForm = {
  js: (text, clean) => clean(text),
  sql: (_value, line) => line,
  takesAnyType: true,
}

const NANOS: TimeForm = {
  js: (_time, tsSeconds, tsNanos) => formatUtcNanos(tsSeconds, tsNanos),
  sql: (seconds, nanos) => datedSql(seconds, nanos, nanosSql(seconds, nanos)),
}

export const ENCODINGS = {
  /** Text on one line: what breaks lines or drives a terminal is escaped. */
  line: { whenNull: '', text: LINE, time: NANOS, audience: 'people' },
  /** The same, `-` for nothing. */
  dashed: { whenNull: '-', text: LINE, time: NANOS, audience: 'people' },
  /** The same, padded right to 5. */
  padded: {
    whenNull: '     ',
    text: {
      js: (text, clean) => padCharacters(clean(text)),
      sql: (value, line) => {
        const known = LOG_LEVELS.map((level) => `WHEN '${level}' THEN '${level.padEnd(5)}'`)
        return `CASE ${value} ${known.join(' ')} ELSE ${line} || substr('     ', length(${line}) + 1) END`
      },
    },
    time: NANOS,
    audience: 'people',
  },
  /** RFC 3339 with milliseconds. */
  millis: {
    whenNull: '-',
    text: LINE,
    time: {
      js: (time, tsSeconds, tsNanos) => time.full(tsSeconds, tsNanos),
      sql: (seconds, nanos) =>
        datedSql(seconds, nanos, [dateTimeSql(seconds), `'.', substr(1000000000 + ${nanos}, 2, 3), 'Z'`]),
    },
    audience: 'people',
  },
  /** `HH:MM:SS`. */
  clock: {
    whenNull: '-',
    text: LINE,
    time: {
      js: (time, tsSeconds, tsNanos) => time.clock(tsSeconds, tsNanos),
      sql: (seconds, nanos) => datedSql(seconds, nanos, [`time(${seconds}, 'unixepoch')`]),
    },
    audience: 'people',
  },
  /** A JSON value. */
  json: {
    whenNull: 'null',
    text: { js: (text) => JSON.stringify(text), sql: (value) => `json_quote(${value})` },
    time: {
      js: (_time, tsSeconds, tsNanos) => `"${formatUtcNanos(tsSeconds, tsNanos)}"`,
      sql: (seconds, nanos) => datedSql(seconds, nanos, nanosSql(seconds, nanos), '"'),
    },
    audience: 'machines',
  },
  /** A CSV value (RFC 4180), newlines escaped. */
  csv: {
    whenNull: '',
    text: {
      js: (text, clean) => quoteCsv(text, clean(text)),
      sql: (value, line) => csvSql(value, line, `''`),
    },
    time: NANOS,
    audience: 'people',
  },
  /** The same, and no text is a formula to a spreadsheet: https://owasp.org/www-community/attacks/CSV_Injection */
  csvSafe: {
    whenNull: '',
    text: {
      js: (text, clean) => quoteCsv(text, FORMULA.test(text) ? `'${clean(text)}` : clean(text)),
      sql: (value, line) =>
        csvSql(value, line, `CASE WHEN ${value} GLOB ${FORMULA_GLOB} THEN '''' ELSE '' END`),
    },
    time: NANOS,
    audience: 'people',
  },
  /** As it is where it is printable ASCII without quotes and `=`, else as in JSON. */
  logfmt: {
    whenNull: '',
    text: {
      js: (text) => (/^$|[^!#-<>-~]/.test(text) ? JSON.stringify(text) : text),
      sql: (value) =>
        `CASE WHEN ${value} = '' OR ${value} GLOB '*[^!#-<>-~]*' THEN json_quote(${value}) ELSE ${value} END`,
    },
    time: NANOS,
    audience: 'machines',
  },
} as const satisfies Record<string, Encoding>

export type EncodingName = keyof typeof ENCODINGS

/** A record is printed piece by piece: texts as they are, values as their encoding says. */
export type Piece = string | { field: LogField; as: EncodingName; style?: PieceStyle | undefined }

/** What only JavaScript can read, out of the body. */
export interface BodyPiece {
  bodyField: string
  as: EncodingName
}

export type RecordPiece = Piece | BodyPiece

/** Whether SQLite can write a record of these pieces by itself. */
export function areOfColumns(pieces: readonly RecordPiece[]): pieces is readonly Piece[] {
  return pieces.every((piece) => typeof piece === 'string' || 'field' in piece)
}

/** The same, without what differs from row to row. */
export function encodingOf(name: EncodingName): Encoding {
  return ENCODINGS[name]
}

/** To 5 characters; `padEnd` would count one beyond U+FFFF as two. */
function padCharacters(text: string): string {
  return text.length < 10 ? text + ' '.repeat(Math.max(0, 5 - [...text].length)) : text
}

function quoteCsv(text: string, cleaned: string): string {
  return /[",\n\r]/.test(text) ? `"${cleaned.replaceAll('"', '""')}"` : cleaned
}

/** Quotes, commas and line ends, the latter for a raw record. */
const CSV_SPECIAL = `concat('*[",', char(10), char(13), ']*')`

function csvSql(value: string, line: string, guard: string): string {
  return `CASE WHEN ${value} GLOB ${CSV_SPECIAL} THEN concat('"', ${guard}, replace(${line}, '"', '""'), '"')
          ELSE ${guard} || ${line} END`
}

/** What makes a spreadsheet read a cell as a formula. */
const FORMULA = /^[=+\-@\t\r\n]/
const FORMULA_GLOB = `concat('[=+@', char(9), char(10), char(13), '-]*')`

/** `datetime` costs a quarter of `strftime`; the fraction as digits of a sum, a third of `printf`. */
function dateTimeSql(seconds: string): string {
  return `replace(datetime(${seconds}, 'unixepoch'), ' ', 'T')`
}

function nanosSql(seconds: string, nanos: string): string[] {
  return [dateTimeSql(seconds), `'.', substr(1000000000 + ${nanos}, 2), 'Z'`]
}

/** One concat() for all: within another it would copy the text once more. */
function datedSql(seconds: string, nanos: string, parts: readonly string[], quote = ''): string {
  const quoted = (...texts: string[]) =>
    (quote === '' ? texts : [`'${quote}'`, ...texts, `'${quote}'`]).join(', ')
  return `CASE WHEN ${seconds} BETWEEN ${FIRST_DATE_SECOND} AND ${LAST_DATE_SECOND} AND ${nanos} BETWEEN 0 AND 999999999
      THEN concat(${quoted(...parts)})
      ELSE concat(${quoted(seconds, "'.'", `printf('%09d', ${nanos})`, "'Z'")}) END`
}
