import { StateError } from '../errors.js'
import type { MemoryPipeline } from '../model/memory.js'
import { type MemorySources, type OpenFirst, openMemorySources } from '../query/memories.js'
import type { ThreadTable } from '../query/threads/table.js'
import type { DatabaseFile } from '../schema/files.js'
import { readConfigTable } from '../schema/home.js'
import { describeMemoryHome, findMemoryVersion, type MemoryHome } from './memory-home.js'

/** All that is known of the memories of a home. */
export interface Memories {
  readonly home: MemoryHome
  readonly nowMs: number
  readonly sources: MemorySources
  readonly threads: ThreadTable | undefined
}

/** What has to be known of a home to tell of its memories. */
export interface MemoryPlaces {
  readonly codexHome: string
  readonly databases: readonly DatabaseFile[]
  readonly threads: ThreadTable | undefined
  readonly nowMs: number
  readonly open: OpenFirst
  readonly onNotice: (text: string) => void
}

export function describeMemories({
  codexHome,
  databases,
  threads,
  nowMs,
  open,
  onNotice,
}: MemoryPlaces): Memories {
  const config = readConfigTable(codexHome, onNotice)
  const home = describeMemoryHome(codexHome, findMemoryVersion(threads), config)
  // What no session reads may be damaged without harm to what one does.
  const deadRole = home.inUse === 'v1' ? 'memories_v2' : 'memories'
  const openUsable: OpenFirst = (table, files) => {
    try {
      return open(table, files)
    } catch (error) {
      const isDead = files.every(({ role }) => role === deadRole)
      if (!(error instanceof StateError) || !isDead) throw error
      onNotice(`${error.message}: memories in it, which no session reads, are left out`)
      return undefined
    }
  }
  return { home, nowMs, sources: openMemorySources(databases, openUsable), threads }
}

/** The pipeline of a plain list: the one in use; where that has no database, whatever was remembered before. */
export function pipelineShown({ home, sources }: Memories): MemoryPipeline | 'all' {
  return sources.pipelines.some(({ pipeline }) => pipeline === home.inUse) ? home.inUse : 'all'
}
