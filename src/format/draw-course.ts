import { cleanLine } from './clean.js'
import { paint } from './paint.js'
import type { Palette } from './palette.js'
import { formatDuration } from './quantity.js'
import { cutToWidth, widthOf } from './table.js'
import type { TurnCourse } from './turn-course.js'

const WAITING = '·'
const MODEL = '░'
const CALL = '█'

/** As many calls of one turn have a line of their own. */
const MAX_CALLS = 20

/** A line for each turn and each of its calls: what ran when, each turn fitted to the width. */
export function drawWaterfall(
  courses: readonly TurnCourse[],
  totalWidth: number,
  palette: Palette | undefined,
): string {
  const labelWidth = Math.max(12, Math.min(34, Math.floor(totalWidth * 0.35)))
  const timeWidth = 8
  const barWidth = Math.max(10, totalWidth - labelWidth - timeWidth - 4)
  const line = (label: string, bar: string, ms: number) => {
    const text = cutToWidth(cleanLine(label.slice(0, 200)), labelWidth)
    const time = formatDuration(ms)
    return `${text}${' '.repeat(labelWidth - widthOf(text))}  ${bar}  ${time.padStart(timeWidth)}\n`
  }
  let text = `${WAITING} waiting for the model  ${MODEL} model  ${CALL} call\n`
  for (const course of courses) {
    const spanMs = Math.max(1, course.toMs - course.fromMs)
    const cellOf = (ms: number) => Math.floor(((ms - course.fromMs) / spanMs) * barWidth)
    const cells = Array.from({ length: barWidth }, () => MODEL)
    cells.fill(WAITING, 0, Math.min(barWidth, cellOf(course.fromMs + course.waitMs)))
    for (const call of course.calls) {
      const from = Math.min(barWidth - 1, Math.max(0, cellOf(call.fromMs)))
      cells.fill(CALL, from, Math.max(from + 1, cellOf(call.toMs)))
    }
    text += line(`turn ${course.number}`, cells.join(''), spanMs)
    for (const call of course.calls.slice(0, MAX_CALLS)) {
      const from = Math.min(barWidth - 1, Math.max(0, cellOf(call.fromMs)))
      const to = Math.min(barWidth, Math.max(from + 1, cellOf(call.toMs)))
      const bar = paint(palette, call.isBad ? 'bad' : 'good', CALL.repeat(to - from))
      text += line(
        `  ${call.label}`,
        `${' '.repeat(from)}${bar}${' '.repeat(barWidth - to)}`,
        call.toMs - call.fromMs,
      )
    }
    if (course.calls.length > MAX_CALLS) text += `  … ${course.calls.length - MAX_CALLS} more calls\n`
  }
  return text
}
