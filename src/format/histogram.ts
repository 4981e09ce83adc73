/** Bars and lines of blocks, for terminals and without colour. */

const LINE = '▁▂▃▄▅▆▇█'

export const HOUR_SECONDS = 3600
export const DAY_SECONDS = 86_400

/** One character a count, the highest of all as a whole block; a blank stands for none. */
export function formatSparkline(counts: readonly number[]): string {
  const most = Math.max(...counts, 1)
  return counts
    .map((count) =>
      count <= 0 ? ' ' : LINE[Math.min(LINE.length - 1, Math.floor((count / most) * LINE.length))]!,
    )
    .join('')
    .trimEnd()
}

/** What stands for each level in a bar, worst first. */
export const LEVEL_BLOCKS = [
  { level: 'ERROR', block: '█' },
  { level: 'WARN', block: '▓' },
  { level: 'INFO', block: '▒' },
  { level: 'DEBUG', block: '░' },
  { level: 'TRACE', block: '·' },
] as const

/**
 * A bar of blocks, `most` being `width` cells. A level that has any rows is seen: it takes a cell from the largest part
 * where its own would be less than one.
 */
export function formatLevelBar(
  counts: Readonly<Record<string, number>>,
  most: number,
  width: number,
): string {
  const total = LEVEL_BLOCKS.reduce((sum, { level }) => sum + (counts[level] ?? 0), 0)
  if (total === 0 || most === 0 || width <= 0) return ''
  const cells = LEVEL_BLOCKS.map(({ level }) => {
    const count = counts[level] ?? 0
    return count === 0 ? 0 : Math.max(1, Math.round((count / most) * width))
  })
  const room = Math.max(1, Math.round((total / most) * width))
  for (let excess = cells.reduce((sum, n) => sum + n, 0) - room; excess > 0; excess--) {
    const largest = cells.indexOf(Math.max(...cells))
    if (cells[largest]! <= 1) break
    cells[largest]! -= 1
  }
  return LEVEL_BLOCKS.map(({ block }, at) => block.repeat(cells[at]!))
    .join('')
    .slice(0, width)
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  604_800, 2_592_000, 31_536_000,
] as const

/** Spans of a length that people count in, `most` of them at most, that hold both times (Unix seconds). */
export function planBuckets(
  from: number,
  to: number,
  most: number,
): { fromSeconds: number; stepSeconds: number; count: number } {
  for (const step of STEPS) {
    const fromSeconds = Math.floor(from / step) * step
    const count = Math.floor((to - fromSeconds) / step) + 1
    if (count <= most) return { fromSeconds, stepSeconds: step, count }
  }
  const stepSeconds = Math.max(1, Math.ceil((to - from + 1) / most))
  return { fromSeconds: from, stepSeconds, count: Math.floor((to - from) / stepSeconds) + 1 }
}

/** `2026-11-25 14:51:30`, as exact as a span of this length needs: each line alike. */
export function formatSpanStart(seconds: number, stepSeconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return String(seconds)
  const text = date.toISOString().replace('T', ' ')
  return text.slice(0, stepSeconds >= DAY_SECONDS ? 10 : stepSeconds % 60 === 0 ? 16 : 19)
}
