import { HISTORY_STATES, type HistoryCure, type ThreadHistory } from '../../model/history.js'
import { compareVersions } from '../../model/releases.js'

/** From here on Codex passes over lines that stop the releases before. */
const TOLERANT_SINCE = '0.154'

/** 0.145 cannot decode the result of a review that has findings, and leaves its ordinal out of the count. */
const COUNTS_ALL_SINCE = '0.153'

/** What cures a thread in the Codex of this version; a newer one where that is not known. */
export function cureFor({ cures, state }: ThreadHistory, version: string | undefined): HistoryCure {
  if (version === undefined || compareVersions(version, TOLERANT_SINCE) >= 0) return cures.from155
  // What these passed over once, and did not count, they pass over again.
  return state === 'cursorTooLow' && compareVersions(version, COUNTS_ALL_SINCE) < 0
    ? 'newerCodex'
    : cures.until153
}

export function describeCure(history: ThreadHistory, cure: HistoryCure): string {
  const affected = history.affectedThreadId ?? history.threadId
  switch (cure) {
    case 'none':
      return ''
    case 'resume':
      return 'resume it in Codex'
    case 'newerCodex':
      return 'resume it in Codex 0.155 or newer'
    case 'reset':
      return `codex-state history repair ${affected} --yes, then resume ${affected === history.threadId ? 'it' : 'that thread'}`
    case 'resumeBase':
      return `resume thread ${affected}, which it was forked from`
    case 'restoreFile':
      return `bring back the file of rollout ${history.affectedRolloutId}`
    case 'ordinals':
      return 'none by Codex: the last line needs an ordinal'
    case 'unknown':
      return 'none is known; its rows must not be deleted'
    default:
      return cure satisfies never
  }
}

/** What is wrong, in one sentence. */
export function describeState({ state, line }: ThreadHistory): string {
  const { words } = HISTORY_STATES[state]
  return line === null ? words : `${words}: line ${line.lineNumber} ${line.reason}`
}
