import type { OpenTable } from '../query/databases.js'
import { METADATA_RULES, type MetadataRules } from '../rollout/rules.js'
import { readMigrations } from '../schema/inspect.js'
import { KNOWN_MIGRATIONS } from '../schema/known-migrations.js'

/**
 * How the release that brought a state database to where it is reads rollouts: its newest known migration tells
 * the release. A database without any (not made by Codex) is taken to be the oldest.
 */
export function rulesForDatabase({ connection, file }: OpenTable): MetadataRules {
  const checksums = new Set(readMigrations(connection).map(({ checksum }) => checksum))
  const releases = KNOWN_MIGRATIONS.filter(
    ({ role, checksum }) => role === file.role && checksums.has(checksum),
  ).map(({ firstRelease }) => releaseNumber(firstRelease))
  const release = Math.max(0, ...releases)
  const fitting = Object.entries(METADATA_RULES).filter(([since]) => releaseNumber(since) <= release)
  return fitting.at(-1)?.[1] ?? METADATA_RULES['0.93']
}

/** The middle number of `0.140.0`: all that ever moved. */
function releaseNumber(release: string): number {
  return Number(release.split('.')[1] ?? 0)
}
