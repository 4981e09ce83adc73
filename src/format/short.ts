import type { LogSummary } from '../model/log-summary.js'
import { formatDayRule } from './day-rule.js'
import { createFolder, type Folded } from './fold.js'
import { createLines, createStamps, type ShortOptions } from './short-line.js'
import type { TimeFormatter } from './time.js'

/** Rows for a person, most on one line. What is printed depends on the rows before, so one is made for each output. */
export interface ShortFormatter {
  /** The lines that are certain by now: a row that could be folded with the next one is held back. */
  format(row: LogSummary): string
  /** The lines that were held back. A follow asks for them whenever it has no more rows for now. */
  flush(): string
}

export function createShortFormatter(options: ShortOptions): ShortFormatter {
  const { palette, width, time, thread, kindOf, isCompact = false } = options
  const lines = createLines(options)
  const stampOf = createStamps(time)
  let day = ''
  let dayZone = ''
  const folder =
    kindOf && createFolder({ kindOf, dayOf: createDays(time), countsInTurn: thread !== undefined })

  function dayRule(row: LogSummary): string {
    const { date, zone } = stampOf(row)
    if (date === undefined || (date === day && zone === dayZone)) return ''
    const isFirst = day === ''
    day = date
    dayZone = zone
    if (isCompact) return ''
    return formatDayRule(date, zone, { width, palette, thread: isFirst ? thread : undefined })
  }

  function tell(folded: readonly Folded[]): string {
    let text = ''
    for (const one of folded) {
      if (one.kind === 'repeats') text += lines.formatRepeats(one.repeats)
      else text += dayRule(one.group.first) + lines.formatRow(one.group.first, one.group)
    }
    return text
  }

  return {
    format(row) {
      return folder ? tell(folder.add(row)) : dayRule(row) + lines.formatRow(row)
    },
    flush: () => (folder ? tell(folder.flush()) : ''),
  }
}

/** The day as its rule tells it; `''` of what is no date. */
function createDays(time: TimeFormatter): (row: LogSummary) => string {
  const stampOf = createStamps(time)
  return (row) => {
    const { date = '', zone } = stampOf(row)
    return date + zone
  }
}
