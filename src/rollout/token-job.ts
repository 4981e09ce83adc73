import { StateError } from '../errors.js'
import { type FindRollout, indexByRolloutId } from './lineage.js'
import { listRollouts } from './list.js'
import { type RolloutSums, sumRollout, type TokenQuestion } from './token-sums.js'
import { readRolloutTokens, type UnreadableRollout } from './tokens.js'

/** What a worker thread is started with. */
export interface TokenJobSettings {
  codexHome: string
  question: TokenQuestion
}

/** Sums rollouts of a home, file by file; one that cannot be read is named. */
export function createTokenJob({ codexHome, question }: TokenJobSettings) {
  let index: Promise<ReadonlyMap<string, { path: string }>> | undefined
  // Only forks from before 0.100 need another file.
  const findRollout: FindRollout = async (id) => {
    index ??= listRollouts(codexHome).then(({ files }) => indexByRolloutId(files))
    return (await index).get(id)?.path
  }
  return async (path: string, signal?: AbortSignal): Promise<RolloutSums | UnreadableRollout> => {
    try {
      return sumRollout(await readRolloutTokens(path, { findRollout, signal }), question)
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'ROLLOUT_UNREADABLE') throw error
      return { kind: 'unreadableRollout', path, reason: error.message }
    }
  }
}
