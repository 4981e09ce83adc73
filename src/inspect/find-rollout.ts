import type { ThreadRow } from '../model/thread.js'
import { indexRollouts, type LocatedRollout, type LocateProblem, locateRollout } from '../rollout/locate.js'

/** `locateRollout` for a thread of a home, telling in words what was met on the way. */
export function findRollout(
  codexHome: string,
  id: string,
  thread: ThreadRow | undefined,
  onNotice: (text: string) => void,
): Promise<LocatedRollout | undefined> {
  return locateRollout({
    codexHome,
    id,
    recordedPath: thread?.rolloutPath,
    index: () => indexRollouts(codexHome),
    onProblem: (problem) => onNotice(describeProblem(id, problem)),
  })
}

function describeProblem(id: string, problem: LocateProblem): string {
  switch (problem.kind) {
    case 'missing':
      return `thread ${id}: no file at ${problem.path}`
    case 'otherThread':
      return `thread ${id}: ${problem.path} belongs to thread ${problem.owner}`
    case 'unreadable':
      return problem.reason
    case 'unreadableFolders':
      return `${problem.count} folders of rollouts cannot be read`
    default:
      return problem satisfies never
  }
}
