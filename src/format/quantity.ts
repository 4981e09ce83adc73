const SPANS = [
  { suffix: 'y', seconds: 31_557_600 },
  { suffix: 'mo', seconds: 2_629_800 },
  { suffix: 'd', seconds: 86_400 },
  { suffix: 'h', seconds: 3600 },
  { suffix: 'm', seconds: 60 },
] as const

/** `3h ago`, `in 5m`, `just now`: whole units, cut. */
export function formatRelative(epochMs: number, nowMs: number): string {
  const text = formatSpan(Math.abs(nowMs - epochMs))
  if (text === '0s') return 'just now'
  return epochMs <= nowMs ? `${text} ago` : `in ${text}`
}

/** `3h`, `2d`; less than a minute is `0s`. */
export function formatSpan(spanMs: number): string {
  const seconds = spanMs / 1000
  const span = SPANS.find((candidate) => seconds >= candidate.seconds)
  return span ? `${Math.floor(seconds / span.seconds)}${span.suffix}` : '0s'
}

/** `12 ms`, `1.2 s`, `3m 5s`, `2h 4m`, `4d 23h`, `5m`: how long something took, in two units at most. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (hours >= 24) return joinUnits(Math.floor(hours / 24), 'd', hours % 24, 'h')
  return hours > 0 ? joinUnits(hours, 'h', minutes % 60, 'm') : joinUnits(minutes, 'm', seconds % 60, 's')
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${small}${smallUnit}`
}

/** `1.5 MiB`. */
export function formatBytes(sizeBytes: number): string {
  return sizeBytes < 1024 ? `${sizeBytes} B` : scale(sizeBytes, 1024, ['KiB', 'MiB', 'GiB', 'TiB'])
}

/** `1.5 MB`: in the units of 1000 that limits are typed in. */
export function formatDecimalBytes(sizeBytes: number): string {
  return sizeBytes < 1000 ? `${Math.round(sizeBytes)} B` : scale(sizeBytes, 1000, ['kB', 'MB', 'GB', 'TB'])
}

/** In the first unit that leaves less than `step` of it, rounded as it is shown. */
function scale(sizeBytes: number, step: number, units: readonly string[]): string {
  let value = sizeBytes / step
  let unit = 0
  while (value >= step - 0.05 && unit < units.length - 1) {
    value /= step
    unit += 1
  }
  return `${value.toFixed(1)} ${units[unit]}`
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return Number.isInteger(count) ? String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ',') : String(count)
}

/** `1 thread`, `2 threads`. */
export function formatPlural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}
