import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { MemoryPipeline, MemoryRules, MemorySettings } from '../model/memory.js'
import { compareVersions } from '../model/releases.js'
import type { ThreadTable } from '../query/threads/table.js'
import { chooseMemoryRules, choosePipeline, readMemorySettings } from '../schema/memory-settings.js'

/** What is known of how a home makes and uses memories. */
export interface MemoryHome {
  readonly codexHome: string
  /** The newest release that left traces here; `undefined` where none did, and the newest known one is assumed. */
  readonly version: string | undefined
  readonly rules: MemoryRules
  /** `undefined` when `config.toml` is there and cannot be used. */
  readonly settings: MemorySettings | undefined
  /** The pipeline that a session reads; by the defaults where the settings are not known. */
  readonly inUse: MemoryPipeline
  /** The rule by which it is. */
  readonly whyInUse: string
}

export function describeMemoryHome(
  codexHome: string,
  version: string | undefined,
  config: Readonly<Record<string, unknown>> | undefined,
): MemoryHome {
  const rules = chooseMemoryRules(version)
  const settings = readMemorySettings(config ?? {}, rules)
  const { pipeline, why } = choosePipeline(rules, settings, {
    hasMemoriesFolder: isFolder(memoryRoot(codexHome, 'v1')),
  })
  return {
    codexHome,
    version,
    rules,
    settings: config === undefined ? undefined : settings,
    inUse: pipeline,
    whyInUse: config === undefined ? `${why}; config.toml cannot be used` : why,
  }
}

/**
 * The release whose rules a home follows. Its migrations tell the one that opened it last, which may be newer than
 * the one that made the newest threads.
 */
export function findMemoryVersion(threads: ThreadTable | undefined): string | undefined {
  if (!threads) return undefined
  const { newestVersion, release } = threads
  return newestVersion !== undefined && compareVersions(newestVersion, release.since) >= 0
    ? newestVersion
    : release.since
}

/** Why a home makes no memories at all; `undefined` where it does, or where that is not known. */
export function whyOff({ rules, settings }: MemoryHome): string | undefined {
  const [feature] = rules.features
  if (feature === undefined) return 'the Codex of this home has no memories'
  if (settings === undefined || settings.isOn) return undefined
  const also = rules.alsoNeeds === null ? '' : ` and features.${rules.alsoNeeds}`
  return `memories are off in this home: features.${feature}${also} in config.toml`
}

export const MEMORY_FOLDERS = { v1: 'memories', v2: 'memories_v2' } as const

/** Where a pipeline has its files; in the home itself, wherever the databases are. */
export function memoryRoot(codexHome: string, pipeline: MemoryPipeline): string {
  return join(codexHome, MEMORY_FOLDERS[pipeline])
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}
