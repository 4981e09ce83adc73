import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { StateError } from '../errors.js'
import { parseTimestampMs } from './timestamp.js'

/** The folders of a Codex home that hold rollouts. */
export const ROLLOUT_ROOTS = ['sessions', 'archived_sessions'] as const

export type RolloutRoot = (typeof ROLLOUT_ROOTS)[number]

export interface RolloutFile {
  kind: 'rollout'
  /** As on disk: ends in `.jsonl`, or in `.jsonl.zst` when there is no plain file beside it. */
  path: string
  root: RolloutRoot
  /** Path below the Codex home with `/` between its parts: where this file stands in a backfill. */
  watermark: string
}

export interface UnreadableFolder {
  kind: 'unreadableFolder'
  path: string
  reason: string
}

export interface RolloutName {
  /** Lower case. */
  threadId: string
  /** A thread can have several rollouts; the database says which one is current. */
  rolloutId: string | null
  /** Unix milliseconds of the time in the name as if it were UTC; it was written in local time. */
  createdAtMs: number
}

export interface ListRolloutsOptions {
  roots?: readonly RolloutRoot[] | undefined
  /** Looked at before each folder. */
  signal?: AbortSignal | undefined
}

/**
 * All rollouts of a home, by watermark, and the folders that could not be read. Folders are walked to any depth;
 * links are not followed, except a root that is one. A missing root is an empty one.
 *
 * @throws {StateError} `ABORTED`
 */
export async function listRollouts(
  codexHome: string,
  options: ListRolloutsOptions = {},
): Promise<{ files: RolloutFile[]; unreadable: UnreadableFolder[] }> {
  const files: RolloutFile[] = []
  const unreadable: UnreadableFolder[] = []
  for (const root of options.roots ?? ROLLOUT_ROOTS) {
    const folders = [join(codexHome, root)]
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const entries = await readFolder(folder, codexHome, root, options.signal)
      if (entries.kind === 'unreadableFolder') {
        unreadable.push(entries)
        continue
      }
      for (const file of entries.files) files.push(file)
      for (const below of entries.folders) folders.push(below)
    }
  }
  return { files: sortByWatermark(files), unreadable }
}

/**
 * The rollouts of one root, newest first by time and thread id of their names, one folder in memory at a time:
 * for a reader that stops after a page. Names that tell no time are left out, and so are folders other than
 * `YYYY/MM/DD`.
 *
 * @throws {StateError} `ABORTED`
 */
export async function* walkRolloutsNewestFirst(
  codexHome: string,
  root: RolloutRoot,
  options: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<RolloutFile | UnreadableFolder, void, undefined> {
  const depth = root === 'sessions' ? 3 : 0
  yield* walkFolder(join(codexHome, root), depth)

  async function* walkFolder(
    folder: string,
    levelsBelow: number,
  ): AsyncGenerator<RolloutFile | UnreadableFolder, void, undefined> {
    const entries = await readFolder(folder, codexHome, root, options.signal)
    if (entries.kind === 'unreadableFolder') {
      yield entries
      return
    }
    if (levelsBelow === 0) {
      yield* sortNewestFirst(entries.files)
      return
    }
    const newestFirst = entries.folders
      .map((path) => ({ path, number: Number(/^\d+$/.exec(basename(path))?.[0] ?? Number.NaN) }))
      .filter(({ number }) => !Number.isNaN(number))
      .sort((a, b) => b.number - a.number)
    for (const { path } of newestFirst) yield* walkFolder(path, levelsBelow - 1)
  }
}

function sortNewestFirst(files: readonly RolloutFile[]): RolloutFile[] {
  return files
    .flatMap((file) => {
      const name = parseRolloutName(file.path)
      return name === null ? [] : [{ file, name }]
    })
    .sort(
      (a, b) =>
        b.name.createdAtMs - a.name.createdAtMs ||
        compareText(b.name.threadId, a.name.threadId) ||
        compareText(b.file.path, a.file.path),
    )
    .map(({ file }) => file)
}

/** As `compareWatermarks`: of 20,000 rollouts, to make bytes of the names would be half the time to list them. */
function sortByWatermark(files: RolloutFile[]): RolloutFile[] {
  if (files.every(({ watermark }) => isAscii(watermark)))
    return files.sort((a, b) => compareText(a.watermark, b.watermark))
  return files
    .map((file) => ({ file, bytes: Buffer.from(file.watermark) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ file }) => file)
}

/** The order in which a backfill goes: by bytes, so `archived_sessions/…` first, and old days first. */
export function compareWatermarks(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export function watermarkOf(codexHome: string, path: string): string {
  const below = relative(codexHome, path)
  const isBelow = below !== '..' && !below.startsWith(`..${sep}`)
  return (isBelow ? below : path).replaceAll('\\', '/')
}

const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'
const ROLLOUT_NAME = new RegExp(`^rollout-(.*)-(${UUID})(?:_(${UUID}))?\\.jsonl(?:\\.zst)?$`)

/** Takes a path or a name; `null` when it does not tell a time and a thread. */
export function parseRolloutName(path: string): RolloutName | null {
  const match = ROLLOUT_NAME.exec(basename(path))
  if (match === null) return null
  const createdAtMs = parseTimestampMs(match[1]!)
  if (createdAtMs === null) return null
  return { threadId: match[2]!.toLowerCase(), rolloutId: match[3]?.toLowerCase() ?? null, createdAtMs }
}

async function readFolder(
  folder: string,
  codexHome: string,
  root: RolloutRoot,
  signal: AbortSignal | undefined,
): Promise<{ kind: 'folder'; files: RolloutFile[]; folders: string[] } | UnreadableFolder> {
  if (signal?.aborted)
    throw new StateError('ABORTED', 'listing rollouts was aborted', { cause: signal.reason })
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && folder === join(codexHome, root))
      return { kind: 'folder', files: [], folders: [] }
    return { kind: 'unreadableFolder', path: folder, reason: message }
  }
  const names = new Set(
    entries.filter((entry) => entry.isFile() && isRolloutName(entry.name)).map(({ name }) => name),
  )
  const watermark = watermarkOf(codexHome, folder)
  const files = [...names]
    .filter((name) => !name.endsWith('.zst') || !names.has(name.slice(0, -'.zst'.length)))
    .map(
      (name): RolloutFile => ({
        kind: 'rollout',
        path: `${folder}${sep}${name}`,
        root,
        watermark: `${watermark}/${name.replaceAll('\\', '/')}`,
      }),
    )
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name))
  return { kind: 'folder', files, folders }
}

function isRolloutName(name: string): boolean {
  return name.startsWith('rollout-') && (name.endsWith('.jsonl') || name.endsWith('.jsonl.zst'))
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
