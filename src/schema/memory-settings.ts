import {
  MEMORY_FAULTS,
  MEMORY_RULES,
  type MemoryFault,
  type MemoryPipeline,
  type MemoryRules,
  type MemorySettings,
} from '../model/memory.js'
import { compareVersions } from '../model/releases.js'

/** The rules of the release with this version; of the newest one that is known without a version. */
export function chooseMemoryRules(version: string | undefined): MemoryRules {
  const newest = MEMORY_RULES.at(-1)!
  if (version === undefined || !/^\d/.test(version)) return newest
  return MEMORY_RULES.findLast(({ since }) => compareVersions(version, since) >= 0) ?? MEMORY_RULES[0]!
}

/** What the release with this version does wrong, of the kind that is asked about. */
export function findMemoryFault(
  shows: MemoryFault['shows'],
  version: string | undefined,
): string | undefined {
  if (version === undefined || !/^\d/.test(version)) return undefined
  return MEMORY_FAULTS.find(
    (fault) =>
      fault.shows === shows &&
      compareVersions(version, fault.since) >= 0 &&
      compareVersions(version, fault.until) < 0,
  )?.text
}

const NUMBERS = {
  minIdleHours: { key: 'min_rollout_idle_hours', min: 1, max: 48 },
  maxAgeDays: { key: 'max_rollout_age_days', min: 0, max: 90 },
  maxPerStartup: { key: 'max_rollouts_per_startup', min: 1, max: 128 },
  maxUnusedDays: { key: 'max_unused_days', min: 0, max: 365 },
} as const

/** What a parsed `config.toml` says of memories; values out of range are moved into it, as Codex does. */
export function readMemorySettings(
  config: Readonly<Record<string, unknown>>,
  rules: MemoryRules,
): MemorySettings {
  const features = asTable(config.features)
  const memories = asTable(config.memories)
  const number = (name: keyof typeof NUMBERS, otherwise: number): number => {
    const { key, min, max } = NUMBERS[name]
    const value = rules.readsNumbers ? memories[key] : undefined
    return typeof value === 'number' ? Math.min(max, Math.max(min, value)) : otherwise
  }
  const isOn = (feature: string) => isFeatureOn(features[feature])
  const version = memories.version
  return {
    isOn: rules.features.some(isOn) && (rules.alsoNeeds === null || isOn(rules.alsoNeeds)),
    usesMemories: memories.use_memories !== false,
    generatesMemories: memories.generate_memories !== false,
    minIdleHours: number('minIdleHours', rules.minIdleHours),
    maxAgeDays: number('maxAgeDays', rules.maxAgeDays),
    maxPerStartup: number('maxPerStartup', rules.maxPerStartup),
    maxUnusedDays: rules.maxUnusedDays === null ? null : number('maxUnusedDays', rules.maxUnusedDays),
    version: rules.hasTwoPipelines && (version === 'v1' || version === 'v2') ? version : undefined,
    writesBoth: rules.hasTwoPipelines && memories.dual_write === true,
  }
}

/** The pipeline whose memories a session is given, and the rule that says so. */
export function choosePipeline(
  rules: MemoryRules,
  settings: MemorySettings,
  { hasMemoriesFolder }: { hasMemoriesFolder: boolean },
): { pipeline: MemoryPipeline; why: string } {
  const { version } = settings
  if (!rules.hasTwoPipelines) return { pipeline: 'v1', why: 'this release has no other' }
  if (version !== undefined)
    return { pipeline: version, why: `memories.version = "${version}" in config.toml` }
  if (!rules.choosesByFolder) return { pipeline: 'v1', why: 'the default of this release' }
  return hasMemoriesFolder
    ? { pipeline: 'v1', why: 'the folder memories/ is there, and config.toml has no memories.version' }
    : { pipeline: 'v2', why: 'there is no folder memories/, and config.toml has no memories.version' }
}

/** A feature is a switch, or a table of settings with one in it. */
function isFeatureOn(value: unknown): boolean {
  return value === true || asTable(value).enabled === true
}

/** A part of a `config.toml`; empty where it is none. */
export function asTable(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
