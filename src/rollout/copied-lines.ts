import { isOwnTurn, type RolloutHead } from './head.js'
import { type JsonObject, numberOrNull, textOrNull } from './values.js'

/** Tells the lines that a fork or a sub-agent copied from another thread from those that the thread wrote itself. */
export interface CopyTracker {
  /** For each `session_meta` of the file. */
  addMeta(threadId: string | null): void
  /** For each line that begins a turn; its payload is only read where it matters. */
  addTurn(readPayload: () => JsonObject | undefined): void
  isCopy(line: { ordinal: number | null; offset: number }): boolean
  /** Whether the file has lines of another thread. */
  hasCopy(): boolean
}

/**
 * In the paginated format an ordinal tells. In the legacy one a copy ends where a turn begins that is the thread's own; before 0.100, after as many lines as the source has.
 *
 * @param copiedEnd the byte at which a copy from before 0.100 ends; `null` where lines tell
 */
export function createCopyTracker(head: RolloutHead, copiedEnd: number | null): CopyTracker {
  let isInCopy = false
  let hasCopy = false
  return {
    addMeta(threadId) {
      if (threadId === null || threadId.toLowerCase() === head.threadId) return
      isInCopy = head.historyMode === 'legacy'
      hasCopy = true
    },
    addTurn(readPayload) {
      if (!isInCopy || copiedEnd !== null) return
      const payload = readPayload()
      const turnId = textOrNull(payload?.turn_id)
      if (turnId !== null && isOwnTurn(head, turnId, numberOrNull(payload?.started_at))) isInCopy = false
    },
    isCopy({ ordinal, offset }) {
      if (isInCopy && copiedEnd !== null && offset >= copiedEnd) isInCopy = false
      return isInCopy || (ordinal !== null && ordinal < head.startOrdinal)
    },
    hasCopy: () => hasCopy,
  }
}
