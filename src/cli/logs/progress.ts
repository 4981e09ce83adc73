import { monotonicMs } from '../../db/clock.js'
import type { BatchSource, Resize } from '../../query/logs/batches.js'
import type { Io } from '../io.js'

/** A scan that prints nothing for this long says that it is at work. */
const QUIET_MS = 1000
const REDRAW_MS = 100

export interface ScanProgress {
  /** The same batches, each noted as it is handed out; `countIds` is asked only when there is a line to draw. */
  watch(batches: BatchSource, countIds: () => number): BatchSource
  /** Takes the line away, as rows are about to be printed or all is done. */
  clear(): void
}

/** Tells on a terminal how far a long scan is; elsewhere nothing. */
export function createScanProgress(io: Io): ScanProgress {
  let quietSince = monotonicMs()
  let drawnAt = 0
  const draw = (doneRatio: () => number) => {
    const now = monotonicMs()
    if (
      !io.stderr.isTerminal ||
      io.stdout.isPaged ||
      now - quietSince < QUIET_MS ||
      now - drawnAt < REDRAW_MS
    )
      return
    drawnAt = now
    io.stderr.write(`\r\x1b[Kscanning … ${Math.floor(Math.min(1, doneRatio()) * 100)} %`)
  }
  return {
    *watch(batches, countIds) {
      let total: number | undefined
      let resize: Resize | undefined
      let done = 0
      for (let next = batches.next(); !next.done; next = batches.next(resize)) {
        resize = yield next.value
        if (next.value.kind === 'window') done += Number(next.value.high - next.value.low) + 1
        io.stdout.check?.()
        draw(() => {
          total ??= Math.max(1, countIds())
          return done / total
        })
      }
    },
    clear() {
      quietSince = monotonicMs()
      if (drawnAt > 0) io.stderr.write('\r\x1b[K')
      drawnAt = 0
    },
  }
}
