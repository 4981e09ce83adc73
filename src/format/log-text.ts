import { LOG_LEVELS, type LogRow } from '../model/log.js'
import { LOG_FIELDS, type LogField } from '../model/log-formats.js'
import { escapeForTerminal, escapeLine } from './escape.js'
import { paint, paintStyle } from './paint.js'
import type { Palette, StyleName } from './palette.js'
import { formatUtcNanos, type TimeFormatter } from './time.js'

export interface TextOptions {
  format: 'full' | 'compact' | 'cat'
  /** Instead of the format's own parts, separated by tabs. */
  fields?: readonly LogField[]
  time: TimeFormatter
  /** `undefined`: no colour. */
  palette: Palette | undefined
  /** A body of several lines is shown as such, its further lines indented; else it is one line. */
  isMultiline: boolean
  /** Controls are left as they are. */
  isRaw: boolean
  /** What to mark in the bodies; global. */
  highlight?: RegExp
}

/** What precedes every line of an apply_patch call's text but its own. */
const PATCH_MARK = 'ToolCall: apply_patch'
const INDENT = '    '

/** Records for a person: coloured, bodies over several lines. */
export function createTextFormatter(options: TextOptions): (row: LogRow) => string {
  const { format, fields, time, palette, isRaw, isMultiline } = options
  const clean = isRaw ? (text: string) => text : isMultiline ? escapeForTerminal : escapeLine
  // Within a record's head a newline has no place, whatever the output is.
  const cleanHead = (text: string | null) =>
    isRaw ? (text ?? '') : escapeLine(escapeForTerminal(text ?? ''))
  const body = createBodyFormatter(options, clean)
  const level = (row: LogRow) => paint(palette, levelStyle(row.level), cleanHead(row.level).padEnd(5))

  if (fields) {
    return (row) =>
      `${fields.map((field) => (field === 'body' ? body(row.body) : head(row, field))).join('\t')}\n`
  }
  switch (format) {
    case 'full':
      return (row) => {
        const at = paint(palette, 'time', time.full(row.tsSeconds, row.tsNanos))
        const thread = paint(palette, 'thread', row.threadId === null ? '-' : cleanHead(row.threadId))
        const target = paint(palette, 'target', cleanHead(row.target))
        return `${at} ${level(row)} [${thread}] ${target} - ${body(row.body)}\n`
      }
    case 'compact':
      return (row) => {
        const at = paint(palette, 'time', time.clock(row.tsSeconds, row.tsNanos))
        return `${at} ${level(row)} ${body(row.body)}\n`
      }
    case 'cat':
      return (row) => `${body(row.body)}\n`
    default:
      return format satisfies never
  }

  function head(row: LogRow, field: LogField): string {
    if (field === 'level') return paint(palette, levelStyle(row.level), cleanHead(row.level))
    if (field === 'time') return paint(palette, 'time', formatUtcNanos(row.tsSeconds, row.tsNanos))
    const value = row[LOG_FIELDS[field].property]
    return value === null ? '' : cleanHead(String(value))
  }
}

function createBodyFormatter(
  { palette, isMultiline, highlight, format, fields }: TextOptions,
  clean: (text: string) => string,
): (body: string | null) => string {
  const indent = format === 'cat' && !fields ? '' : INDENT
  return (body) => {
    if (body === null) return ''
    const isPatch = body.includes(PATCH_MARK)
    const text = clean(body)
    if (!palette && !(isMultiline && text.includes('\n'))) return text
    const lines = isMultiline ? text.split('\n') : [text]
    const styled = lines.map((line) => {
      const style = isPatch && isMultiline ? patchStyle(line) : undefined
      const marked = palette && highlight ? markMatches(line, highlight, palette) : line
      return style ? paint(palette, style, marked) : marked
    })
    // The newline that ends a body is not a further line.
    if (styled.length > 1 && lines.at(-1) === '') styled.pop()
    return styled.join(`\n${indent}`)
  }
}

function patchStyle(line: string): StyleName | undefined {
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : undefined
}

function markMatches(line: string, highlight: RegExp, palette: Palette): string {
  return line.replace(highlight, (match) => (match === '' ? '' : paintStyle(palette.match, match)))
}

function levelStyle(level: string): StyleName {
  const upper = level.toUpperCase()
  return LOG_LEVELS.find((known) => known === upper) ?? 'otherLevel'
}
