import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { MemoryPipeline, MemoryRules, MemorySettings } from '../model/memory.js'
import { chooseMemoryRules, choosePipeline, readMemorySettings } from '../schema/memory-settings.js'

/** What is known of how a home makes and uses memories. */
export interface MemoryHome {
  readonly codexHome: string
  readonly rules: MemoryRules
  /** `undefined` when `config.toml` is there and cannot be used. */
  readonly settings: MemorySettings | undefined
  /** The pipeline that a session reads; by the defaults where the settings are not known. */
  readonly inUse: MemoryPipeline
}

export function describeMemoryHome(
  codexHome: string,
  version: string | undefined,
  config: Readonly<Record<string, unknown>> | undefined,
): MemoryHome {
  const rules = chooseMemoryRules(version)
  const settings = readMemorySettings(config ?? {}, rules)
  return {
    codexHome,
    rules,
    settings: config === undefined ? undefined : settings,
    inUse: choosePipeline(rules, settings, { hasMemoriesFolder: isFolder(memoryRoot(codexHome, 'v1')) }),
  }
}

/** Where a pipeline has its files; in the home itself, wherever the databases are. */
export function memoryRoot(codexHome: string, pipeline: MemoryPipeline): string {
  return join(codexHome, pipeline === 'v1' ? 'memories' : 'memories_v2')
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}
