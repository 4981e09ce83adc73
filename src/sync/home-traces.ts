import { StateError } from '../errors.js'
import { compareVersions, RELEASES, type Release } from '../model/releases.js'
import { listRollouts } from '../rollout/list.js'
import { readRolloutLines, resolveRolloutFile } from '../rollout/read.js'
import { type DatabaseFile, LATER_STATE_GENERATION, OWN_STATE_GENERATION } from '../schema/files.js'

/** What tells which releases use a home whose own state database does not. */
export interface HomeTraces {
  /** Of the state database that these releases look for, as far as we can make one. */
  generation: typeof OWN_STATE_GENERATION | typeof LATER_STATE_GENERATION
  /** `undefined` where nothing tells. */
  release: Release | undefined
}

/** As many of the newest rollouts are looked at. */
const NEWEST_ROLLOUTS = 20

/** Databases of these came when the state database had its present number. */
const LATER_ROLES: readonly string[] = ['logs', 'goals', 'memories', 'memories_v2', 'queue', 'thread_history']

/** By the databases that lie there, readable or not, and by the versions that the newest rollouts name. */
export async function readHomeTraces(
  codexHome: string,
  databases: readonly DatabaseFile[],
): Promise<HomeTraces> {
  const version = await findNewestVersion(codexHome)
  const release =
    version === undefined ? undefined : RELEASES.findLast(({ since }) => compareVersions(version, since) >= 0)
  const isLater =
    (release?.generation ?? 0) >= LATER_STATE_GENERATION ||
    databases.some(
      ({ role, generation }) =>
        LATER_ROLES.includes(role) || (role === 'state' && generation >= LATER_STATE_GENERATION),
    )
  return { generation: isLater ? LATER_STATE_GENERATION : OWN_STATE_GENERATION, release }
}

async function findNewestVersion(codexHome: string): Promise<string | undefined> {
  const { files } = await listRollouts(codexHome)
  const versions: string[] = []
  for (const { path } of files.slice(-NEWEST_ROLLOUTS)) {
    try {
      for await (const line of readRolloutLines(resolveRolloutFile(path))) {
        if (line.kind === 'sessionMeta') versions.push(line.cliVersion)
        break
      }
    } catch (error) {
      if (!(error instanceof StateError)) throw error
    }
  }
  return versions.toSorted(compareVersions).at(-1)
}
