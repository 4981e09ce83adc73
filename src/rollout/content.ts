import { StateError } from '../errors.js'
import { readRolloutLines, resolveRolloutFile } from './read.js'

/**
 * What Codex can take from a rollout. `older form`: written before September 2025, of which no release with a
 * database reads a line; `damaged`: no line of it can be read; `unreadable`: it may not be read here, which says
 * nothing about it.
 */
export type RolloutContent = 'usable' | 'older form' | 'empty' | 'damaged' | 'unreadable'

/** Objects that no envelope holds, which is how all lines of the older form begin. */
const WITHOUT_ENVELOPE = /\bno (timestamp|type|payload)$/

/** Whether what is wrong with a line is that it is in the older form. */
export function isOfOlderForm(reason: string): boolean {
  return WITHOUT_ENVELOPE.test(reason)
}

/** Tells what is in a rollout by its first usable line, so that little is read of most. */
export async function judgeRolloutContent(path: string): Promise<RolloutContent> {
  let content: RolloutContent = 'empty'
  try {
    for await (const line of readRolloutLines(resolveRolloutFile(path))) {
      if (line.kind !== 'malformed' && line.kind !== 'unknown') return 'usable'
      const isOlder = line.kind === 'malformed' && isOfOlderForm(line.reason)
      if (!isOlder) content = 'damaged'
      else if (content === 'empty') content = 'older form'
    }
    return content
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    // Of the system, such as EACCES; what zlib says of a damaged file begins otherwise.
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    return code?.startsWith('E') ? 'unreadable' : 'damaged'
  }
}
