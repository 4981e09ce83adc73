import { METADATA_RULES, type MetadataRules } from './rules.js'

/** The newest state migration of a database, and the rules of the releases that leave it there. */
const RULES_BY_MIGRATION: readonly (readonly [number, keyof typeof METADATA_RULES])[] = [
  [56, '0.157'],
  [41, '0.145'],
  [40, '0.143'],
  [35, '0.136'],
  [31, '0.130'],
  [24, '0.120'],
  [22, '0.117'],
  [18, '0.106'],
  [13, '0.105'],
  [7, '0.99'],
]

/**
 * How the releases read rollouts that write to a state database like this one.
 *
 * @param generation the number in its name, 0 without one, `undefined` for a name that is not Codex's
 */
export function chooseRules(newestMigration: number, generation: number | undefined): MetadataRules {
  const found = RULES_BY_MIGRATION.find(([version]) => newestMigration >= version)
  return METADATA_RULES[found?.[1] ?? (generation === 0 ? '0.93' : '0.96')]
}
