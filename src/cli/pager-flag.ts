import { offFlag } from './flags.js'
import type { Io } from './io.js'

/** For a command that prints and ends; the pager itself is started just before its work. */
export const PAGER_FLAGS = { pager: offFlag('do not show long output in a pager') }

/** Whether the command that is about to run prints to somebody who reads along, and ends by itself. */
export function wantsPager({ pager, follow, watch }: Readonly<Record<string, unknown>>, io: Io): boolean {
  return pager === true && follow !== true && watch !== true && io.stdout.isTerminal && io.stdinIsTerminal
}
