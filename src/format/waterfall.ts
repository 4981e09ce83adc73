import type { LogStep } from '../model/log-turn.js'
import { paint } from './paint.js'
import type { Palette, StyleName } from './palette.js'

/** How each step of a turn is drawn: what waits is light, what runs is dark. */
export const STEP_LOOKS = {
  preparing: { mark: '·', words: 'preparing', style: 'faint' },
  request: { mark: '░', words: 'waiting for the server', style: 'warning' },
  stream: { mark: '▒', words: 'answer', style: 'good' },
  tool: { mark: '█', words: 'tools', style: 'thread1' },
  retry: { mark: '~', words: 'waiting to retry', style: 'bad' },
  compacting: { mark: '▚', words: 'compacting', style: 'thread2' },
} as const satisfies Record<LogStep['kind'], { mark: string; words: string; style: StyleName }>

/** A span on the bar of a turn. */
export interface Span {
  fromMs: number
  toMs: number
}

export interface BarOptions {
  width: number
  palette: Palette | undefined
}

/** The steps of a turn over its time: each cell is the step that took most of it. */
export function drawSteps(steps: readonly LogStep[], whole: Span, { width, palette }: BarOptions): string {
  const kinds: (LogStep['kind'] | undefined)[] = Array.from({ length: width }, (_, cell) => {
    const from = whole.fromMs + ((whole.toMs - whole.fromMs) * cell) / width
    const to = whole.fromMs + ((whole.toMs - whole.fromMs) * (cell + 1)) / width
    let best: LogStep['kind'] | undefined
    let most = 0
    for (const step of steps) {
      const share = Math.min(step.toMs, to) - Math.max(step.fromMs, from)
      if (share > most) {
        most = share
        best = step.kind
      }
    }
    return best
  })
  let bar = ''
  for (let at = 0; at < width; ) {
    const kind = kinds[at]
    let end = at
    while (end < width && kinds[end] === kind) end++
    const run = (kind ? STEP_LOOKS[kind].mark : ' ').repeat(end - at)
    bar += kind ? paint(palette, STEP_LOOKS[kind].style, run) : run
    at = end
  }
  return bar.trimEnd()
}

/** One span of a turn in its place; at least one cell. */
export function drawSpan(
  span: Span,
  whole: Span,
  mark: string,
  style: StyleName,
  options: BarOptions,
): string {
  const { width, palette } = options
  const scale = width / Math.max(1, whole.toMs - whole.fromMs)
  const from = Math.min(width - 1, Math.max(0, Math.floor((span.fromMs - whole.fromMs) * scale)))
  const to = Math.min(width, Math.max(from + 1, Math.round((span.toMs - whole.fromMs) * scale)))
  return ' '.repeat(from) + paint(palette, style, mark.repeat(to - from))
}

/** What the marks mean, of those that were drawn. */
export function drawLegend(kinds: ReadonlySet<LogStep['kind']>, palette: Palette | undefined): string {
  return Object.entries(STEP_LOOKS)
    .filter(([kind]) => kinds.has(kind as LogStep['kind']))
    .map(([, { mark, words, style }]) => `${paint(palette, style, mark)} ${words}`)
    .join('  ')
}
