import { SHORT_ID_LENGTH, shortenId } from '../model/uuid.js'
import { cleanLine } from './clean.js'
import { paint } from './paint.js'
import type { ShortOptions } from './short-line.js'
import { cutToWidth, widthOf } from './table.js'
import { MONTHS } from './time.js'

const DEFAULT_RULE_WIDTH = 80

/** The line above the rows of a day, with what is told once of their thread. */
export function formatDayRule(
  date: string,
  zone: string,
  { width: cells = DEFAULT_RULE_WIDTH, palette, thread }: Partial<ShortOptions> = {},
): string {
  const day = `${nameDay(date)}, ${zone === 'Z' ? 'UTC' : zone}`
  const plain = `── ${day} `
  if (!thread && plain.length <= cells) return `${paint(palette, 'faint', plain.padEnd(cells, '─'))}\n`
  const parts = thread ? [...describeThread(thread), day] : [day]
  let line = `── ${parts.join(' ── ')} `
  const excess = widthOf(line) - cells
  // A title gives way to what follows it.
  if (excess > 0 && parts.length > 1) {
    const first = cutToWidth(parts[0]!, Math.max(SHORT_ID_LENGTH, widthOf(parts[0]!) - excess))
    line = `── ${[first, ...parts.slice(1)].join(' ── ')} `
  }
  const cut = cutToWidth(line, cells)
  return `${paint(palette, 'faint', cut + '─'.repeat(Math.max(0, cells - widthOf(cut))))}\n`
}

function describeThread({ id, title, model }: NonNullable<ShortOptions['thread']>): string[] {
  const name = title ? `${shortenId(id)} “${cleanLine(title.slice(0, 500)).trim()}”` : shortenId(id)
  return [cleanLine(name), ...(model ? [cleanLine(model.slice(0, 100))] : [])]
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** `2026-11-21` as `Sat 21 Nov 2026`. */
function nameDay(date: string): string {
  const day = new Date(`${date}T00:00:00Z`)
  return `${WEEKDAYS[day.getUTCDay()]} ${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${date.slice(0, 4)}`
}
