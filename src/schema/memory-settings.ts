import { MEMORY_RULES, type MemoryPipeline, type MemoryRules, type MemorySettings } from '../model/memory.js'
import { compareVersions } from '../model/releases.js'

/** The rules of the release with this version; of the newest one that is known without a version. */
export function chooseMemoryRules(version: string | undefined): MemoryRules {
  const newest = MEMORY_RULES.at(-1)!
  if (version === undefined || !/^\d/.test(version)) return newest
  return MEMORY_RULES.findLast(({ since }) => compareVersions(version, since) >= 0) ?? MEMORY_RULES[0]!
}

/** Names that a setting had before. */
const NUMBERS = {
  minIdleHours: { keys: ['min_rollout_idle_hours'], min: 1, max: 48 },
  maxAgeDays: { keys: ['max_rollout_age_days'], min: 0, max: 90 },
  maxPerStartup: { keys: ['max_rollouts_per_startup'], min: 1, max: 128 },
  maxUnusedDays: { keys: ['max_unused_days'], min: 0, max: 365 },
} as const

/** What a parsed `config.toml` says of memories; values out of range are moved into it, as Codex does. */
export function readMemorySettings(
  config: Readonly<Record<string, unknown>>,
  rules: MemoryRules,
): MemorySettings {
  const features = asTable(config.features)
  const memories = asTable(config.memories)
  const number = (name: keyof typeof NUMBERS): number => {
    const { keys, min, max } = NUMBERS[name]
    const value = keys.map((key) => memories[key]).find((value) => typeof value === 'number')
    return typeof value === 'number' ? Math.min(max, Math.max(min, value)) : rules[name]
  }
  const version = memories.version
  return {
    isOn: rules.features.some((feature) => features[feature] === true),
    usesMemories: memories.use_memories !== false,
    generatesMemories: memories.generate_memories !== false,
    minIdleHours: number('minIdleHours'),
    maxAgeDays: number('maxAgeDays'),
    maxPerStartup: number('maxPerStartup'),
    maxUnusedDays: number('maxUnusedDays'),
    version: rules.hasTwoPipelines && (version === 'v1' || version === 'v2') ? version : undefined,
    writesBoth: rules.hasTwoPipelines && memories.dual_write === true,
  }
}

/** The pipeline whose memories a session is given. */
export function choosePipeline(
  rules: MemoryRules,
  settings: MemorySettings,
  { hasMemoriesFolder }: { hasMemoriesFolder: boolean },
): MemoryPipeline {
  if (!rules.hasTwoPipelines) return 'v1'
  return settings.version ?? (rules.choosesByFolder && !hasMemoriesFolder ? 'v2' : 'v1')
}

function asTable(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
