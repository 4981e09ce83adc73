import { findHolders } from '../../inspect/holders.js'
import type { SyncProgress } from '../../model/sync.js'
import type { Io } from '../io.js'

/** Whether a process has the file open, or that is not known. */
export function isHeld(path: string): boolean {
  const { holders, isKnown } = findHolders([{ path }])
  return !isKnown || holders.length > 0
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}

const BAR_CELLS = 24

/** A bar on stderr that is written over, where somebody looks at it. */
export function createSyncProgress({ stderr }: Io): {
  show: (progress: SyncProgress) => void
  clear: () => void
} {
  let isShown = false
  return {
    show({ done, total }) {
      if (!stderr.isTerminal || total === 0) return
      isShown = true
      const filled = Math.round((done / total) * BAR_CELLS)
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
      stderr.write(`\r${bar} ${done.toLocaleString('en')} of ${count(total, 'rollout')}`)
    },
    clear() {
      if (isShown) stderr.write('\r\x1b[K')
      isShown = false
    },
  }
}
