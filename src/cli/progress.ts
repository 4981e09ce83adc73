import { monotonicMs } from '../db/clock.js'
import type { Io } from './io.js'

export interface Progress {
  add(count: number): void
  clear(): void
}

/** Work that shows nothing for this long says how far it is. */
const QUIET_MS = 1000
const REDRAW_MS = 100

/** Says on a terminal how much of `total` is done, once there was nothing to see for a second. */
export function createProgress(io: Io, doing: string, total: number): Progress {
  let quietSince = monotonicMs()
  let drawnAt = 0
  let done = 0
  return {
    add(count) {
      done += count
      io.stdout.check?.()
      const now = monotonicMs()
      if (!io.stderr.isTerminal || io.stdout.isPaged) return
      if (now - quietSince < QUIET_MS || now - drawnAt < REDRAW_MS) return
      drawnAt = now
      io.stderr.write(`\r\x1b[K${doing} … ${Math.floor((done / Math.max(1, total)) * 100)} %`)
    },
    clear() {
      quietSince = monotonicMs()
      if (drawnAt > 0) io.stderr.write('\r\x1b[K')
      drawnAt = 0
    },
  }
}
