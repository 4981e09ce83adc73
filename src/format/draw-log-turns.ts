import type { JoinedTurn, LogOutcome, LogStep } from '../model/log-turn.js'
import { cleanLine } from './clean.js'
import { tellTime, turnItemsOf } from './log-turn-fields.js'
import { paint } from './paint.js'
import type { Palette, StyleName } from './palette.js'
import { cutToWidth, widthOf } from './table.js'
import type { TimeFormatter } from './time.js'
import { drawLegend, drawSpan, drawSteps, type Span, STEP_LOOKS } from './waterfall.js'

/** With the whole outcome, and the first words of what was asked. */
const NARROWEST_LABEL = 36
const WIDEST_LABEL = 64
const LABEL_SHARE = 0.36
const TIME_WIDTH = 8
const SHORTEST_BAR = 10

const OUTCOME_STYLES = {
  completed: 'good',
  failed: 'bad',
  interrupted: 'warning',
  open: 'warning',
} as const satisfies Record<LogOutcome, StyleName>

/** Each turn over its own time: what waited and what ran, and below it its calls and retries in their places. */
export function drawLogTurns(
  turns: readonly JoinedTurn[],
  { columns, palette, time }: { columns: number; palette: Palette | undefined; time: TimeFormatter },
): string {
  const labelWidth = Math.max(NARROWEST_LABEL, Math.min(WIDEST_LABEL, Math.floor(columns * LABEL_SHARE)))
  const width = Math.max(SHORTEST_BAR, columns - labelWidth - TIME_WIDTH - 2)
  const drawn = new Set<LogStep['kind']>()
  const line = (label: string, time: string, bar: string, style?: 'good' | 'bad' | 'warning') => {
    const cut = cutToWidth(label, labelWidth)
    const padded = cut + ' '.repeat(Math.max(0, labelWidth - widthOf(cut)))
    const text = `${style ? paint(palette, style, padded) : padded}${time.padStart(TIME_WIDTH)}  ${bar}`
    return `${text.trimEnd()}\n`
  }
  let text = ''
  for (const turn of turns) {
    const { log, rollout, number, startMs, outcome } = turn
    const clock = startMs === undefined ? '' : time.clock(Math.floor(startMs / 1000), 0)
    const name = rollout?.prompt ?? turn.error ?? ''
    const partial = log?.isPartial && !rollout ? ' partial' : ''
    const label = `${String(number).padStart(3)} ${clock} ${outcome}${partial} ${cleanLine(name)}`
    const whole: Span = { fromMs: log?.startMs ?? 0, toMs: log?.endMs ?? 0 }
    const options = { width, palette }
    for (const { kind } of log?.steps ?? []) drawn.add(kind)
    const bar = log ? drawSteps(log.steps, whole, options) : paint(palette, 'faint', 'no rows left')
    text += line(label, tellTime(turn.durationMs), bar, OUTCOME_STYLES[outcome])
    for (const item of turnItemsOf(turn)) {
      if (item.kind !== 'call' && item.kind !== 'retry') continue
      const look = STEP_LOOKS[item.kind === 'call' ? 'tool' : 'retry']
      const span = { fromMs: item.fromMs, toMs: item.toMs ?? whole.toMs }
      const state = item.state === 'open' || item.state === 'failed' ? `${item.state} ` : ''
      const bad = item.state === 'failed' ? 'bad' : look.style
      text += line(
        `      ${state}${cleanLine(item.text)}`,
        tellTime(item.durationMs),
        drawSpan(span, whole, look.mark, bad, options),
      )
    }
    const error = outcome === 'failed' ? turn.error : undefined
    if (error !== undefined && rollout?.prompt) {
      text += `${paint(palette, 'bad', cutToWidth(`      ${cleanLine(error)}`, columns))}\n`
    }
  }
  const legend = drawLegend(drawn, palette)
  return text + (legend === '' ? '' : `${legend}\n`)
}
