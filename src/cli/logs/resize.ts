import type { Resize } from '../../query/log-batches.js'
import type { Records } from './records.js'

const SMALL_BYTES = 128 * 1024
const LARGE_BYTES = 512 * 1024

/** Batches of some hundred kilobytes: measured, neither smaller nor larger ones are faster. */
export function resizeFor(records: Records | undefined): Resize {
  const size = records?.bytes.length ?? 0
  return size < SMALL_BYTES ? 'grow' : size > LARGE_BYTES ? 'shrink' : 'keep'
}
