import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { MemoryPipeline } from '../model/memory.js'
import { MEMORY_PIPELINES } from '../model/memory.js'
import { readSmallFile } from '../schema/small-file.js'
import { type MemoryHome, memoryRoot } from './memory-home.js'

/** What a file below a memory root is, by its place in it. */
export const MEMORY_FILE_KINDS = [
  'summary',
  'handbook',
  'raw memories',
  'rollout summary',
  'skill',
  'note',
  'extension',
  'pending diff',
  'baseline',
  'lock',
  'other',
] as const
export type MemoryFileKind = (typeof MEMORY_FILE_KINDS)[number]

export interface MemoryFile {
  /** Absolute. */
  readonly path: string
  readonly pipeline: MemoryPipeline
  readonly kind: MemoryFileKind
  readonly madeBy: 'Codex' | 'consolidation agent' | 'agent of a session' | 'not known'
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Of a rollout summary: the thread that it tells of, where the file says so. */
  readonly threadId: string | null
  /** Its thread has no row in memories, or none at all; `null` for what belongs to no thread. */
  readonly isOrphan: boolean | null
}

interface KindRule {
  readonly pattern: RegExp
  readonly kind: MemoryFileKind
  readonly madeBy: MemoryFile['madeBy']
}

/** By the path below the root, with slashes. The first that fits. */
const KINDS: readonly KindRule[] = [
  { pattern: /^memory_summary\.md$/, kind: 'summary', madeBy: 'consolidation agent' },
  { pattern: /^MEMORY\.md$/, kind: 'handbook', madeBy: 'consolidation agent' },
  { pattern: /^raw_memories\.md$/, kind: 'raw memories', madeBy: 'Codex' },
  { pattern: /^rollout_summaries\/[^/]+\.md$/, kind: 'rollout summary', madeBy: 'Codex' },
  { pattern: /^skills\//, kind: 'skill', madeBy: 'consolidation agent' },
  { pattern: /^extensions\/ad_hoc\/notes\//, kind: 'note', madeBy: 'agent of a session' },
  { pattern: /^extensions\//, kind: 'extension', madeBy: 'Codex' },
  { pattern: /^phase2_workspace_diff\.md$/, kind: 'pending diff', madeBy: 'Codex' },
  { pattern: /^\.(?:git|codex-baseline)\//, kind: 'baseline', madeBy: 'Codex' },
]

/** A home of memories is small; a folder that somebody put there may not be. */
const MAX_FILES = 10_000

/** No summary of a thread is as long. */
const MAX_SUMMARY_BYTES = 1024 * 1024

/**
 * The files of both roots, and the locks beside them. Links are not followed. The baseline of the consolidation
 * (`.git/`) is one entry, as nobody wants its objects listed.
 */
export function listMemoryFiles(
  { codexHome }: MemoryHome,
  hasMemory: (threadId: string, pipeline: MemoryPipeline) => boolean,
): { files: MemoryFile[]; isComplete: boolean } {
  const files: MemoryFile[] = []
  let isComplete = true
  for (const pipeline of MEMORY_PIPELINES) {
    const root = memoryRoot(codexHome, pipeline)
    const baselines = new Map<string, { sizeBytes: number; modifiedMs: number }>()
    const lock = statOf(`${root}.lock`)
    for (const path of walk(root)) {
      if (files.length >= MAX_FILES) {
        isComplete = false
        break
      }
      const stat = statOf(path)
      if (!stat) continue
      const name = relative(root, path).split(sep).join('/')
      const rule = KINDS.find(({ pattern }) => pattern.test(name))
      if (rule?.kind === 'baseline') {
        const folder = join(root, name.split('/')[0]!)
        const sum = baselines.get(folder)
        baselines.set(folder, {
          sizeBytes: (sum?.sizeBytes ?? 0) + stat.size,
          modifiedMs: Math.max(sum?.modifiedMs ?? 0, stat.mtimeMs),
        })
        continue
      }
      const kind = rule?.kind ?? 'other'
      const threadId = kind === 'rollout summary' ? threadOf(path, name) : null
      files.push({
        path,
        pipeline,
        kind,
        madeBy: rule?.madeBy ?? 'not known',
        sizeBytes: stat.size,
        modifiedMs: stat.mtimeMs,
        threadId,
        isOrphan: threadId === null ? null : !hasMemory(threadId, pipeline),
      })
    }
    for (const [path, sum] of baselines) {
      files.push({
        path,
        pipeline,
        kind: 'baseline',
        madeBy: 'Codex',
        ...sum,
        threadId: null,
        isOrphan: null,
      })
    }
    if (lock) {
      files.push({
        path: `${root}.lock`,
        pipeline,
        kind: 'lock',
        madeBy: 'Codex',
        sizeBytes: lock.size,
        modifiedMs: lock.mtimeMs,
        threadId: null,
        isOrphan: null,
      })
    }
  }
  return { files, isComplete }
}

function* walk(folder: string): Generator<string> {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch {
    return
  }
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield path
  }
}

function statOf(path: string): { size: number; mtimeMs: number } | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? stat : undefined
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/

/** The head says `thread_id:`; 0.100 names the file so. */
function threadOf(path: string, name: string): string | null {
  const file = readSmallFile(path, MAX_SUMMARY_BYTES)
  const head = file.kind === 'read' && !file.isCut ? file.bytes.toString() : ''
  return (
    /^thread_id: *([0-9a-f-]{36})\s*$/m.exec(head)?.[1] ??
    new RegExp(`^rollout_summaries/(${UUID.source})\\.md$`).exec(name)?.[1] ??
    null
  )
}
