import type { LogSummary } from '../model/log-summary.js'
import { rowMs } from '../model/row-time.js'
import { shortenId } from '../model/uuid.js'
import { cleanLine } from './clean.js'
import type { StyleName } from './palette.js'

/** Remembers when the turn began, to tell how long it took. */
export function createTurnClock(): { mark(row: LogSummary): TurnText } {
  let startMs: number | undefined
  return {
    mark(row) {
      const ms = rowMs(row)
      const { kind, id, text } = row.turn!
      const took =
        startMs === undefined || ms < startMs ? '' : ` after ${describeSeconds((ms - startMs) / 1000)}`
      startMs = kind === 'start' ? ms : undefined
      switch (kind) {
        case 'start': {
          const name = cleanLine(shortenId(id ?? ''))
          return { sign: '▶', style: 'good', text: ['turn', name, '', text].join(' ').trimEnd() }
        }
        case 'end':
          return { sign: '✓', style: 'good', text: `turn done${took}${text && `: ${text}`}` }
        case 'failed':
          return { sign: '✗', style: 'bad', text: `turn failed${took}${text && `: ${text}`}` }
        case 'stopped':
          return { sign: '■', style: 'warning', text: `turn stopped${took}` }
        default:
          return kind satisfies never
      }
    },
  }
}

interface TurnText {
  sign: string
  style: StyleName
  text: string
}

function describeSeconds(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
    : `${(seconds / 3600).toFixed(1)} h`
}
