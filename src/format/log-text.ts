import type { RecordPiece } from './encodings.js'
import { escapeForTerminal, escapeLine } from './escape.js'
import type { RowFormatter } from './formats.js'
import { createRecordFormatter, type OpenBody } from './log-line.js'
import { paint, paintStyle } from './paint.js'
import type { Palette, StyleName } from './palette.js'
import type { TimeFormatter } from './time.js'

export interface TextOptions {
  time: TimeFormatter
  /** `undefined`: no colour. */
  palette: Palette | undefined
  /** A body of several lines is shown as such, its further lines indented; else it is one line. */
  isMultiline: boolean
  /** What stands before the further lines of a body. */
  indent: string
  /** Controls are left as they are. */
  isRaw: boolean
  /** What to mark in the bodies; global. */
  highlight?: RegExp
  openBody?: OpenBody | undefined
}

/** In a body: the text is a patch, its lines added (`+`) and removed (`-`). */
const PATCH_MARK = 'ToolCall: apply_patch'

/** Records for a person: coloured, bodies over several lines, what was searched for marked. */
export function createTextFormatter(
  pieces: readonly RecordPiece[],
  options: TextOptions,
): RowFormatter['format'] {
  const { time, palette, isRaw, isMultiline, openBody } = options
  const clean = isMultiline ? (text: string) => escapeLine(escapeForTerminal(text)) : escapeLine
  return createRecordFormatter(pieces, {
    time,
    isRaw,
    styles: palette,
    clean,
    formatBody: createBodyFormatter(options),
    openBody,
  })
}

function createBodyFormatter({
  palette,
  isMultiline,
  isRaw,
  highlight,
  indent,
}: TextOptions): (body: string | null) => string {
  const clean = isRaw ? (text: string) => text : isMultiline ? escapeForTerminal : escapeLine
  return (body) => {
    if (body === null) return ''
    const text = clean(body)
    if (!isMultiline) return markMatches(text, highlight, palette)
    const isPatch = body.includes(PATCH_MARK)
    const lines = text.split('\n')
    // The newline that ends a body is not a further line.
    if (lines.length > 1 && lines.at(-1) === '') lines.pop()
    return lines
      .map((line) => {
        const style = isPatch ? patchStyle(line) : undefined
        const marked = markMatches(line, highlight, palette)
        return style ? paint(palette, style, marked) : marked
      })
      .join(`\n${indent}`)
  }
}

function patchStyle(line: string): StyleName | undefined {
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : undefined
}

export function markMatches(
  line: string,
  highlight: RegExp | undefined,
  palette: Palette | undefined,
): string {
  if (!highlight || !palette) return line
  return line.replace(highlight, (match) => (match === '' ? '' : paintStyle(palette.match, match)))
}
