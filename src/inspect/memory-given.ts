import { existsSync, lstatSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { MemoryPipeline } from '../model/memory.js'
import { isSamePath } from '../model/paths.js'
import { readConfigTable } from '../schema/home.js'
import { readSmallFile } from '../schema/small-file.js'
import { type MemoryHome, memoryRoot, whyOff } from './memory-home.js'

/** What the next session of a home is given of its memories. */
export interface GivenMemory {
  readonly isGiven: boolean
  /** Why nothing is given; `null` when something is. */
  readonly reason: string | null
  readonly pipeline: MemoryPipeline
  readonly path: string
  /** The text, its middle cut out where it is longer than this release gives; `null` when nothing is given. */
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

export function readGivenMemory(home: MemoryHome): GivenMemory {
  const { codexHome, inUse, rules, settings } = home
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

  const off = whyOff(home)
  if (off !== undefined) return nothing(off)
  if (settings === undefined) return nothing('not known: config.toml cannot be used')
  if (!settings.usesMemories) return nothing('memories.use_memories is false in config.toml')
  if (file.kind === 'missing') return nothing('there is no summary yet: no consolidation has ended well')
  if (file.kind === 'unreadable') return nothing(`cannot read ${path}: ${file.reason}`)
  if (file.isCut) return nothing(`${path} is longer than ${MAX_BYTES / 1024 / 1024} MiB`)
  if (file.bytes.toString().trim() === '') return nothing('the summary is empty')
  if (hasFormatMark === false)
    return nothing('the summary does not begin with the line v1, which this release asks for')
  const { text, cutBytes } = cutMiddle(file.bytes, rules.givenTokens)
  return { ...base, isGiven: true, reason: null, text, cutBytes }
}

function firstLine(bytes: Buffer): string {
  const end = bytes.indexOf(10)
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString()
}

/**
 * Codex keeps the beginning and the end, as much of both, and says between them how much is missing. Never cuts
 * within a character.
 */
function cutMiddle(bytes: Buffer, tokens: number): { text: string; cutBytes: number } {
  const limit = tokens * BYTES_PER_TOKEN
  if (bytes.length <= limit) return { text: bytes.toString(), cutBytes: 0 }
  const isWithinCharacter = (at: number) => (bytes[at]! & 0xc0) === 0x80
  let headEnd = Math.floor(limit / 2)
  while (isWithinCharacter(headEnd)) headEnd -= 1
  let tailStart = bytes.length - (limit - Math.floor(limit / 2))
  while (tailStart < bytes.length && isWithinCharacter(tailStart)) tailStart += 1
  const missing = Math.ceil((bytes.length - limit) / BYTES_PER_TOKEN)
  const [head, tail] = [bytes.subarray(0, headEnd), bytes.subarray(tailStart)]
  return { text: `${head}…${missing} tokens truncated…${tail}`, cutBytes: tailStart - headEnd }
}

/** The configurations of a project that say something of memories: those of a folder and above it, up to its `.git`. */
export function findProjectSettings(
  cwd: string,
  codexHome: string,
  onNotice: (text: string) => void,
): string[] {
  const above = [...foldersUp(cwd)]
  const rootAt = above.findIndex((folder) => existsSync(join(folder, '.git')))
  // Without a root the folder stands for itself.
  return above.slice(0, Math.max(0, rootAt) + 1).flatMap((folder) => {
    const place = join(folder, '.codex')
    if (isSamePath(place, codexHome)) return []
    const { memories, features } = readConfigTable(place, onNotice) ?? {}
    const isFeature = typeof features === 'object' && features !== null && 'memories' in features
    return memories !== undefined || isFeature ? [join(place, 'config.toml')] : []
  })
}

function* foldersUp(from: string): Generator<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    yield folder
    if (dirname(folder) === folder) return
  }
}
