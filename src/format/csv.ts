import { ENCODINGS } from './encodings.js'
import { escapeLine } from './escape.js'

/** A line of comma-separated values (RFC 4180); line ends in values are escaped, so that a record is one line. */
export function formatCsvLine(values: readonly string[], { isSafe = false } = {}): string {
  const { js } = ENCODINGS[isSafe ? 'csvSafe' : 'csv'].text
  return `${values.map((value) => js(value, escapeLine)).join(',')}\n`
}
