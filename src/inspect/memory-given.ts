import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { MemoryPipeline } from '../model/memory.js'
import { readSmallFile } from '../schema/small-file.js'
import { type MemoryHome, memoryRoot } from './memory-home.js'

/** What the next session of a home is given of its memories. */
export interface GivenMemory {
  readonly isGiven: boolean
  /** Why nothing is given; `null` when something is. */
  readonly reason: string | null
  readonly pipeline: MemoryPipeline
  readonly path: string
  /** The text, cut as this release cuts it; `null` when nothing is given. */
  readonly text: string | null
  /** Bytes that were left out of it. */
  readonly cutBytes: number
  readonly sizeBytes: number | null
  /** Unix milliseconds. */
  readonly modifiedMs: number | null
  /** `true`, or `false` where the release asks for the mark and it is not there; `null` where it does not ask. */
  readonly hasFormatMark: boolean | null
}

/** Codex counts four bytes for a token when it cuts. */
const BYTES_PER_TOKEN = 4

/** No summary is as long. */
const MAX_BYTES = 4 * 1024 * 1024

export function readGivenMemory({ codexHome, inUse, rules, settings }: MemoryHome): GivenMemory {
  const path = join(memoryRoot(codexHome, inUse), 'memory_summary.md')
  const file = readSmallFile(path, MAX_BYTES)
  const stat = lstatSync(path, { throwIfNoEntry: false })
  const bytes = file.kind === 'read' ? file.bytes : undefined
  const hasFormatMark = rules.needsFormatMark && bytes ? /^v1\r?$/m.test(firstLine(bytes)) : null
  const base = {
    pipeline: inUse,
    path,
    sizeBytes: stat?.size ?? null,
    modifiedMs: stat?.mtimeMs ?? null,
    hasFormatMark,
  }
  const nothing = (reason: string): GivenMemory => ({
    ...base,
    isGiven: false,
    reason,
    text: null,
    cutBytes: 0,
  })

  const [feature] = rules.features
  if (feature === undefined) return nothing('this release has no memories')
  if (settings === undefined) return nothing('not known: config.toml cannot be used')
  if (!settings.isOn) return nothing(`memories are off in this home: features.${feature} in config.toml`)
  if (!settings.usesMemories) return nothing('memories.use_memories is false in config.toml')
  if (file.kind === 'missing') return nothing('there is no summary yet: no consolidation has ended well')
  if (file.kind === 'unreadable') return nothing(`cannot read ${path}: ${file.reason}`)
  if (file.isCut) return nothing(`${path} is longer than ${MAX_BYTES / 1024 / 1024} MiB`)
  if (file.bytes.toString().trim() === '') return nothing('the summary is empty')
  if (hasFormatMark === false)
    return nothing('the summary does not begin with the line v1, which this release asks for')
  const limit = rules.givenTokens * BYTES_PER_TOKEN
  const cut = cutAt(file.bytes, limit)
  return {
    ...base,
    isGiven: true,
    reason: null,
    text: cut.toString(),
    cutBytes: Math.max(0, (stat?.size ?? file.bytes.length) - cut.length),
  }
}

function firstLine(bytes: Buffer): string {
  const end = bytes.indexOf(10)
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString()
}

/** Never within a character. */
function cutAt(bytes: Buffer, limit: number): Buffer {
  if (bytes.length <= limit) return bytes
  let end = limit
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end)
}
