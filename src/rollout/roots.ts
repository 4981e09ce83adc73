import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing } from '../model/file-error.js'

/** The folders of a Codex home that hold rollouts. */
export const ROLLOUT_ROOTS = ['sessions', 'archived_sessions'] as const

export type RolloutRoot = (typeof ROLLOUT_ROOTS)[number]

/** Whether a home has a folder of rollouts, be it one that may not be looked into. */
export function hasRolloutFolder(codexHome: string): boolean {
  return ROLLOUT_ROOTS.some((root) => {
    try {
      statSync(join(codexHome, root))
      return true
    } catch (error) {
      return !isMissing(error)
    }
  })
}
