import { statSync } from 'node:fs'

const LOOK_MS = 5
const LONGEST_MS = 100

/**
 * For who reads one transaction after another beside a writer. A checkpoint ends, and the log is begun anew, only
 * at a commit that meets no reader; until then each commit does a part of it and costs twice as much. So: when the
 * main file was written to, which only checkpoints do, no read begins before it was written to again.
 * https://www.sqlite.org/wal.html, "Avoiding Excessively Large WAL Files"
 *
 * @returns what is to be awaited between two reads; without a checkpoint it takes microseconds
 */
export function createCheckpointGap(path: string): () => Promise<void> {
  const modifiedMs = () => statSync(path, { throwIfNoEntry: false })?.mtimeMs
  let seenMs = modifiedMs()
  return async () => {
    const startedMs = modifiedMs()
    if (startedMs === seenMs) return
    seenMs = startedMs
    for (let waitedMs = 0; waitedMs < LONGEST_MS && seenMs === startedMs; waitedMs += LOOK_MS) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      seenMs = modifiedMs()
    }
  }
}
