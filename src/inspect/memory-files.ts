import { type Dirent, lstatSync, readdirSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { explainFileError, isMissing } from '../model/file-error.js'
import { MEMORY_PIPELINES, type MemoryPipeline } from '../model/memory.js'
import { UUID_PATTERN } from '../model/uuid.js'
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
  'leftover',
  'other',
] as const
export type MemoryFileKind = (typeof MEMORY_FILE_KINDS)[number]

export interface MemoryFile {
  /** Absolute. */
  readonly path: string
  readonly pipeline: MemoryPipeline
  readonly kind: MemoryFileKind
  readonly madeBy: MemoryFileMaker
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Of a rollout summary: the thread that it tells of, where the file says so. */
  readonly threadId: string | null
  /** What is gone of that thread: its row, or its memory in this pipeline. `null` where nothing is, or nothing can be said. */
  readonly orphan: MissingPart | null
}

export type MissingPart = 'thread' | 'memory'

type MemoryFileMaker = 'Codex' | 'consolidation agent' | 'agent of a session' | 'sandbox' | 'not known'

interface KindRule {
  readonly pattern: RegExp
  readonly kind: MemoryFileKind
  readonly madeBy: MemoryFileMaker
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
  // The sandbox of 0.125 leaves an empty one.
  { pattern: /^\.codex$/, kind: 'leftover', madeBy: 'sandbox' },
]

/** Where 0.120 to 0.125 kept what is in `extensions/` since. */
export const EXTENSIONS_FOLDER = 'memories_extensions'

/** A home of memories is small; a folder that somebody put there may not be. */
const MAX_FILES = 10_000

/** No summary of a thread is as long. */
const MAX_SUMMARY_BYTES = 1024 * 1024

export interface MemoryFilesOptions {
  /** What is gone of a thread that a summary tells of. */
  readonly findMissing: (threadId: string, pipeline: MemoryPipeline) => MissingPart | null
  /** Called with each folder or file that cannot be read. */
  readonly onNotice: (text: string) => void
}

/**
 * The files of both roots, and the locks beside them. Links are not followed. A baseline of the consolidation
 * (`.git/`) is one entry, as nobody wants its objects listed.
 */
export function listMemoryFiles({ codexHome }: MemoryHome, options: MemoryFilesOptions): MemoryFile[] {
  return MEMORY_PIPELINES.flatMap((pipeline) => {
    const root = memoryRoot(codexHome, pipeline)
    const lock = statOf(`${root}.lock`)
    return [
      ...listBelow(root, pipeline, options),
      ...(pipeline === 'v1' ? listBelow(join(codexHome, EXTENSIONS_FOLDER), pipeline, options) : []),
      ...(lock ? [entry(`${root}.lock`, pipeline, lock, { kind: 'lock', madeBy: 'Codex' })] : []),
    ]
  })
}

function listBelow(root: string, pipeline: MemoryPipeline, options: MemoryFilesOptions): MemoryFile[] {
  const isOfExtensions = basename(root) === EXTENSIONS_FOLDER
  const files: MemoryFile[] = []
  const baselines = new Map<string, MemoryFile>()
  let count = 0
  for (const path of walk(root, options.onNotice)) {
    count += 1
    if (count > MAX_FILES) {
      options.onNotice(`${root} has more than ${MAX_FILES} files; the rest is not listed`)
      break
    }
    const stat = statOf(path)
    // Files come and go under a running Codex.
    if (!stat) continue
    const name = relative(root, path).split(sep).join('/')
    const place = isOfExtensions ? `extensions/${name}` : name
    const rule = KINDS.find(({ pattern }) => pattern.test(place))
    if (rule?.kind === 'baseline') {
      const folder = join(root, name.slice(0, name.indexOf('/')))
      const { sizeBytes = 0, modifiedMs = 0 } = baselines.get(folder) ?? {}
      const sum = { size: sizeBytes + stat.size, mtimeMs: Math.max(modifiedMs, stat.mtimeMs) }
      baselines.set(folder, entry(folder, pipeline, sum, rule))
      continue
    }
    const threadId = rule?.kind === 'rollout summary' ? threadOf(path, name) : null
    files.push({
      ...entry(path, pipeline, stat, rule ?? { kind: 'other', madeBy: 'not known' }),
      threadId,
      orphan: threadId === null ? null : options.findMissing(threadId, pipeline),
    })
  }
  return [...files, ...baselines.values()]
}

function entry(
  path: string,
  pipeline: MemoryPipeline,
  { size, mtimeMs }: { size: number; mtimeMs: number },
  { kind, madeBy }: Pick<MemoryFile, 'kind' | 'madeBy'>,
): MemoryFile {
  return { path, pipeline, kind, madeBy, sizeBytes: size, modifiedMs: mtimeMs, threadId: null, orphan: null }
}

function* walk(folder: string, onNotice: (text: string) => void): Generator<string> {
  let entries: Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (!isMissing(error)) onNotice(`cannot read the folder ${folder}: ${explainFileError(error)}`)
    return
  }
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path, onNotice)
    else if (entry.isFile()) yield path
  }
}

function statOf(path: string): { size: number; mtimeMs: number } | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? stat : undefined
}

/** The head says `thread_id:`; 0.100 names the file so. */
function threadOf(path: string, name: string): string | null {
  const file = readSmallFile(path, MAX_SUMMARY_BYTES)
  const head = file.kind === 'read' && !file.isCut ? file.bytes.toString() : ''
  return (
    /^thread_id: *([0-9a-f-]{36})\s*$/m.exec(head)?.[1] ??
    new RegExp(`^rollout_summaries/(${UUID_PATTERN})\\.md$`).exec(name)?.[1] ??
    null
  )
}
