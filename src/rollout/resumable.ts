import { StateError } from '../errors.js'
import { judgeRolloutContent } from './content.js'
import { scanRolloutLines } from './lines.js'
import type { RolloutFileFacts } from './read.js'

/**
 * Why a Codex that reads this rollout refuses to resume it, in plain words; `undefined` where none of the known
 * reasons is there. All of the file is looked at.
 */
export async function findResumeObstacle(file: RolloutFileFacts): Promise<string | undefined> {
  switch (await judgeRolloutContent(file.path)) {
    case 'older form':
      return 'it was written before September 2025, in a form that no Codex with a database reads'
    case 'empty':
      return 'it is empty'
    case 'damaged':
      return 'no line of it can be read: the file is empty of text or damaged'
    case 'unreadable':
      return 'it cannot be read here'
    case 'usable':
      return findBadLine(file)
  }
}

async function findBadLine(file: RolloutFileFacts): Promise<string | undefined> {
  let notUtf8: number | undefined
  let isPaginated = false
  let last = { lineNumber: 0, hasOrdinal: true }
  try {
    await scanRolloutLines(
      file,
      (line, { lineNumber }) => {
        if (line.type === 'session_meta' && line.payload.history_mode === 'paginated') isPaginated = true
        last = { lineNumber, hasOrdinal: line.ordinal !== null }
        return true
      },
      ({ lineNumber, reason }) => {
        if (reason.endsWith('not UTF-8')) notUtf8 ??= lineNumber
      },
    )
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    return error.message
  }
  if (notUtf8 !== undefined) return `line ${notUtf8} is not UTF-8`
  // 0.169 goes on counting from the last line.
  if (isPaginated && !last.hasOrdinal) return `its last line, ${last.lineNumber}, has no ordinal`
  return undefined
}
