import { StateError } from '../errors.js'
import { readRolloutHead } from './head.js'
import { createHomeIndex, type FindRollout, homeOfRollout } from './home-index.js'
import { scanRolloutLines } from './lines.js'
import type { RolloutEnvelope } from './parse.js'
import { type ReadRolloutOptions, type RolloutFileFacts, resolveRolloutFile } from './read.js'
import { parseTimestampMs } from './timestamp.js'
import { joinText, readParts } from './values.js'

/**
 * Where the copied part of a rollout from before 0.100 ends; `null` when nothing was copied.
 *
 * @throws {StateError} `ROLLOUT_UNREADABLE`, `ABORTED`
 */
export async function findCopiedEndOf(
  file: RolloutFileFacts,
  options: ReadRolloutOptions & { findRollout?: FindRollout | undefined } = {},
): Promise<number | null> {
  const { copiedFrom } = await readRolloutHead(file, options)
  if (copiedFrom === null) return null
  return findCopiedEnd(
    file,
    copiedFrom,
    options.findRollout ?? createHomeIndex(homeOfRollout(file.path), options),
    options,
  )
}

/** A copy is written at once; its lines are no further apart than this. */
const BURST_GAP_MS = 1000

/**
 * Where the copied part of a fork ends: behind its own first line and as many as are those of the source. Without the
 * source, at the instructions with which the fork's own part begins.
 */
export async function findCopiedEnd(
  file: RolloutFileFacts,
  sourceId: string,
  find: FindRollout,
  options: ReadRolloutOptions,
): Promise<number> {
  const source = await hashLines(await find(sourceId), options)
  let copiedEnd = 0
  let lastMs: number | null = null
  let instructionsAt: number | undefined
  await scanRolloutLines(
    file,
    (line, { index, offset, endOffset }) => {
      if (index === 0 || source !== undefined) {
        const isRun = index === 0 || source?.[index - 1] === hashLine(line)
        if (isRun) copiedEnd = endOffset
        return isRun
      }
      const ms = parseTimestampMs(line.timestamp)
      if (ms !== null && lastMs !== null && ms - lastMs > BURST_GAP_MS) return false
      lastMs = ms ?? lastMs
      copiedEnd = endOffset
      if (isInstructions(line)) instructionsAt = offset
      return true
    },
    () => {},
    options,
  )
  return source === undefined ? (instructionsAt ?? copiedEnd) : copiedEnd
}

async function hashLines(
  path: string | undefined,
  options: ReadRolloutOptions,
): Promise<string[] | undefined> {
  if (path === undefined) return undefined
  const hashes: string[] = []
  try {
    await scanRolloutLines(
      resolveRolloutFile(path),
      (line) => {
        hashes.push(hashLine(line))
        return true
      },
      () => {},
      options,
    )
  } catch (error) {
    if (error instanceof StateError && error.code === 'ROLLOUT_UNREADABLE') return undefined
    throw error
  }
  return hashes
}

/** Times differ in a copy. */
function hashLine({ type, payload }: RolloutEnvelope): string {
  // Loaded here: few homes have such a fork, and it would be a good part of a thread's start.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha1').update(type).update(JSON.stringify(payload)).digest('base64')
}

function isInstructions({ type, payload }: RolloutEnvelope): boolean {
  return (
    type === 'response_item' &&
    payload.role === 'developer' &&
    joinText(readParts(payload.content), 'input_text').startsWith('<permissions instructions>')
  )
}
