import type { Extracted, ExtractJob, ExtractSettings } from './extract.js'
import { createExtractor, type ExtractorOptions, throwIfAborted } from './extractor.js'
import type { RolloutFile } from './list.js'

/** As many rollouts are read, and then stored in one transaction. */
const BATCH_SIZE = 200

/** A rollout and what it says. */
export interface ReadRollout {
  file: RolloutFile
  result: Extracted
}

/**
 * Reads rollouts batch by batch, in their order; the next ones are read while the caller stores this one.
 *
 * @throws {StateError} `ABORTED`
 */
export async function* readRolloutBatches(
  files: readonly RolloutFile[],
  settings: ExtractSettings,
  options: ExtractorOptions = {},
): AsyncGenerator<ReadRollout[], void, undefined> {
  const jobs = files.map(({ path, root }): ExtractJob => ({ path, isArchived: root === 'archived_sessions' }))
  const extractor = createExtractor(settings, jobs, options)
  const read = (start: number) => {
    const results = extractor.extract(jobs.slice(start, start + BATCH_SIZE))
    // Awaited later; by then it may have failed, and the caller may have left.
    results.catch(() => {})
    return results
  }
  // Two batches ahead, so that no thread waits for the last file of one.
  const ahead = [read(0), read(BATCH_SIZE)]
  try {
    for (let start = 0; start < files.length; start += BATCH_SIZE) {
      const results = await ahead.shift()!
      // Read, perhaps, before the signal; but it is not to be stored any more.
      throwIfAborted(options.signal)
      ahead.push(read(start + 2 * BATCH_SIZE))
      yield results.map((result, index) => ({ file: files[start + index]!, result }))
    }
  } finally {
    await extractor.close()
  }
}
