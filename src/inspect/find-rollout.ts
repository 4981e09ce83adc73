import { indexRollouts, type LocatedRollout, type LocateProblem, locateRollout } from '../rollout/locate.js'
import type { FoundThread } from './thread-reference.js'

export interface FoundRollout {
  rollout: LocatedRollout | undefined
  /** Whether there is something that may not be looked at here and may be, or lead to, the thread's own rollout. */
  isHidden: boolean
}

/** `locateRollout` for a thread of a home, telling in words what was met on the way. */
export async function findRollout(
  codexHome: string,
  { id, thread, index }: FoundThread,
  onNotice: (text: string) => void,
): Promise<FoundRollout> {
  let isHidden = false
  const rollout = await locateRollout({
    codexHome,
    id,
    recordedPath: thread?.rolloutPath || undefined,
    index: async () => index ?? indexRollouts(codexHome, { idPrefix: id.toLowerCase() }),
    onProblem(problem) {
      isHidden ||= problem.kind === 'hidden' || problem.kind === 'unreadableFolders'
      onNotice(describeProblem(id, problem))
    },
  })
  const isOwn = rollout !== undefined && rollout.foundBy !== 'unverified'
  return { rollout, isHidden: !isOwn && (isHidden || rollout?.isUnreadable === true) }
}

function describeProblem(id: string, problem: LocateProblem): string {
  switch (problem.kind) {
    case 'missing':
      return `thread ${id}: no file at ${problem.path}`
    case 'hidden':
      return `thread ${id}: whether a file is at ${problem.path} cannot be seen: permission denied`
    case 'otherThread':
      return `thread ${id}: ${problem.path} belongs to thread ${problem.owner}`
    case 'unreadable':
      return problem.reason
    case 'unreadableFolders':
      return `${problem.count} ${problem.count === 1 ? 'folder' : 'folders'} of rollouts cannot be read`
    default:
      return problem satisfies never
  }
}
