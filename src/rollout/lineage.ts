import { StateError } from '../errors.js'
import { findCopiedEnd } from './copied-end.js'
import { type RolloutHead, readRolloutHead } from './head.js'
import { createHomeIndex, type FindRollout, homeOfRollout } from './home-index.js'
import { type ReadRolloutOptions, type RolloutFileFacts, resolveRolloutFile } from './read.js'

export interface MissingBase {
  rolloutId: string
  /** Whose `history_base` names it. */
  neededBy: string
  reason: 'not found' | 'unreadable' | 'circle'
}

export interface LineageBase {
  rolloutId: string
  file: RolloutFileFacts
  head: RolloutHead
  /** Of its lines those from `startOrdinal` to before `endOrdinal` belong to the history. */
  startOrdinal: number
  endOrdinal: number
}

export interface Lineage {
  file: RolloutFileFacts
  head: RolloutHead
  /** The nearest first. */
  bases: LineageBase[]
  missingBase: MissingBase | null
  /** Before 0.100 no line tells where a copied history ends: the byte at which it does; `null` where lines tell. */
  copiedEnd: number | null
  /** Whether it is paginated cannot be told: its first line is lost. */
  hasLostMode: boolean
}

/** Follows a chain of forks no further than this. */
const MAX_BASES = 1000

/**
 * The files that make up the history of a rollout.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function readLineage(
  path: string,
  options: ReadRolloutOptions & { findRollout?: FindRollout | undefined } = {},
): Promise<Lineage> {
  const file = resolveRolloutFile(path)
  const find = options.findRollout ?? createHomeIndex(homeOfRollout(file.path), options)
  const { head, copiedFrom, hasLostMode } = await readRolloutHead(file, options)
  const bases: LineageBase[] = []
  const seen = new Set([head.rolloutId])
  let missingBase: MissingBase | null = null
  let endOrdinal = Number.POSITIVE_INFINITY
  for (let current = head; current.base !== null && bases.length < MAX_BASES; ) {
    const { rolloutId } = current.base
    const neededBy = current.rolloutId
    endOrdinal = Math.min(endOrdinal, current.base.endOrdinal)
    if (seen.has(rolloutId)) {
      missingBase = { rolloutId, neededBy, reason: 'circle' }
      break
    }
    seen.add(rolloutId)
    const found = await readBase(rolloutId, find, options)
    if (typeof found === 'string') {
      missingBase = { rolloutId, neededBy, reason: found }
      break
    }
    bases.push({ rolloutId, ...found, startOrdinal: found.head.startOrdinal, endOrdinal })
    current = found.head
  }
  const copiedEnd =
    copiedFrom !== null && head.hasNoTurnLines ? await findCopiedEnd(file, copiedFrom, find, options) : null
  return { file, head, bases, missingBase, copiedEnd, hasLostMode }
}

async function readBase(
  rolloutId: string,
  find: FindRollout,
  options: ReadRolloutOptions,
): Promise<{ file: RolloutFileFacts; head: RolloutHead } | 'not found' | 'unreadable'> {
  const path = await find(rolloutId)
  if (path === undefined) return 'not found'
  try {
    const file = resolveRolloutFile(path)
    return { file, head: (await readRolloutHead(file, options)).head }
  } catch (error) {
    if (error instanceof StateError && error.code === 'ROLLOUT_UNREADABLE') return 'unreadable'
    throw error
  }
}
