import type { LogSummary } from '../model/log-summary.js'
import type { Fold, Repeats } from './fold.js'
import { NO_SUFFIX, type Suffixes } from './lay-out-row.js'
import { cutToWidth, widthOf } from './table.js'

export function describeFold(
  { last, count, isSame, againCount }: Fold,
  span: string,
  first: Pick<LogSummary, 'tsSeconds'>,
): Suffixes {
  if (againCount > 0) {
    const text = `×${count + againCount} in turn`
    return { long: text, short: text }
  }
  if (count === 1) return NO_SUFFIX
  if (!isSame) {
    const text = `+${count - 1} alike`
    return { long: `(${[text, span].filter(Boolean).join(', ')})`, short: `(${text})` }
  }
  // Where they lie within two seconds the time of the first says enough.
  const long = last.tsSeconds - first.tsSeconds <= 1 ? `×${count}` : `×${count}, ${span}`
  return { long, short: `×${count}` }
}

/** What is said of rows that came again, what matters first. */
export function describeRepeats(
  { period, rounds, rowCount, badCounts, isSame }: Repeats,
  span: string,
): string[] {
  const times = rounds === 1 ? 'once more' : `${rounds} times more`
  const bad = [...badCounts].map(([level, count]) => `${count} ${level}`)
  return [
    isSame ? `the ${period} above, ${times}` : `like the ${period} above, ${times}`,
    `(${[`${rowCount} rows`, ...bad, span].filter(Boolean).join(', ')})`,
  ]
}

/** As many of the parts as fit. */
export function fitParts([first = '', ...others]: readonly string[], room: number): string {
  let text = cutToWidth(first, room)
  for (const part of others) if (widthOf(text) + 1 + widthOf(part) <= room) text += ` ${part}`
  return text
}
