import { StateError } from '../errors.js'
import { createHomeIndex } from './home-index.js'
import { createRolloutSummer, type RolloutSums, type TokenQuestion } from './token-sums.js'
import { readLedger, type UnreadableRollout } from './tokens.js'

/** What a worker thread is started with. */
export interface TokenJobSettings {
  codexHome: string
  question: TokenQuestion
}

/** Sums listed rollouts of a home, file by file; one that cannot be read is named. */
export function createTokenJob({ codexHome, question }: TokenJobSettings) {
  // Only forks from before 0.100 need another file.
  const findRollout = createHomeIndex(codexHome)
  const summer = createRolloutSummer(question)
  return async (path: string, signal?: AbortSignal): Promise<RolloutSums | UnreadableRollout> => {
    try {
      const told = await readLedger(path, {
        findRollout,
        signal,
        onBegin: summer.begin,
        onResponse: summer.add,
      })
      const {
        threadId,
        rolloutId,
        parentThreadId,
        forkedFromId,
        usage,
        lastTotal,
        differences,
        badLineCount,
      } = told
      return {
        kind: 'sums',
        path,
        threadId,
        rolloutId,
        parentThreadId,
        forkedFromId,
        sums: summer.finish(told),
        wholeTotal: usage.total,
        lastTotal,
        differences,
        badLineCount,
      }
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'ROLLOUT_UNREADABLE') throw error
      return { kind: 'unreadableRollout', path, reason: error.message }
    }
  }
}
